"""The encoder without a multiplier: its products by addition, one after the other."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.primitives.component import Component
from hdl.primitives.counters import CounterWithLast, wrapped_next
from hdl.primitives.fifo import RegisterFifo
from hdl.primitives.fixed import round_shift, saturate
from hdl.primitives.memory import ram, rom, words_of
from hdl.primitives.serial_multiplier import SerialMultiplier
from hdl.primitives.streams import Beat, beats, marks_of
from quantize.layers.ends import WEIGHT_WIDTH, EncoderSpec


class SerialEncoder(Component):
    """`quantize.layers.ends.EncoderSpec` in gates, its products one after the other, a digit a cycle.

    A step is collected in one of two banks while the other one is multiplied.

    Parameters
    ----------
    spec : EncoderSpec
    bits : int
        Of a feature, multiplied in a cycle: 1 or 2.
    target : DeviceFeatures

    Members
    -------
    i : In(stream of Beat), F features a step
    o : Out(stream of Beat), H channels a step
    """

    multipliers = 0

    def __init__(self, spec: EncoderSpec, bits: int = 1, target: DeviceFeatures = MULTIPLIER_BLOCKS):
        self.spec, self.target = spec, target
        self.multiplier = SerialMultiplier(WEIGHT_WIDTH, spec.input.width, bits)
        super().__init__({"i": In(beats(spec.input.width)), "o": Out(beats(spec.output.width))})

    @property
    def cycles_per_step(self) -> int:
        return self.spec.channels * self.spec.features * self.multiplier.cycles

    @property
    def latency_cycles(self) -> int:
        """Most cycles from a step's last feature to its last channel, when nothing else is under way.

        A bank is full and fetched, its products are made; the last one is summed and queued.
        """
        return 2 + self.cycles_per_step + 3

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, features = self.spec, self.spec.features

        # Collecting the features of a step, two steps deep.
        write, read = ram(m, "features", 2 * features, spec.input.width)
        filled = Signal(range(3))
        collected = Signal(range(2 * features))
        firsts, lasts = Signal(2), Signal(2)
        bank, take, collect_ends, work_ends = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(filled != 2),
            take.eq(self.i.valid & self.i.ready),
            collect_ends.eq(take & ((collected == features - 1) | (collected == 2 * features - 1))),
            write.en.eq(take),
            write.addr.eq(collected),
            write.data.eq(self.i.payload.value),
        ]
        m.d.sync += filled.eq(filled + collect_ends - work_ends)
        with m.If(take):
            m.d.sync += [
                collected.eq(wrapped_next(collected, 2 * features)),
                firsts.bit_select(collected >= features, 1).eq(self.i.payload.first),
                lasts.bit_select(collected >= features, 1).eq(self.i.payload.last),
            ]

        # Operands into the multiplier. A memory answers before the multiplier takes the next pair.
        block = self.target.table_block
        weights = rom(
            m, "weights", words_of(spec.weight.reshape(-1), WEIGHT_WIDTH), WEIGHT_WIDTH, block=block
        )
        m.submodules.multiplier = multiplier = self.multiplier
        rows = spec.weight.size
        row = CounterWithLast("row", rows)
        feature = Signal(range(features))
        fetched = Signal()  # a cycle after a bank is full and its turn, its first feature is read
        issue = Signal()
        marks = Signal(2, reset_less=True)
        m.d.comb += [
            weights.addr.eq(row.value),
            read.addr.eq(feature + Mux(bank, features, 0)),
            multiplier.i.valid.eq(fetched),
            multiplier.i.payload.a.eq(weights.data.as_signed()),
            multiplier.i.payload.b.eq(read.data),
            issue.eq(multiplier.i.valid & multiplier.i.ready),
            work_ends.eq(issue & row.last),
        ]
        m.d.sync += fetched.eq((filled != 0) & ~work_ends)
        with m.If(issue):
            row.advance(m)
            m.d.sync += [
                feature.eq(wrapped_next(feature, features)),
                marks[0].eq(firsts.bit_select(bank, 1)),
                marks[1].eq(lasts.bit_select(bank, 1)),
            ]
        with m.If(work_ends):
            m.d.sync += bank.eq(~bank)
        self._sum(m, marks)
        return m

    def _sum(self, m: Module, marks: Signal) -> None:
        """A channel's products are summed; a single one leaves as it is."""
        spec, channels, features = self.spec, self.spec.channels, self.spec.features
        multiplier = self.multiplier
        words = words_of(spec.bias, spec.output.width)
        biases = rom(m, "biases", words, spec.output.width, block=self.target.table_block)
        channel, next_channel = Signal(range(channels)), Signal(range(channels))
        leaves = Signal()
        # So that the next component's readiness ends here, and does not reach back to the features.
        m.submodules.queue = queue = RegisterFifo(Beat(spec.output.width), 1)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        if features == 1:
            total, out_marks = multiplier.o.payload, marks
            m.d.comb += [queue.i.valid.eq(multiplier.o.valid), multiplier.o.ready.eq(queue.i.ready)]
        else:
            total = Signal(signed(spec.accumulator_width), reset_less=True)
            out_marks = Signal(2, reset_less=True)
            summed = Signal(range(features))
            complete = Signal()
            # The multiplier waits for the sum alone, and not for who takes it.
            m.d.comb += [queue.i.valid.eq(complete), multiplier.o.ready.eq(~complete)]
            with m.If(multiplier.o.valid & multiplier.o.ready):
                m.d.sync += [
                    total.eq(Mux(summed == 0, multiplier.o.payload, total + multiplier.o.payload)),
                    summed.eq(wrapped_next(summed, features)),
                    out_marks.eq(marks),
                    complete.eq(summed == features - 1),
                ]
            with m.Elif(queue.i.ready):
                m.d.sync += complete.eq(0)
        m.d.comb += [
            leaves.eq(queue.i.valid & queue.i.ready),
            next_channel.eq(Mux(leaves, wrapped_next(channel, channels), channel)),
            biases.addr.eq(next_channel),
            marks_of(queue.i.payload).eq(out_marks),
            queue.i.payload.value.eq(
                saturate(round_shift(total, spec.output_shift) + biases.data.as_signed(), spec.output.width)
            ),
        ]
        m.d.sync += channel.eq(next_channel)
