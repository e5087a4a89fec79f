"""The beginning of a network in gates: features into channels."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.embedding import Embedding
from hdl.fixed import round_shift, saturate
from hdl.primitives.counters import StepGate, channel_counter
from hdl.primitives.fabric import BLOCKS, Fabric
from hdl.primitives.memory import buffer, table, words_of
from hdl.primitives.multiplier import BlockMultiplier, Multiplier, SerialMultiplier
from hdl.primitives.queue import Queue
from hdl.primitives.registers import delayed
from hdl.primitives.store import Outlet, ShallowStore
from hdl.streams import Beat, beats
from quantize.layers.embedding import EmbeddingSpec
from quantize.layers.ends import WEIGHT_WIDTH, EncoderSpec


class Encoder(wiring.Component):
    """`quantize.layers.ends.EncoderSpec` in gates: products one after the other, without a pause.

    A step is collected in one of two banks while the other one is multiplied.

    Parameters
    ----------
    spec : EncoderSpec
    serial : bool
        A bit-serial multiplier instead of a multiplier block.
    fabric : Fabric

    Members
    -------
    i : In(stream of Beat), F features a step
    o : Out(stream of Beat), H channels a step
    """

    def __init__(self, spec: EncoderSpec, *, serial: bool, fabric: Fabric = BLOCKS):
        self.spec, self.serial = spec, serial
        widths = WEIGHT_WIDTH, spec.input.width
        self.multiplier = SerialMultiplier(*widths) if serial else BlockMultiplier(*widths, fabric)
        super().__init__({"i": In(beats(spec.input.width)), "o": Out(beats(spec.output.width))})

    @property
    def multipliers(self) -> int:
        return 0 if self.serial else 1

    @property
    def cycles_per_step(self) -> int:
        return self.spec.channels * self.spec.features * self.multiplier.cycles

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, channels, features = self.spec, self.spec.channels, self.spec.features

        # Collecting the features of a step, two steps deep.
        write, read = buffer(m, "features", 2 * features, spec.input.width)
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
                collected.eq(Mux(collected == 2 * features - 1, 0, collected + 1)),
                firsts.bit_select(collected >= features, 1).eq(self.i.payload.first),
                lasts.bit_select(collected >= features, 1).eq(self.i.payload.last),
            ]

        # Operands into the multiplier. A memory answers before the multiplier takes the next pair.
        weights = table(m, "weights", words_of(spec.weight.reshape(-1), WEIGHT_WIDTH), WEIGHT_WIDTH)
        m.submodules.multiplier = multiplier = self.multiplier
        rows = spec.weight.size
        row = Signal(range(rows))
        feature = Signal(range(features))
        last_row = Signal(init=rows == 1)  # known a cycle ahead: much waits for it
        fetched = Signal()  # a cycle after a bank is full and its turn, its first feature is read
        issue = Signal()
        marks = Signal(2, reset_less=True)
        m.d.comb += [
            weights.addr.eq(row),
            read.addr.eq(feature + Mux(bank, features, 0)),
            multiplier.i.valid.eq(fetched),
            multiplier.i.payload.a.eq(weights.data.as_signed()),
            multiplier.i.payload.b.eq(read.data),
            issue.eq(multiplier.i.valid & multiplier.i.ready),
            work_ends.eq(issue & last_row),
        ]
        m.d.sync += fetched.eq((filled != 0) & ~work_ends)
        with m.If(issue):
            m.d.sync += [
                row.eq(Mux(last_row, 0, row + 1)),
                last_row.eq((row == rows - 2) if rows > 1 else 1),
                feature.eq(Mux(feature == features - 1, 0, feature + 1)),
                marks[0].eq(firsts.bit_select(bank, 1)),
                marks[1].eq(lasts.bit_select(bank, 1)),
            ]
        with m.If(work_ends):
            m.d.sync += bank.eq(~bank)

        # A channel's products are summed; a single one leaves as it is.
        biases = table(m, "biases", words_of(spec.bias, 16), 16)
        channel, next_channel = Signal(range(channels)), Signal(range(channels))
        leaves = Signal()
        # So that the next component's readiness ends here, and does not reach back to the features.
        m.submodules.queue = queue = Queue(Beat(spec.output.width), 1)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        if features == 1:
            total, out_marks = multiplier.o.payload, marks
            m.d.comb += [queue.i.valid.eq(multiplier.o.valid), multiplier.o.ready.eq(queue.i.ready)]
        else:
            total = Signal(signed(spec.accumulator_width), reset_less=True)
            out_marks = Signal(2, reset_less=True)
            summed = Signal(range(features))
            complete = Signal()
            m.d.comb += [queue.i.valid.eq(complete), multiplier.o.ready.eq(~complete | queue.i.ready)]
            with m.If(multiplier.o.valid & multiplier.o.ready):
                m.d.sync += [
                    total.eq(Mux(summed == 0, multiplier.o.payload, total + multiplier.o.payload)),
                    summed.eq(Mux(summed == features - 1, 0, summed + 1)),
                    out_marks.eq(marks),
                    complete.eq(summed == features - 1),
                ]
            with m.Elif(queue.i.ready):
                m.d.sync += complete.eq(0)
        m.d.comb += [
            leaves.eq(queue.i.valid & queue.i.ready),
            next_channel.eq(Mux(leaves, Mux(channel == channels - 1, 0, channel + 1), channel)),
            biases.addr.eq(next_channel),
            queue.i.payload.first.eq(out_marks[0]),
            queue.i.payload.last.eq(out_marks[1]),
            queue.i.payload.value.eq(
                saturate(round_shift(total, spec.output_shift) + biases.data.as_signed(), spec.output.width)
            ),
        ]
        m.d.sync += channel.eq(next_channel)
        return m


class StreamedEncoder(wiring.Component):
    """An `Encoder` with a product in every cycle.

    Parameters
    ----------
    spec : EncoderSpec

    Members
    -------
    i : In(stream of Beat), F features a step
    o : Out(stream of Beat), H channels a step
    """

    multipliers = 1
    BANKS = 4
    # Cycles from a feature's address to the channel: multiplied, summed, rounded, clipped as it leaves.
    LATENCY = 5

    def __init__(self, spec: EncoderSpec):
        self.spec = spec
        super().__init__({"i": In(beats(spec.input.width)), "o": Out(beats(spec.output.width))})

    @property
    def cycles_per_step(self) -> int:
        return self.spec.channels * self.spec.features

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, channels, features = self.spec, self.spec.channels, self.spec.features
        width = spec.input.width

        # Collecting, into a ring of banks.
        write, read = buffer(m, "features", self.BANKS * features, width, quick=True)
        m.submodules.gate = gate = StepGate(features, self.BANKS)
        m.submodules.marks = marks = ShallowStore(2, self.BANKS)
        collected, _ = channel_counter(m, "collected", self.BANKS * features, gate.take)
        m.d.comb += [
            self.i.ready.eq(gate.ready),
            gate.take.eq(self.i.valid & gate.ready),
            write.en.eq(gate.take),
            write.addr.eq(collected),
            write.data.eq(self.i.payload.value),
            marks.i.valid.eq(gate.ends),
            marks.i.payload.eq(Cat(self.i.payload.first, self.i.payload.last)),
        ]

        # Cycle 1: the operands; 3: the product; 4: the sum; 5: rounded.
        m.submodules.outlet = outlet = Outlet(Beat(spec.output.width), self.LATENCY)
        wiring.connect(m, outlet.o, wiring.flipped(self.o))
        m.submodules.multiplier = multiplier = Multiplier()
        weights = table(m, "weights", words_of(spec.weight.reshape(-1), WEIGHT_WIDTH), WEIGHT_WIDTH)
        biases = table(m, "biases", words_of(spec.bias, 16), 16)
        issue, last_feature, begun, out_marks = Signal(), Signal(), Signal(), Signal(2)
        bank_start = Signal(range(self.BANKS * features))
        row, _ = channel_counter(m, "row", spec.weight.size, issue)
        feature, _ = channel_counter(m, "feature", features, issue)
        channel, _ = channel_counter(m, "channel", channels, delayed(m, outlet.enter, self.LATENCY - 1))
        m.d.comb += [
            issue.eq(marks.o.valid & outlet.room),
            last_feature.eq(feature == features - 1),
            outlet.enter.eq(issue & last_feature),
            begun.eq(feature == 0),
            out_marks.eq(marks.o.payload),
            gate.step_leaves.eq(issue & (row == spec.weight.size - 1)),
            marks.o.ready.eq(gate.step_leaves),
            read.addr.eq(bank_start + feature),
            weights.addr.eq(row),
            biases.addr.eq(channel),
            multiplier.a.eq(weights.data.as_signed()),
            multiplier.b.eq(read.data),
        ]
        with m.If(gate.step_leaves):
            last_bank = bank_start == (self.BANKS - 1) * features
            m.d.sync += bank_start.eq(Mux(last_bank, 0, bank_start + features))
        total = Signal(signed(spec.accumulator_width), reset_less=True)
        rounded = round_shift(total, spec.output_shift)
        rounded_total = Signal(rounded.shape(), reset_less=True)
        issued, begins = delayed(m, issue, 3), delayed(m, begun, 3)
        with m.If(issued):
            m.d.sync += total.eq(Mux(begins, 0, total) + multiplier.product)
        m.d.sync += rounded_total.eq(rounded)
        m.d.comb += [
            outlet.arrive.eq(delayed(m, outlet.enter, self.LATENCY)),
            Cat(outlet.value.first, outlet.value.last).eq(delayed(m, out_marks, self.LATENCY)),
            outlet.value.value.eq(saturate(rounded_total + biases.data.as_signed(), spec.output.width)),
        ]
        return m


AnyEncoder = Encoder | StreamedEncoder | Embedding


def make_encoder(
    spec: EncoderSpec | EmbeddingSpec, *, serial: bool, streamed: bool, fabric: Fabric
) -> AnyEncoder:
    """A specification's component, in the build that takes a product a cycle if wanted."""
    if isinstance(spec, EmbeddingSpec):
        return Embedding(spec)
    return StreamedEncoder(spec) if streamed else Encoder(spec, serial=serial, fabric=fabric)
