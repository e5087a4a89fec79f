"""LayerNorm over the channels of a step, and GELU if wanted, a channel in every cycle or at a slower pace."""

from amaranth.hdl import Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.devices.features import BLOCK_LATENCY
from hdl.norm.mean_subtract import MeanSubtract
from hdl.norm.streamed_rsqrt import Divider, Normaliser, Scaled, SquareRoot
from hdl.primitives.component import Component
from hdl.primitives.counters import StepGate, channel_counter, next_is_last
from hdl.primitives.deep_fifo import BlockFifo, CreditFifo, ShallowFifo
from hdl.primitives.fixed import requantise, round_shift, saturate
from hdl.primitives.functions import GELU_LATENCY, gelu_pipeline
from hdl.primitives.memory import rom, words_of
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.registers import delayed
from hdl.primitives.shared_multiplier import SHARED_LATENCY, Place, shared_multiplier, turns_of
from hdl.primitives.streams import Beat, beats, marks_of
from quantize.formats import Format
from quantize.layers.functions import Gelu
from quantize.layers.norm import GAIN_WIDTH, WORD, LayerNorm

PRODUCTS = 4
"""Of each channel."""
ROUNDING = 2
"""Cycles from a product until it is rounded and clipped."""
NORM_MULTIPLIERS = (PRODUCTS, PRODUCTS // 2, 1)
# The products' turns. Where multipliers are shared, a channel that departs is multiplied every five cycles,
# so its three products have turns of their own; the one that is left is for the squares of those that come.
SCALING, NORMALISING, GAINING, SQUARING = range(PRODUCTS)


class StreamedStepNorm(Component):
    """`hdl.norm.step_norm.StepNorm` of z, faster: several steps under way, and up to four multipliers.

    Centred values are squared on their way into a memory. When the reciprocal deviation of their step is
    known they leave it, and are multiplied three times: scaled by a power of two, normalised, with their
    gain. Fewer multipliers take turns with these products, and a channel comes in every second or fourth
    cycle.

    Parameters
    ----------
    norm : LayerNorm
    output : Format
        The norm's own without a GELU.
    gelu : Gelu, optional
    multipliers : int
        4, 2 or 1, beside the mean's, if it has one.

    Members
    -------
    i : In(stream of Beat), z
    o : Out(stream of Beat), in the output format
    """

    # Steps behind the mean: one that comes, those that wait for their deviation, one that leaves.
    STEPS = 8
    # Cycles from a centred value's departure from the memory until it is scaled and clipped, until it is
    # normalised and clipped, until it has its gain, and until its shift is added too and it is clipped.
    SCALED = BLOCK_LATENCY + ROUNDING
    NORMALISED = SCALED + BLOCK_LATENCY + ROUNDING
    GAINED = NORMALISED + BLOCK_LATENCY + 1
    GAIN_LATENCY = GAINED + 2

    def __init__(
        self, norm: LayerNorm, output: Format, gelu: Gelu | None = None, multipliers: int = PRODUCTS
    ):
        if multipliers not in NORM_MULTIPLIERS:
            raise ValueError(f"a norm has {NORM_MULTIPLIERS} multipliers, not {multipliers}")
        self.norm, self.output, self.gelu = norm, output, gelu
        self.pace = PRODUCTS // multipliers
        self.centre = MeanSubtract(norm)
        self.normaliser, self.root, self.divider = Normaliser(norm), SquareRoot(norm), Divider(norm)
        super().__init__({"i": In(beats(norm.input_width)), "o": Out(beats(output.width))})

    @property
    def multipliers(self) -> int:
        return PRODUCTS // self.pace + self.centre.multipliers

    @property
    def _stages(self) -> list[Normaliser | SquareRoot | Divider]:
        return [self.normaliser, self.root, self.divider]

    @property
    def cycles_per_step(self) -> int:
        return max(self.least_cycles_per_step, self.normaliser.cycles)

    def latency_taken_in(self, cycles: int) -> int:
        """As `latency_cycles`, where an output is taken in every so many cycles at most."""
        return self.latency_cycles + (cycles - 1) * self.norm.channels

    def cycles_taken_in(self, cycles: int) -> int:
        """As `cycles_per_step`, where an output is taken in every so many cycles at most."""
        return max(self.cycles_per_step, cycles * self.norm.channels)

    @property
    def arrival_cycles(self) -> int:
        """Cycles from one arrival until the next one can come."""
        return self.pace

    @property
    def least_cycles_per_step(self) -> int:
        """In the steady state, whatever the data: those of all that takes the same cycles for any number."""
        return max(self.norm.channels * self.pace, self.root.cycles, self.divider.cycles)

    @property
    def latency_cycles(self) -> int:
        """Most cycles from a step's last beat to its last output, when nothing else is under way."""
        walks = 2 * self.norm.channels * self.pace
        squared = BLOCK_LATENCY + 2 * self._more + 2  # multiplied, added, and the sum given to its queue
        queues = 1 + 1 + 1 + CreditFifo.LATENCY  # of the mean, the sum, the deviation and the output
        turns = 2 * (self.pace - 1)  # of the square and of the first product
        around = self.centre.latency + squared + queues + turns
        return walks + sum(stage.cycles for stage in self._stages) + self._latency + around

    @property
    def _latency(self) -> int:
        return self.GAIN_LATENCY + 3 * self._more + (0 if self.gelu is None else GELU_LATENCY)

    @property
    def _more(self) -> int:
        """Cycles of a product in a shared multiplier over those in one of its own."""
        return SHARED_LATENCY - BLOCK_LATENCY if self.pace > 1 else 0

    def elaborate(self, platform: object) -> Module:
        m = Module()
        norm, channels = self.norm, self.norm.channels
        m.submodules.centre = centre = self.centre
        wiring.connect(m, wiring.flipped(self.i), centre.i)
        m.submodules.gate = gate = StepGate(channels, self.STEPS)
        m.submodules.values = values = BlockFifo(WORD, self.STEPS * channels)
        m.submodules.marks = marks = ShallowFifo(2, self.STEPS)
        m.submodules.sums = sums = ShallowFifo(unsigned(2 * norm.root_width), self.STEPS)
        turn = turns_of(m, self.pace)
        places = self._places(m, turn)
        self._collect(m, turn, places[SQUARING], gate, values, marks, sums)
        deviations = self._deviations(m, sums.o)
        m.submodules.outlet = outlet = CreditFifo(Beat(self.output.width), self._latency)
        wiring.connect(m, outlet.o, wiring.flipped(self.o))
        entered = self._depart(m, turn, gate, values, marks, deviations, outlet)
        self._normalise(m, places, entered, values, marks, deviations, outlet)
        return m

    def _collect(
        self, m: Module, turn: Signal, square: Place, gate: StepGate, values: BlockFifo, marks: ShallowFifo,
        sums: ShallowFifo,
    ) -> None:  # fmt: skip
        """Centred values into the memory, and the sum of their squares."""
        centre, more = self.centre, self._more
        squares = Signal(2 * self.norm.root_width, reset_less=self.pace == 1)
        # A centred value comes out of an adder, too late to wait for a turn: it comes a cycle before its own.
        centred = Signal(signed(WORD))
        squared = delayed(m, centred, more, reset_less=True)
        summed = BLOCK_LATENCY + 2 * more
        may_come = gate.ready & turn[(SQUARING - more) % self.pace]
        m.d.comb += [
            centre.o.ready.eq(may_come & values.i.ready),
            gate.take.eq(centre.o.valid & centre.o.ready),
            values.i.valid.eq(centre.o.valid & may_come),
            values.i.payload.eq(centre.o.payload.value),
            marks.i.valid.eq(gate.begins),
            marks.i.payload.eq(marks_of(centre.o.payload)),
            centred.eq(centre.o.payload.value),
            square.a.eq(squared),
            square.b.eq(squared),
            sums.i.valid.eq(delayed(m, gate.ends, summed + 1)),
            sums.i.payload.eq(squares),
        ]
        before = squares
        if self.pace == 1:
            before = Mux(delayed(m, gate.begins, summed), 0, squares)
        with m.If(delayed(m, gate.take, summed)):
            m.d.sync += squares.eq(before + square.product.as_unsigned())
        if self.pace > 1:
            # The next square is not there yet as the sum goes: cleared then, its adder needs no multiplexer.
            with m.If(sums.i.valid):
                m.d.sync += squares.eq(0)

    def _deviations(self, m: Module, sums: stream.Interface) -> ShallowFifo:
        """The reciprocal deviation of each sum."""
        given = sums
        for stage in self._stages:
            m.submodules[type(stage).__name__.lower()] = stage
            wiring.connect(m, given, stage.i)
            given = stage.o
        m.submodules.deviations = deviations = ShallowFifo(Scaled(self.norm, self.norm.reciprocal_width), 2)
        wiring.connect(m, given, deviations.i)
        return deviations

    def _depart(
        self, m: Module, turn: Signal, gate: StepGate, values: BlockFifo, marks: ShallowFifo,
        deviations: ShallowFifo, outlet: CreditFifo,
    ) -> Signal:  # fmt: skip
        """Whether a value leaves the memory in this cycle, for the products that follow."""
        channels = self.norm.channels
        entered, step_leaves = Signal(), Signal()
        left, _ = channel_counter(m, "left", channels, entered)
        last_left = Signal(init=channels == 1)  # a register, because much logic depends on it
        with m.If(entered):
            m.d.sync += last_left.eq(next_is_last(left, channels))
        m.d.comb += [
            entered.eq(turn[SCALING] & values.o.valid & deviations.o.valid & outlet.room),
            values.o.ready.eq(entered),
            step_leaves.eq(entered & last_left),
            deviations.o.ready.eq(step_leaves),
            marks.o.ready.eq(step_leaves),
            gate.step_leaves.eq(delayed(m, step_leaves, 1)),
            outlet.enter.eq(entered),
        ]
        return entered

    def _normalise(
        self, m: Module, places: list[Place], entered: Signal, values: BlockFifo, marks: ShallowFifo,
        deviations: ShallowFifo, outlet: CreditFifo,
    ) -> None:  # fmt: skip
        """The three products of a value that left the memory, then its shift, and GELU.

        A product of a shared multiplier comes later by `_more` cycles.
        """
        norm, channels, more = self.norm, self.norm.channels, self._more
        scaling, normalising, gaining = (places[use] for use in (SCALING, NORMALISING, GAINING))
        reciprocal, out_marks = Signal(norm.reciprocal_width), Signal(2)
        scaled = self._clipped(m, self._rounded(m, scaling.product, norm.root_excess), WORD)
        normalised = self._clipped(m, self._rounded(m, normalising.product, norm.normalise_shift), WORD)
        gained = self._rounded(m, gaining.product, norm.gain_shift)
        gains = rom(m, "gains", words_of(norm.gain, GAIN_WIDTH), GAIN_WIDTH)
        shifts = rom(m, "shifts", words_of(norm.shift, WORD), WORD)
        normalised_at, gained_at = self.NORMALISED + more, self.GAINED + 3 * more
        gains_at, _ = channel_counter(m, "gained", channels, delayed(m, entered, normalised_at - 1))
        shifts_at, _ = channel_counter(m, "shifted", channels, delayed(m, entered, gained_at - 1))
        # A memory block answers as late.
        gain = delayed(m, gains.data, more, reset_less=True)
        m.d.comb += [
            reciprocal.eq(deviations.o.payload.number),
            out_marks.eq(marks.o.payload),
            scaling.a.eq(values.o.payload),
            scaling.b.eq(deviations.o.payload.scale),
            normalising.a.eq(scaled),
            normalising.b.eq(delayed(m, reciprocal, self.SCALED + more, reset_less=True)),
            gains.addr.eq(gains_at),
            gaining.a.eq(normalised),
            gaining.b.eq(gain.as_signed()),
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
            marks_of(outlet.value).eq(delayed(m, out_marks, self._latency)),
            outlet.value.value.eq(requantise(out, dropped, self.output.width)),
        ]

    def _places(self, m: Module, turn: Signal) -> list[Place]:
        """Who multiplies: a block for each product, or one for as many of them as there are turns."""
        if self.pace == 1:
            blocks = {
                "scaling": Multiplier(b_width=self.norm.most_doublings + 1, b_signed=False),
                "normalising": Multiplier(b_width=self.norm.reciprocal_width, b_signed=False),
                "gaining": Multiplier(),
                "square": Multiplier(),
            }
            for name, block in blocks.items():
                m.submodules[name] = block
            return [Place(block.a, block.b, block.product) for block in blocks.values()]
        shared = (shared_multiplier(m, f"products_{index}", turn) for index in range(PRODUCTS // self.pace))
        return [place for places in shared for place in places]

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
