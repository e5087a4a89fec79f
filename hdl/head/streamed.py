"""The end of a fast network: pooling and decoder for a clock and a step rate that leave them little time."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring

from hdl.head.small import Decoder, Pool
from hdl.primitives.counters import channel_counter
from hdl.primitives.deep_fifo import CreditFifo
from hdl.primitives.fifo import RegisterFifo
from hdl.primitives.fixed import count_width
from hdl.primitives.memory import ram, rom, words_of
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.registers import delayed
from hdl.primitives.streams import Beat, Logit
from quantize.layers.ends import POOLED_WIDTH


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


class StreamedPool(Pool):
    """A `hdl.head.small.Pool` with the sums in look-up tables, and with registers before they are rounded.

    Parameters
    ----------
    spec : PoolSpec

    Members
    -------
    i : In(stream of Beat)
    o : Out(stream of PooledWord), H + 1 words a sequence
    """

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


class StreamedDecoder(Decoder):
    """A `hdl.head.small.Decoder` with a product in every cycle.

    Parameters
    ----------
    spec : DecoderSpec

    Members
    -------
    i : In(stream of PooledWord)
    o : Out(stream of Logit)
    """

    multipliers = 1
    # Cycles from a product's operands to the sum.
    LATENCY = 4

    @property
    def cycles_per_sequence(self) -> int:
        """From the last pooled word to the last logit."""
        return self.spec.weight.size + self.LATENCY + 3

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, inputs, width = self.spec, self.spec.channels + 1, self.spec.weight_width
        write, read = ram(m, "pooled", inputs, POOLED_WIDTH, quick=True)
        weights = rom(m, "weights", words_of(spec.weight.reshape(-1), width), width)
        m.submodules.multiplier = multiplier = Multiplier()
        m.submodules.outlet = outlet = CreditFifo(Logit(spec.logit_width), self.LATENCY)
        wiring.connect(m, outlet.o, wiring.flipped(self.o))

        # Collecting, then walking the weights.
        walking, issue, take = Signal(), Signal(), Signal()
        collected = Signal(count_width(inputs))
        row, _ = channel_counter(m, "row", spec.weight.size, issue)
        index, _ = channel_counter(m, "index", inputs, issue)
        begins, ends, last = Signal(), Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(~walking),
            take.eq(self.i.valid & ~walking),
            write.en.eq(take),
            write.addr.eq(collected),
            write.data.eq(self.i.payload.value),
            issue.eq(walking & outlet.room),
            begins.eq(index == 0),
            ends.eq(issue & (index == inputs - 1)),
            last.eq(row == spec.weight.size - 1),
            read.addr.eq(index),
            weights.addr.eq(row),
            multiplier.a.eq(read.data),
            multiplier.b.eq(weights.data.as_signed()),
        ]
        with m.If(take):
            m.d.sync += [
                collected.eq(Mux(self.i.payload.last, 0, collected + 1)),
                walking.eq(self.i.payload.last),
            ]
        with m.If(issue & last):
            m.d.sync += walking.eq(0)

        total = Signal(signed(spec.logit_width), reset_less=True)
        issued, begun = delayed(m, issue, 3), delayed(m, begins, 3)
        with m.If(issued):
            m.d.sync += total.eq(Mux(begun, 0, total) + multiplier.product)
        m.d.comb += [
            outlet.enter.eq(ends),
            outlet.arrive.eq(delayed(m, ends, self.LATENCY)),
            outlet.value.last.eq(delayed(m, last, self.LATENCY)),
            outlet.value.value.eq(total),
        ]
        return m
