"""The beginning of a network in gates: features into channels."""

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.encoder.embedding import Embedding
from hdl.encoder.serial import SerialEncoder
from hdl.primitives.component import Component
from hdl.primitives.counters import StepGate, channel_counter
from hdl.primitives.deep_fifo import CreditFifo, RegisterCreditFifo, ShallowFifo
from hdl.primitives.fifo import RegisterFifo
from hdl.primitives.fixed import round_shift, saturate
from hdl.primitives.memory import ram, rom, words_of
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.registers import delayed
from hdl.primitives.streams import Beat, beats, marks_of
from quantize.layers.embedding import EmbeddingSpec
from quantize.layers.ends import WEIGHT_WIDTH, EncoderSpec


class BlockEncoder(Component):
    """`quantize.layers.ends.EncoderSpec` in gates, with a multiplier block: a product in every cycle.

    A channel takes two cycles at least, for which the queue at the end is made.

    Parameters
    ----------
    spec : EncoderSpec
    target : DeviceFeatures

    Members
    -------
    i : In(stream of Beat), F features a step
    o : Out(stream of Beat), H channels a step
    """

    multipliers = 1
    # Cycles of a channel at least.
    CHANNEL_CYCLES = 2
    # Features in memory of look-up tables, where the part has it.
    QUICK = False
    # A register between the sum and what is made of it.
    ROUNDED_APART = False

    def __init__(self, spec: EncoderSpec, target: DeviceFeatures = MULTIPLIER_BLOCKS):
        self.spec = spec
        self.multiplier = Multiplier(target=target)
        super().__init__({"i": In(beats(spec.input.width)), "o": Out(beats(spec.output.width))})

    @property
    def cycles_per_step(self) -> int:
        return self.spec.channels * max(self.spec.features, self.CHANNEL_CYCLES)

    @property
    def latency_cycles(self) -> int:
        """Most cycles from a step's last feature to its last channel, when nothing else is under way.

        Its marks are queued, its products made, the last channel passes the queues at the end.
        """
        return 1 + self.cycles_per_step + self.latency + 3

    @property
    def banks(self) -> int:
        """Steps held: one is collected beside one that is multiplied; of one channel both take as long."""
        return 2 if self.spec.channels > 1 else 3

    @property
    def latency(self) -> int:
        """Cycles from a feature's address to the channel: operands, product, sum, and perhaps rounded."""
        return 1 + self.multiplier.latency + 1 + self.ROUNDED_APART

    def _marks(self) -> RegisterFifo | ShallowFifo:
        """What keeps the marks of the steps that are complete."""
        return RegisterFifo(2, self.banks)

    def _outlet(self, shape: Beat) -> CreditFifo | RegisterCreditFifo:
        return RegisterCreditFifo(shape, self.latency, max(self.spec.features, self.CHANNEL_CYCLES))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, channels, features = self.spec, self.spec.channels, self.spec.features
        width, banks, latency = spec.input.width, self.banks, self.latency

        # Collecting, into a ring of banks.
        write, read = ram(m, "features", banks * features, width, quick=self.QUICK)
        m.submodules.gate = gate = StepGate(features, banks)
        m.submodules.marks = marks = self._marks()
        collected, _ = channel_counter(m, "collected", banks * features, gate.take)
        m.d.comb += [
            self.i.ready.eq(gate.ready),
            gate.take.eq(self.i.valid & gate.ready),
            write.en.eq(gate.take),
            write.addr.eq(collected),
            write.data.eq(self.i.payload.value),
            marks.i.valid.eq(gate.ends),
            marks.i.payload.eq(marks_of(self.i.payload)),
        ]

        m.submodules.outlet = outlet = self._outlet(Beat(spec.output.width))
        wiring.connect(m, outlet.o, wiring.flipped(self.o))
        m.submodules.multiplier = multiplier = self.multiplier
        weights = rom(m, "weights", words_of(spec.weight.reshape(-1), WEIGHT_WIDTH), WEIGHT_WIDTH)
        biases = rom(m, "biases", words_of(spec.bias, spec.output.width), spec.output.width)
        issue, last_feature, begun, out_marks = Signal(), Signal(), Signal(), Signal(2)
        bank_start = Signal(range(banks * features))
        row, _ = channel_counter(m, "row", spec.weight.size, issue)
        feature, _ = channel_counter(m, "feature", features, issue)
        channel, _ = channel_counter(m, "channel", channels, delayed(m, outlet.enter, latency - 1))
        rests = delayed(m, issue, 1) if features < self.CHANNEL_CYCLES else 0
        m.d.comb += [
            issue.eq(marks.o.valid & (outlet.room | ~last_feature) & ~rests),
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
            last_bank = bank_start == (banks - 1) * features
            m.d.sync += bank_start.eq(Mux(last_bank, 0, bank_start + features))
        total = Signal(signed(spec.accumulator_width), reset_less=True)
        multiplied = 1 + multiplier.latency
        issued, begins = delayed(m, issue, multiplied), delayed(m, begun, multiplied)
        with m.If(issued):
            m.d.sync += total.eq(Mux(begins, 0, total) + multiplier.product)
        rounded: Value = round_shift(total, spec.output_shift)
        if self.ROUNDED_APART:
            rounded_total = Signal(rounded.shape(), reset_less=True)
            m.d.sync += rounded_total.eq(rounded)
            rounded = rounded_total
        m.d.comb += [
            outlet.arrive.eq(delayed(m, outlet.enter, latency)),
            marks_of(outlet.value).eq(delayed(m, out_marks, latency)),
            outlet.value.value.eq(saturate(rounded + biases.data.as_signed(), spec.output.width)),
        ]
        return m


class StreamedEncoder(BlockEncoder):
    """A `BlockEncoder` that gives a channel in every cycle if it has but one feature.

    Parameters
    ----------
    spec : EncoderSpec

    Members
    -------
    i : In(stream of Beat), F features a step
    o : Out(stream of Beat), H channels a step
    """

    banks = 4
    CHANNEL_CYCLES = 1
    QUICK = True
    ROUNDED_APART = True

    def _marks(self) -> ShallowFifo:
        return ShallowFifo(2, self.banks)

    def _outlet(self, shape: Beat) -> CreditFifo:
        return CreditFifo(shape, self.latency)


AnyEncoder = SerialEncoder | BlockEncoder | Embedding


def make_encoder(
    spec: EncoderSpec | EmbeddingSpec, *, bits: int | None, streamed: bool, target: DeviceFeatures
) -> AnyEncoder:
    """A specification's component; for `bits` see `hdl.network.folding.Folding.encoder_bits`."""
    if isinstance(spec, EmbeddingSpec):
        return Embedding(spec)
    if streamed:
        return StreamedEncoder(spec)
    return BlockEncoder(spec, target) if bits is None else SerialEncoder(spec, bits, target)
