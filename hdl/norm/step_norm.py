"""LayerNorm over the channels of a step, with GELU behind it if wanted, with one multiplier."""

from contextlib import nullcontext
from dataclasses import dataclass

from amaranth.hdl import Array, Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.memory import ReadPort, WritePort
from amaranth.lib.wiring import In, Out

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.norm.rsqrt import ReciprocalSquareRoot
from hdl.norm.sources import Source, spare_places
from hdl.norm.walks import GAIN, NORMALISE, SCALE, SQUARE, Walks
from hdl.primitives.counters import StepGate, channel_counter
from hdl.primitives.deep_fifo import RegisterCreditFifo
from hdl.primitives.fixed import requantise, saturate_either, shift_left, shifted_with_round_bit
from hdl.primitives.functions import gelu_of
from hdl.primitives.memory import ram, rom, words_of
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.registers import delayed
from hdl.primitives.streams import Beat, beats, marks_of
from quantize.formats import Format
from quantize.layers.functions import Gelu
from quantize.layers.norm import GAIN_WIDTH, WORD, LayerNorm


@dataclass(frozen=True)
class Arrivals:
    """Values on their way into the bank that is not worked on.

    Parameters
    ----------
    at : list of Signal
        Whether one was given its cycle 0, 1, ... cycles ago.
    marks : Array of Signal
        First and last of each bank's step.
    """

    at: list[Signal]
    marks: Array


@dataclass(frozen=True)
class Results:
    """What comes out of the datapath, `latency` cycles after its issue, and a cycle before that.

    Parameters
    ----------
    rounded : Signal
        Clipped.
    unclipped : Signal
        A cycle earlier.
    """

    rounded: Signal
    unclipped: Signal


@dataclass(frozen=True)
class Mean:
    """Of the step worked on.

    Parameters
    ----------
    total : Signal
        The sum of the step that is collected. It begins with the half that rounds the mean.
    inverted : Signal
        So that its subtraction is one adder: z - mean = z + ~mean + 1. All ones where nothing is subtracted.
    """

    total: Signal
    inverted: Signal


class StepNorm(wiring.Component):
    """`quantize.layers.norm.LayerNorm` of values, then GELU and the residual format, if there is a GELU.

    One multiplier does it all. What comes is clipped to z and collected in one of two banks, while the other
    one is worked on. The work is four walks over a bank: squares of the centred values, their scaling by a
    power of two while the root is taken, the product with the reciprocal deviation, the gain. All but the
    first write back what they computed. Values that come take a cycle each from the walk under way. In the
    end the channels leave one by one, through GELU.

    Parameters
    ----------
    norm : LayerNorm
    source : Source
        How values come; see `hdl.norm.sources`.
    output : Format
        The norm's own without a GELU.
    gelu : Gelu, optional
    target : DeviceFeatures
    sequential : bool
        A channel leaves when the one before has left: a shorter queue. Otherwise one in every other cycle.

    Members
    -------
    i : In(stream of the source's shape)
    o : Out(stream of Beat), in the output format
    """

    multipliers = 1

    def __init__(
        self, norm: LayerNorm, source: Source, output: Format, gelu: Gelu | None = None, *,
        target: DeviceFeatures = MULTIPLIER_BLOCKS, sequential: bool = False,
    ):  # fmt: skip
        self.norm, self.source, self.gelu, self.output = norm, source, gelu, output
        self.multiplier = Multiplier(target=target)
        self.gain_left = spare_places(norm, norm.gain_shift, GAIN_WIDTH)
        self.gain_shift = norm.gain_shift + self.gain_left
        self.root = ReciprocalSquareRoot(norm)
        # Bits that GELU's result has too many.
        self.dropped = norm.output.fraction - output.fraction
        # A channel's address, its word, its table entry, its rounding.
        latency = 1 + (gelu is not None) + (self.dropped > 0)
        period = latency + RegisterCreditFifo.RETURN if sequential else Walks.CHANNEL_CYCLES
        self.outlet = RegisterCreditFifo(Beat(output.width), latency, period)
        super().__init__({"i": In(stream.Signature(source.shape)), "o": Out(beats(output.width))})

    @property
    def product_cycle(self) -> int:
        """The cycle after an operation's issue in which its product is there."""
        return 2 + self.multiplier.latency

    @property
    def latency(self) -> int:
        """Cycles from an operation's issue to its write-back."""
        return self.product_cycle + 3

    @property
    def taken_after(self) -> int:
        """Cycles from an arrival's own cycle until its payload is taken."""
        return self.source.taken_after(self.product_cycle)

    @property
    def arrival_cycles(self) -> int:
        """Cycles from one arrival until the next one can come."""
        return self.taken_after + 2

    @property
    def settling(self) -> tuple[int, int, int, int]:
        """Cycles from each walk's last issue until what follows begins.

        The root takes squares as products; the shift of a product is the last thing that its walk decides. A
        channel is read after its writing, and all are in the same order: the first may be before the last's.
        """
        shifted, written = self.product_cycle, 1 + max(self.latency - self.norm.channels, 0)
        return shifted + 1, shifted, max(shifted, written), written

    @property
    def cycles_per_step(self) -> int:
        """Most cycles from the start of one step's work to the next, if its outputs leave at once.

        So many if the sum of squares takes all doublings, and arrivals a cycle of a walk for each channel.
        """
        return self.cycles_taken_in(1)

    def cycles_taken_in(self, cycles: int) -> int:
        """As `cycles_per_step`, where an output is taken in every so many cycles at most."""
        return self._cycles(self.root.scale_cycles, cycles) + self.norm.channels

    def latency_taken_in(self, cycles: int) -> int:
        """Most cycles from a step's last arrival to its last output, when nothing else is under way.

        It is written as z, and the walks begin; the last output passes the queue, in which others
        may be before it. An output is taken in every so many cycles at most.
        """
        written, outlet = self.arrival_cycles + self.latency + 2, self.outlet
        queued = outlet.latency + 1 + outlet.queue.depth * cycles
        return written + self._cycles(self.root.scale_cycles, cycles) + queued

    @property
    def least_cycles_per_step(self) -> int:
        """So many if the sum of squares takes no doubling, and nothing arrives during a walk."""
        return self._cycles(self.root.LEAST_SCALE_CYCLES)

    def _cycles(self, scale_cycles: int, taken_in: int = 1) -> int:
        """From one step's work to the next, with so many cycles for the scale and no arrivals."""
        channels, root, settling = self.norm.channels, self.root, self.settling
        square, scale, normalise, gain = (channels + cycles for cycles in settling)
        mean = 0 if self.norm.mean_is_shifted else 1 + settling[SQUARE]
        rooting = 1 + scale_cycles + max(root.root_cycles, scale + 2) + root.division_cycles
        leaving = self.outlet.burst_cycles(channels, taken_in) + Walks.CHANNEL_CYCLES
        return mean + square + rooting + normalise + gain + leaving

    def elaborate(self, platform: object) -> Module:
        m = Module()
        norm = self.norm
        write, read = ram(m, "values", 2 * norm.channels, WORD)
        m.submodules.root, m.submodules.multiplier = self.root, self.multiplier
        m.submodules.gate = gate = StepGate(norm.channels, 2)
        m.submodules.outlet = self.outlet

        arrivals = self._arrivals(m, gate)
        walks = Walks(norm.channels, self.settling, self.latency, averages=not norm.mean_is_shifted)
        walks.control(m, arrivals.at[0], self.root, self.outlet)
        m.d.comb += gate.step_leaves.eq(walks.step_leaves)
        mean = self._mean(m, walks, read)
        self._operands(m, walks, arrivals, mean, read)
        results = self._results(m, walks, arrivals)
        self._write_back(m, walks, arrivals, mean, results, write)
        self._leave(m, walks, arrivals, read)
        return m

    def _arrivals(self, m: Module, gate: StepGate) -> Arrivals:
        """Values are asked for a cycle ahead, and taken when they are no longer needed."""
        pair = Signal()
        at = [pair, *(delayed(m, pair, age) for age in range(1, self.latency + 1))]
        into = Signal()
        marks = Array([Signal(2, name=f"marks_{bank}", reset_less=True) for bank in range(2)])
        under_way = pair | at[1]
        for age in range(2, self.taken_after + 1):
            under_way = under_way | at[age]
        m.d.sync += pair.eq(self.i.valid & gate.ready & ~under_way)
        m.d.comb += [gate.take.eq(pair), self.i.ready.eq(at[self.taken_after])]
        with m.If(gate.begins):
            m.d.sync += marks[into].eq(marks_of(self.i.payload))
        m.d.sync += into.eq(into ^ gate.ends)
        return Arrivals(at, marks)

    def _mean(self, m: Module, walks: Walks, read: ReadPort) -> Mean:
        """The mean of the step that is taken over, and the address of its channels."""
        norm, bank, channels = self.norm, walks.bank, self.norm.channels
        total = Signal(signed(norm.sum_width), init=1 << norm.mean_shift >> 1)
        inverted_mean = Signal(signed(WORD), reset_less=True)
        m.d.comb += read.addr.eq(walks.channel + Mux(bank, channels, 0))
        with m.If(walks.begins):
            m.d.sync += [
                walks.full.eq(0),
                total.eq(total.init),
                inverted_mean.eq(~(total >> norm.mean_shift)),
            ]
        with m.If(walks.rooting & self.root.done & (walks.kind == NORMALISE)):
            m.d.sync += inverted_mean.eq(-1)
        return Mean(total, inverted_mean)

    def _operands(self, m: Module, walks: Walks, arrivals: Arrivals, mean: Mean, read: ReadPort) -> None:
        """Cycle 1: a value of the bank; 2: centred, beside what multiplies it."""
        norm, multiplier, walk = self.norm, self.multiplier, walks.kind
        gains = rom(m, "gains", words_of(norm.gain, GAIN_WIDTH), GAIN_WIDTH)
        centred, factor = Signal(signed(WORD), reset_less=True), Signal(signed(WORD), reset_less=True)
        m.d.comb += gains.addr.eq(walks.channel)
        # z and its mean have a bit less than a word, so their difference fits.
        m.d.sync += centred.eq(read.data + mean.inverted + 1)
        arriving = self.source.operands(self.i.payload)
        for _, second in arriving:
            with m.If(arrivals.at[1]):
                m.d.sync += factor.eq(second)
        with m.Else() if arriving else nullcontext(), m.Switch(walk):
            with m.Case(SQUARE):  # the mean's, because its own square does not use it
                m.d.sync += factor.eq(norm.mean_factor)
            with m.Case(SCALE, NORMALISE):
                m.d.sync += factor.eq(self.root.factor)
            with m.Case(GAIN):
                m.d.sync += factor.eq(shift_left(gains.data.as_signed(), self.gain_left))
        m.d.comb += [multiplier.a.eq(centred), multiplier.b.eq(factor)]
        alternatives = [
            *((arrivals.at[2], multiplier.a.eq(first)) for first, _ in arriving),
            (walks.averaging, multiplier.a.eq(~mean.inverted)),
            (walk == SQUARE, multiplier.b.eq(centred)),
        ]
        for place, (condition, statement) in enumerate(alternatives):
            with m.Elif(condition) if place else m.If(condition):
                m.d.comb += statement

    def _results(self, m: Module, walks: Walks, arrivals: Arrivals) -> Results:
        """Products: in the next cycle shifted, then rounded, then clipped, to be written back."""
        norm, channels, walk, issued = self.norm, self.norm.channels, walks.kind, walks.issued
        product, multiplied = self.multiplier.product, self.product_cycle
        # Of what is scaled the highest bits are known to be signs.
        kept = max(2 * WORD - min(norm.normalise_shift, self.gain_shift), self.source.shifted_width)
        window, round_bit = Signal(signed(kept), reset_less=True), Signal(reset_less=True)
        m.d.comb += [
            self.root.add.eq(issued[multiplied] & (walk == SQUARE) & ~walks.averaging),
            self.root.square_low.eq(product[: norm.normalise_shift]),
            self.root.square_high.eq(window.as_unsigned()),
        ]

        def take(shifted: tuple[Value, Value]) -> None:
            m.d.sync += [window.eq(shifted[0]), round_bit.eq(shifted[1])]

        take(shifted_with_round_bit(product, norm.normalise_shift))
        with m.If(arrivals.at[multiplied]):
            take(self.source.shifted(self.i.payload, product))
        with m.Else(), m.Switch(walk):
            for step, amount in {SCALE: norm.root_excess, GAIN: self.gain_shift}.items():
                with m.Case(step):
                    take(shifted_with_round_bit(product, amount))
        shifts = rom(m, "shifts", words_of(norm.shift, WORD), WORD)
        offset = Signal(signed(WORD), reset_less=True)
        at_gain, _ = channel_counter(m, "shifted", channels, issued[multiplied - 1] & (walk == GAIN))
        m.d.comb += shifts.addr.eq(at_gain)
        m.d.sync += offset.eq(Mux(issued[multiplied] & (walk == GAIN), shifts.data.as_signed(), 0))
        whole = window + offset + round_bit
        unclipped = Signal(whole.shape(), reset_less=True)
        rounded = Signal(signed(WORD), reset_less=True)
        # z is a bit narrower than the word.
        narrower = arrivals.at[self.latency - 1]
        m.d.sync += [unclipped.eq(whole), rounded.eq(saturate_either(unclipped, WORD, narrower))]
        return Results(rounded, unclipped)

    def _write_back(
        self, m: Module, walks: Walks, arrivals: Arrivals, mean: Mean, results: Results, write: WritePort
    ) -> None:
        """z into the bank that is not worked on, with its sum. No square, though some come late."""
        channels, walk, last = self.norm.channels, walks.kind, self.latency
        collects, worked = arrivals.at[last], Signal()
        collected, _ = channel_counter(m, "collected", 2 * channels, collects)
        target, _ = channel_counter(m, "target", channels, worked)
        m.d.comb += [
            worked.eq(walks.issued[last] & (walk != SQUARE) & ~(walks.rooting & (walk == SCALE))),
            write.en.eq(collects | worked),
            write.addr.eq(Mux(collects, collected, target + Mux(walks.bank, channels, 0))),
            write.data.eq(results.rounded),
        ]
        with m.If(collects):
            m.d.sync += mean.total.eq(mean.total + results.rounded)
        with m.If(collects & ((collected == channels - 1) | (collected == 2 * channels - 1))):
            m.d.sync += walks.full.eq(1)
        # The mean needs no clipping, and the first square needs the mean.
        with m.If(walks.issued[last - 1] & delayed(m, walks.averaging, 1)):
            m.d.sync += mean.inverted.eq(~results.unclipped)

    def _leave(self, m: Module, walks: Walks, arrivals: Arrivals, read: ReadPort) -> None:
        """Channels leave, their marks in a register: the bank is taken again before the last one is out."""
        outlet = self.outlet
        wiring.connect(m, outlet.o, wiring.flipped(self.o))
        out_marks = Signal(2, reset_less=True)
        with m.If(walks.leaves):
            m.d.sync += out_marks.eq(arrivals.marks[walks.bank])
        m.d.comb += [
            outlet.arrive.eq(delayed(m, walks.leaves, outlet.latency)),
            marks_of(outlet.value).eq(out_marks),
            outlet.value.value.eq(self._output_of(m, read.data)),
        ]

    def _output_of(self, m: Module, value: Value) -> Value:
        """What leaves, the outlet's latency after its address, which stands `Walks.CHANNEL_CYCLES`."""
        if self.gelu is None:
            return value
        out = gelu_of(m, self.gelu, value)
        if self.dropped > 0:
            held = Signal.like(out, reset_less=True)
            m.d.sync += held.eq(out)
            out = held
        return requantise(out, self.dropped, self.output.width)
