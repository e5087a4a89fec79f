"""LayerNorm over the channels of a step, with GELU behind it if wanted, a channel in every cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.fixed import requantise, round_shift, saturate
from hdl.primitives.counters import StepGate, channel_counter
from hdl.primitives.memory import table, words_of
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.registers import delayed
from hdl.primitives.store import Outlet, ShallowStore, Store
from hdl.streams import Beat, beats
from hdl.units.functions import GELU_LATENCY, gelu_pipeline
from hdl.units.root_stream import Divider, Normaliser, Scaled, SquareRoot
from quantize.formats import Format
from quantize.layers.functions import Gelu
from quantize.layers.norm import GAIN_WIDTH, WORD, LayerNorm


class Centre(wiring.Component):
    """Subtracts the mean of each step.

    Parameters
    ----------
    norm : LayerNorm

    Members
    -------
    i : In(stream of Beat), z
    o : Out(stream of Beat(WORD)), z - mean
    """

    # One that comes, one that waits for its mean, one that leaves.
    STEPS = 3

    def __init__(self, norm: LayerNorm):
        self.norm = norm
        super().__init__({"i": In(beats(norm.input_width)), "o": Out(beats(WORD))})

    @property
    def multipliers(self) -> int:
        return 0 if self.norm.mean_is_shifted else 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        norm, channels = self.norm, self.norm.channels
        m.submodules.gate = gate = StepGate(channels, self.STEPS)
        m.submodules.values = values = Store(norm.input_width, self.STEPS * channels)
        m.submodules.means = means = ShallowStore(Beat(WORD), self.STEPS)
        m.d.comb += [
            self.i.ready.eq(gate.ready & values.i.ready),
            gate.take.eq(self.i.valid & self.i.ready),
            values.i.valid.eq(self.i.valid & gate.ready),
            values.i.payload.eq(self.i.payload.value),
        ]

        # Cycle 1: a value; 2: the sum; 3: its word.
        value = Signal(signed(norm.input_width), reset_less=True)
        marks = Signal(2, reset_less=True)
        total = Signal(signed(norm.sum_width), reset_less=True)
        word = Signal(signed(WORD), reset_less=True)
        m.d.sync += [
            value.eq(self.i.payload.value),
            marks.eq(Cat(self.i.payload.first, self.i.payload.last)),
            word.eq(round_shift(total, norm.mean_shift)),
        ]
        taken, begun = delayed(m, gate.take, 1), delayed(m, gate.begins, 1)
        with m.If(taken):
            m.d.sync += total.eq(Mux(begun, 0, total) + value)
        mean, age = word, 3
        if not norm.mean_is_shifted:
            m.submodules.multiplier = multiplier = Multiplier()
            mean = Signal.like(word, name="mean")
            m.d.comb += [multiplier.a.eq(word), multiplier.b.eq(norm.mean_factor)]
            m.d.sync += mean.eq(round_shift(multiplier.product, norm.mean_factor_fraction))
            age += multiplier.latency + 1
        m.d.comb += [
            means.i.valid.eq(delayed(m, gate.ends, age)),
            Cat(means.i.payload.first, means.i.payload.last).eq(delayed(m, marks, age - 1)),
            means.i.payload.value.eq(~mean),  # so that its subtraction is one adder: z + ~mean + 1
        ]

        leaves = Signal()
        left, _ = channel_counter(m, "left", channels, leaves)
        m.d.comb += [
            self.o.valid.eq(values.o.valid & means.o.valid),
            leaves.eq(self.o.valid & self.o.ready),
            values.o.ready.eq(means.o.valid & self.o.ready),
            gate.step_leaves.eq(leaves & (left == channels - 1)),
            means.o.ready.eq(gate.step_leaves),
            self.o.payload.first.eq(means.o.payload.first),
            self.o.payload.last.eq(means.o.payload.last),
            self.o.payload.value.eq(values.o.payload + means.o.payload.value + 1),
        ]
        return m


class StreamedStepNorm(wiring.Component):
    """`hdl.units.step_norm.StepNorm`, faster: four multipliers, and several steps under way.

    The first squares the centred values on their way into a memory. When the reciprocal deviation of their
    step is known they leave it, through the other three: scaled by a power of two, normalised, with their
    gain.

    Parameters
    ----------
    norm : LayerNorm
    output : Format
        The norm's own without a GELU.
    gelu : Gelu, optional

    Members
    -------
    i : In(stream of Beat), z
    o : Out(stream of Beat), in the output format
    """

    # Steps behind the mean: one that comes, those that wait for their deviation, one that leaves.
    STEPS = 8
    # Cycles from a centred value's departure from the memory until it has gain and shift.
    GAIN_LATENCY = 13

    def __init__(self, norm: LayerNorm, output: Format, gelu: Gelu | None = None):
        self.norm, self.output, self.gelu = norm, output, gelu
        self.centre = Centre(norm)
        self.normaliser, self.root, self.divider = Normaliser(norm), SquareRoot(norm), Divider(norm)
        super().__init__({"i": In(beats(norm.input_width)), "o": Out(beats(output.width))})

    @property
    def multipliers(self) -> int:
        return 4 + self.centre.multipliers

    @property
    def _stages(self) -> list[Normaliser | SquareRoot | Divider]:
        return [self.normaliser, self.root, self.divider]

    @property
    def cycles_per_step(self) -> int:
        return max(self.norm.channels, *(stage.cycles for stage in self._stages))

    @property
    def latency_cycles(self) -> int:
        """Most cycles from a step's last beat to its last output, when nothing else is under way."""
        walks = 2 * self.norm.channels
        return walks + sum(stage.cycles for stage in self._stages) + self._latency + 25

    @property
    def _latency(self) -> int:
        return self.GAIN_LATENCY + (0 if self.gelu is None else GELU_LATENCY)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        norm, channels = self.norm, self.norm.channels
        m.submodules.centre = centre = self.centre
        wiring.connect(m, wiring.flipped(self.i), centre.i)

        # Squares, and what waits for their root.
        m.submodules.gate = gate = StepGate(channels, self.STEPS)
        m.submodules.values = values = Store(WORD, self.STEPS * channels)
        m.submodules.marks = marks = ShallowStore(2, self.STEPS)
        m.submodules.sums = sums = ShallowStore(unsigned(2 * norm.root_width), self.STEPS)
        m.submodules.square = square = Multiplier()
        squares = Signal(2 * norm.root_width, reset_less=True)
        summed = square.latency
        m.d.comb += [
            centre.o.ready.eq(gate.ready & values.i.ready),
            gate.take.eq(centre.o.valid & centre.o.ready),
            values.i.valid.eq(centre.o.valid & gate.ready),
            values.i.payload.eq(centre.o.payload.value),
            marks.i.valid.eq(gate.begins),
            marks.i.payload.eq(Cat(centre.o.payload.first, centre.o.payload.last)),
            square.a.eq(centre.o.payload.value),
            square.b.eq(centre.o.payload.value),
            sums.i.valid.eq(delayed(m, gate.ends, summed + 1)),
            sums.i.payload.eq(squares),
        ]
        taken, begun = delayed(m, gate.take, summed), delayed(m, gate.begins, summed)
        with m.If(taken):
            m.d.sync += squares.eq(Mux(begun, 0, squares) + square.product.as_unsigned())

        # The reciprocal deviation.
        before: stream.Interface = sums.o
        for stage in self._stages:
            m.submodules[type(stage).__name__.lower()] = stage
            wiring.connect(m, before, stage.i)
            before = stage.o
        m.submodules.deviations = deviations = ShallowStore(Scaled(norm, norm.reciprocal_width), 2)
        wiring.connect(m, before, deviations.i)

        # Out of the memory. Cycle 4: scaled; 8: normalised; 11: with gain; 13: with shift.
        m.submodules.outlet = outlet = Outlet(Beat(self.output.width), self._latency)
        wiring.connect(m, outlet.o, wiring.flipped(self.o))
        entered, step_leaves = Signal(), Signal()
        left, _ = channel_counter(m, "left", channels, entered)
        last_left = Signal(init=channels == 1)  # known a cycle ahead: much waits for it
        with m.If(entered):
            m.d.sync += last_left.eq((left == channels - 2) if channels > 1 else 1)
        m.d.comb += [
            entered.eq(values.o.valid & deviations.o.valid & outlet.room),
            values.o.ready.eq(entered),
            step_leaves.eq(entered & last_left),
            deviations.o.ready.eq(step_leaves),
            marks.o.ready.eq(step_leaves),
            gate.step_leaves.eq(delayed(m, step_leaves, 1)),
            outlet.enter.eq(entered),
        ]
        scaling = Multiplier(b_width=norm.most_doublings + 1, b_signed=False)
        normalising = Multiplier(b_width=norm.reciprocal_width, b_signed=False)
        gaining = Multiplier()
        m.submodules.scaling, m.submodules.normalising, m.submodules.gaining = scaling, normalising, gaining
        reciprocal, out_marks = Signal(norm.reciprocal_width), Signal(2)
        scaled = self._clipped(m, self._rounded(m, scaling.product, norm.root_excess), WORD)
        normalised = self._clipped(m, self._rounded(m, normalising.product, norm.normalise_shift), WORD)
        gained = self._rounded(m, gaining.product, norm.gain_shift)
        gains = table(m, "gains", words_of(norm.gain, GAIN_WIDTH), GAIN_WIDTH)
        shifts = table(m, "shifts", words_of(norm.shift, WORD), WORD)
        gains_at, _ = channel_counter(m, "gained", channels, delayed(m, entered, 7))
        shifts_at, _ = channel_counter(m, "shifted", channels, delayed(m, entered, 10))
        m.d.comb += [
            reciprocal.eq(deviations.o.payload.number),
            out_marks.eq(marks.o.payload),
            scaling.a.eq(values.o.payload),
            scaling.b.eq(deviations.o.payload.scale),
            normalising.a.eq(scaled),
            normalising.b.eq(delayed(m, reciprocal, 4, reset_less=True)),
            gains.addr.eq(gains_at),
            gaining.a.eq(normalised),
            gaining.b.eq(gains.data.as_signed()),
            shifts.addr.eq(shifts_at),
        ]
        total = gained + shifts.data.as_signed()
        offered = Signal(total.shape(), reset_less=True)
        m.d.sync += offered.eq(total)
        shifted = self._clipped(m, offered, norm.output.width)
        out = shifted if self.gelu is None else gelu_pipeline(m, self.gelu, shifted)
        dropped = norm.output.fraction - self.output.fraction
        m.d.comb += [
            outlet.arrive.eq(delayed(m, entered, self._latency)),
            Cat(outlet.value.first, outlet.value.last).eq(delayed(m, out_marks, self._latency)),
            outlet.value.value.eq(requantise(out, dropped, self.output.width)),
        ]
        return m

    @staticmethod
    def _rounded(m: Module, product: Value, shift: int) -> Signal:
        """A product after its shift, a cycle later."""
        value = round_shift(product, shift)
        after = Signal(value.shape(), reset_less=True)
        m.d.sync += after.eq(value)
        return after

    @staticmethod
    def _clipped(m: Module, value: Value, width: int) -> Signal:
        """A value of few enough bits, a cycle later."""
        after = Signal(signed(width), reset_less=True)
        m.d.sync += after.eq(saturate(value, width))
        return after
