"""Pooling over a sequence in gates: a small build, and one that takes a channel a cycle."""

from amaranth.hdl import Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.primitives.counters import channel_counter
from hdl.primitives.fifo import RegisterFifo
from hdl.primitives.memory import ram
from hdl.primitives.single_port import SinglePortMemory
from hdl.primitives.streams import Beat, beats
from quantize.layers.ends import POOLED_WIDTH, PoolSpec


class PooledWord(data.StructLayout):
    """One word of a pooled sequence.

    Members
    -------
    last : 1
        The constant channel, which comes last.
    value : signed(16)
    """

    def __init__(self) -> None:
        super().__init__({"last": 1, "value": signed(POOLED_WIDTH)})


class Pool(wiring.Component):
    """`quantize.layers.ends.PoolSpec` in gates: a beat in four cycles; the last step's beats leave pooled.

    Members
    -------
    i : In(stream of Beat)
    o : Out(stream of PooledWord), H + 1 words a sequence
    """

    def __init__(self, spec: PoolSpec, target: DeviceFeatures = MULTIPLIER_BLOCKS):
        self.spec, self.target = spec, target
        super().__init__({"i": In(beats(spec.input.width)), "o": Out(stream.Signature(PooledWord()))})

    @property
    def cycles_per_step(self) -> int:
        return 4 * self.spec.channels

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, channels = self.spec, self.spec.channels
        given = Signal(range(channels))
        steps = Signal(spec.length_bits + 1)
        take, taken, emitted, constant = Signal(), Signal(), Signal(), Signal()
        read, loaded = Signal(), Signal()
        last_channel = given == channels - 1
        emits = self.i.payload.last
        # Its register ends the path from the memory through the adder.
        m.submodules.queue = queue = RegisterFifo(PooledWord(), 1)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        # A channel's sum is read in the cycle after the last one's was written; it is loaded, added to, and
        # written a cycle later, for a single-port memory stands far away in a corner of its part.
        m.d.sync += [
            taken.eq(take),
            emitted.eq(take & emits),
            read.eq(~take & ~taken),
            loaded.eq(Mux(loaded, ~take, self.i.valid & read)),
        ]
        with m.If(taken):
            m.d.sync += given.eq(Mux(last_channel, 0, given + 1))
        m.d.comb += [
            self.i.ready.eq(loaded & ~constant & (~emits | queue.i.ready)),
            take.eq(self.i.valid & self.i.ready),
            queue.i.valid.eq(constant | emitted),
            queue.i.payload.last.eq(constant),
        ]
        total = Signal(signed(spec.sum_width if spec.mean else spec.input.width), reset_less=True)
        if spec.mean:
            m.submodules.sums = sums = SinglePortMemory(channels, spec.sum_width, self.target)
            loaded_sum = Signal(signed(spec.sum_width), reset_less=True)
            # A sum begins with the half that rounds it, which takes no adder.
            half = (1 << spec.shift) >> 1
            with m.If(~loaded):
                m.d.sync += loaded_sum.eq(Mux(self.i.payload.first, half, sums.r_data.as_signed()))
            m.d.sync += total.eq(loaded_sum + self.i.payload.value)
            m.d.comb += [
                sums.address.eq(given),
                sums.write.eq(taken),
                sums.w_data.eq(total),
            ]
        else:
            m.d.sync += total.eq(self.i.payload.value)
        pooled = total >> spec.shift if spec.mean else total
        one = (steps << spec.one_bits) >> spec.shift if spec.mean else Const(1 << spec.one_bits)
        m.d.comb += queue.i.payload.value.eq(Mux(constant, one, pooled))
        with m.If(taken & last_channel):
            m.d.sync += [steps.eq(steps + 1), constant.eq(emitted)]
        with m.If(constant & queue.i.ready):
            m.d.sync += [constant.eq(0), steps.eq(0)]
        return m


class PooledSum(data.StructLayout):
    """A sum before its shift.

    Members
    -------
    constant : 1
        Of the constant channel, which is not rounded.
    sum : signed(sum_width)
    """

    def __init__(self, width: int):
        super().__init__({"constant": 1, "sum": signed(width)})


class StreamedPool(wiring.Component):
    """A `Pool` with the sums in look-up tables, and with registers before they are rounded.

    Parameters
    ----------
    spec : PoolSpec

    Members
    -------
    i : In(stream of Beat)
    o : Out(stream of PooledWord), H + 1 words a sequence
    """

    def __init__(self, spec: PoolSpec):
        self.spec = spec
        super().__init__({"i": In(beats(spec.input.width)), "o": Out(stream.Signature(PooledWord()))})

    @property
    def cycles_per_step(self) -> int:
        return self.spec.channels

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, channels = self.spec, self.spec.channels
        # Between two queues the sums wait for nobody's consent in the same cycle.
        m.submodules.head = head = RegisterFifo(Beat(spec.input.width), 2)
        wiring.connect(m, wiring.flipped(self.i), head.i)
        beat = head.o.payload
        m.submodules.sums_out = out = RegisterFifo(PooledSum(spec.sum_width), 2)
        steps = Signal(spec.length_bits + 1)
        take, constant, primed = Signal(), Signal(), Signal()
        given, _ = channel_counter(m, "given", channels, take)
        emits = beat.last
        total = Signal(signed(spec.sum_width))
        m.d.sync += primed.eq(1)  # the first cycle after a reset only reads
        m.d.comb += [
            head.o.ready.eq(primed & ~constant & (~emits | out.i.ready)),
            take.eq(head.o.valid & head.o.ready),
            out.i.valid.eq(constant | (primed & head.o.valid & emits)),
            out.i.payload.constant.eq(constant),
            out.i.payload.sum.eq(Mux(constant, (steps if spec.mean else 1) << spec.one_bits, total)),
        ]
        if not spec.mean:
            m.d.comb += total.eq(beat.value)
        else:
            before = Signal(signed(spec.sum_width))
            m.d.comb += total.eq(Mux(beat.first, 0, before) + beat.value)
            if channels == 1:  # a memory could not be read in the cycle after it was written
                with m.If(take):
                    m.d.sync += before.eq(total)
            else:
                write, read = ram(m, "sums", channels, spec.sum_width, quick=True)
                # The next channel's is read as a beat is taken, at an address that waits for nobody.
                fetch = take | ~primed
                ahead, _ = channel_counter(m, "ahead", channels, fetch)
                m.d.comb += [
                    before.eq(read.data),
                    read.addr.eq(ahead),
                    read.en.eq(fetch),
                    write.en.eq(take),
                    write.addr.eq(given),
                    write.data.eq(total),
                ]
        with m.If(take & (given == channels - 1)):
            m.d.sync += [steps.eq(steps + 1), constant.eq(emits)]
        with m.If(constant & out.i.ready):
            m.d.sync += [constant.eq(0), steps.eq(0)]

        shift, word = spec.shift, out.o.payload
        round_bit = word.sum[shift - 1] & ~word.constant if shift else 0
        m.d.comb += [
            self.o.valid.eq(out.o.valid),
            out.o.ready.eq(self.o.ready),
            self.o.payload.last.eq(word.constant),
            self.o.payload.value.eq((word.sum >> shift) + round_bit),
        ]
        return m


AnyPool = Pool | StreamedPool
