"""The end of a network in gates: pooling and decoder. They have time, so they are small."""

from amaranth.hdl import Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.primitives.fifo import RegisterFifo
from hdl.primitives.fixed import count_width
from hdl.primitives.memory import rom, words_of
from hdl.primitives.serial_multiplier import SerialMultiplier
from hdl.primitives.single_port import SinglePortMemory
from hdl.primitives.streams import Logit, beats
from quantize.layers.ends import POOLED_WIDTH, DecoderSpec, PoolSpec


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
            spram = platform is not None and self.target.single_port_memories
            m.submodules.sums = sums = SinglePortMemory(channels, spec.sum_width, spram=spram)
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


class Decoder(wiring.Component):
    """`quantize.layers.ends.DecoderSpec` in gates, once a sequence, with a bit-serial multiplier.

    Members
    -------
    i : In(stream of PooledWord)
    o : Out(stream of Logit)
    """

    multipliers = 0

    def __init__(self, spec: DecoderSpec, target: DeviceFeatures = MULTIPLIER_BLOCKS):
        self.spec, self.target = spec, target
        super().__init__(
            {"i": In(stream.Signature(PooledWord())), "o": Out(stream.Signature(Logit(spec.logit_width)))}
        )

    @property
    def cycles_per_sequence(self) -> int:
        """From the last pooled word to the last logit."""
        products = self.spec.channels + 1
        return self.spec.classes * (products * (self.spec.weight_width + 3) + 1) + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, inputs, width = self.spec, self.spec.channels + 1, self.spec.weight_width
        spram = platform is not None and self.target.single_port_memories
        m.submodules.pooled = pooled = SinglePortMemory(inputs, POOLED_WIDTH, spram=spram)
        weights = rom(m, "weights", words_of(spec.weight.reshape(-1), width), width)
        m.submodules.multiplier = multiplier = SerialMultiplier(POOLED_WIDTH, width)
        index = Signal(count_width(inputs))
        row = Signal(range(spec.weight.size))
        total = Signal(signed(spec.logit_width), reset_less=True)
        last_row = row == spec.weight.size - 1
        # Registers, for much waits for them: a logit is there, it is the last class's, a product is its last.
        done, last_class, last_product = Signal(), Signal(), Signal()
        m.d.comb += [
            pooled.address.eq(index),
            pooled.w_data.eq(self.i.payload.value),
            weights.addr.eq(row),
            multiplier.i.payload.a.eq(pooled.r_data.as_signed()),
            multiplier.i.payload.b.eq(weights.data.as_signed()),
            multiplier.o.ready.eq(1),
            self.o.valid.eq(done),
            self.o.payload.value.eq(total),
            self.o.payload.last.eq(last_class),
        ]
        with m.FSM():
            with m.State("collect"):
                m.d.comb += [self.i.ready.eq(1), pooled.write.eq(self.i.valid)]
                with m.If(self.i.valid):
                    m.d.sync += [index.eq(Mux(self.i.payload.last, 0, index + 1)), total.eq(0)]
                    with m.If(self.i.payload.last):
                        m.next = "read"
            with m.State("read"):
                m.d.sync += last_product.eq(index == inputs - 1)
                m.next = "multiply"
            with m.State("multiply"):
                m.d.comb += multiplier.i.valid.eq(1)
                with m.If(multiplier.i.ready):
                    m.next = "add"
            with m.State("add"), m.If(multiplier.o.valid):
                m.d.sync += [total.eq(total + multiplier.o.payload), row.eq(Mux(last_row, 0, row + 1))]
                with m.If(last_product):
                    m.d.sync += [index.eq(0), done.eq(1), last_class.eq(last_row)]
                    m.next = "leave"
                with m.Else():
                    m.d.sync += index.eq(index + 1)
                    m.next = "read"
            with m.State("leave"), m.If(self.o.ready):
                m.d.sync += [total.eq(0), done.eq(0)]
                m.next = "read"
                with m.If(last_class):
                    m.next = "collect"
        return m
