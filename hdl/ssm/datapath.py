"""The multipliers of a neuron array: what each one multiplies in a slot, and the channel's sum of outputs."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.primitives.multiplier import AddingMultiplier, Multiplier
from hdl.primitives.registers import delayed
from hdl.ssm.schedule import ROW_WIDTHS, Single
from quantize.layers.array import COEFFICIENT_WIDTH, OUTPUT_WEIGHT_WIDTH, SHIFT_CODE_WIDTH
from quantize.layers.leapfrog import LeapfrogSpec

PRODUCT_WIDTH = 32


class ArrayDatapath(wiring.Component):
    """The multipliers of an array, from a slot's states and coefficients to its products.

    Cycles count from a slot's issue: all that goes in belongs to cycle 1, when the memories answer.

    Parameters
    ----------
    spec : LeapfrogSpec
    multipliers : int
        1 to 4.
    target : DeviceFeatures
    has_helper : bool
        A helper beside two; see `hdl.ssm.schedule.schedule_of`.

    Members
    -------
    velocity, position : In(signed(state_width))
    u : In(signed(16))
        The channel's input, in the slot of its skip path.
    row : In(ROW_WIDTHS[multipliers])
        Coefficients; see `hdl.ssm.schedule.coefficient_rows`.
    skip_weight : In(signed(16))
        Of the channel, where the rows do not hold it; the word of a helper, see
        `hdl.ssm.schedule.helper_rows`.
    clears, counts : In(1)
        The channel's sum begins anew with this slot; the slot adds to it. One and two multipliers never do
        both.
    moves, weighs, skip : In(1)
        See `hdl.ssm.schedule.Slot`.
    helps, begins : In(1)
        A helper multiplies; it begins with a mode's outputs.
    cleared : In(1)
        The states are zero, whatever comes; only with a helper.
    single : In(range(len(Single)))
        A `hdl.ssm.schedule.Single`, for one multiplier, for three, and for a helper.
    damping, stiffness : Out(signed(32))
        The feedback products, a multiplier's latency after cycle 1.
    input_code, position_code : Out(3)
        The shifts of a mode that moves, in cycle 1.
    total : Out(signed(accumulator_width))
        The channel's sum, `total_latency` cycles after the issue of its last slot.
    """

    def __init__(
        self,
        spec: LeapfrogSpec,
        multipliers: int,
        target: DeviceFeatures = MULTIPLIER_BLOCKS,
        *,
        has_helper: bool = False,
    ):
        self.spec, self.multipliers, self.target, self.has_helper = (
            spec,
            multipliers,
            target,
            has_helper,
        )
        state = signed(spec.state_width)
        names = ("clears", "counts", "moves", "weighs", "skip", "helps", "begins", "cleared")
        inputs = {name: In(1) for name in names}
        super().__init__(
            {
                "velocity": In(state),
                "position": In(state),
                "u": In(signed(spec.input.width)),
                "row": In(ROW_WIDTHS[multipliers]),
                "skip_weight": In(signed(COEFFICIENT_WIDTH)),
                **inputs,
                "single": In(range(len(Single))),
                "damping": Out(signed(PRODUCT_WIDTH)),
                "stiffness": Out(signed(PRODUCT_WIDTH)),
                "input_code": Out(SHIFT_CODE_WIDTH),
                "position_code": Out(SHIFT_CODE_WIDTH),
                "total": Out(signed(spec.accumulator_width)),
            }
        )

    @property
    def contribution_latency(self) -> int:
        """Cycles from a slot's states to what it adds: a product, or several, added first."""
        return self.target.product_latency + {1: 0, 2: 1, 3: 2, 4: 1}[self.multipliers]

    @property
    def total_latency(self) -> int:
        """Cycles from the issue of a channel's last slot until `total` is its sum.

        With one or two multipliers that slot adds nothing.
        """
        return self.contribution_latency + (1 if self.multipliers <= 2 else 2)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        count = 0 if self.has_helper else self.multipliers
        multipliers = [Multiplier(target=self.target) for _ in range(count)]
        for index, multiplier in enumerate(multipliers):
            m.submodules[f"multiplier_{index}"] = multiplier
        if self.has_helper:
            contribution = self._helped_pair(m)
        elif self.multipliers == 1:
            contribution = self._in_turn(m, multipliers[0])
        elif self.multipliers == 3:
            contribution = self._pair_and_single(m, multipliers)
        else:
            contribution = self._pairs(m, multipliers)
        age = self.contribution_latency
        total = Signal.like(self.total)
        m.d.comb += self.total.eq(total)
        if self.multipliers <= 2:
            counts, clears = delayed(m, self.counts, age), delayed(m, self.clears, age)
            with m.If(counts):
                m.d.sync += total.eq(total + contribution)
            # Never both, but as an "else" this would be logic behind the adder, and break its carry chain.
            with m.If(clears):
                m.d.sync += total.eq(0)
        else:
            # Behind the adder the choice costs nothing on iCE40: both fit into its look-up tables. But with
            # an enable, eight such cells need more wires than their tile has, and nextpnr takes the carry
            # chain apart; so what does not count is cleared before.
            clears = delayed(m, self.clears, age)
            m.d.sync += total.eq(Mux(clears, contribution, total + contribution))
        return m

    def _in_turn(self, m: Module, multiplier: Multiplier) -> Value:
        """One multiplier: a row is one coefficient; the slot tells which."""
        states = {Single.VELOCITY: self.velocity, Single.POSITION: self.position, Single.SKIP: self.u}
        state = Signal.like(multiplier.a)
        with m.Switch(self.single):
            for single, value in states.items():
                with m.Case(single):
                    m.d.comb += state.eq(value)
        weight = self.row[:OUTPUT_WEIGHT_WIDTH].as_signed()
        factor = Mux(self.weighs, weight, _coefficient(self.row))
        m.d.comb += [multiplier.a.eq(state), multiplier.b.eq(Mux(self.skip, self.skip_weight, factor))]
        # A shift comes with each output weight, in another slot than that in which the state moves.
        for code, single in ((self.input_code, Single.VELOCITY), (self.position_code, Single.POSITION)):
            with m.If(self.weighs & (self.single == single)):
                m.d.sync += code.eq(self.row[OUTPUT_WEIGHT_WIDTH:])
        damps = Signal()
        m.d.comb += damps.eq((self.single == Single.VELOCITY) & ~self.weighs)
        with m.If(delayed(m, damps, multiplier.latency)):
            m.d.sync += self.damping.eq(multiplier.product)
        m.d.comb += self.stiffness.eq(multiplier.product)
        return multiplier.product

    def _pairs(self, m: Module, multipliers: list[Multiplier]) -> Value:
        """Two multipliers: a row is either kind of coefficients. Four: it is both."""
        outputs, feedback = self.row[:32], self.row[-32:]
        for index, multiplier in enumerate(multipliers):
            state: Value = (self.velocity, self.position)[index % 2]
            half = outputs.word_select(index % 2, COEFFICIENT_WIDTH)
            weight = half[:OUTPUT_WEIGHT_WIDTH].as_signed()
            coefficient = _coefficient(feedback.word_select(index % 2, COEFFICIENT_WIDTH))
            factor: Value = weight if index < 2 else coefficient
            if self.multipliers == 2:
                factor = Mux(self.moves, coefficient, weight)
            if index == 0:
                state = Mux(self.skip, self.u, state)
                factor = Mux(self.skip, self.skip_weight, factor)
            elif index == 1:
                state = Mux(self.skip, 0, state)
            m.d.comb += [multiplier.a.eq(state), multiplier.b.eq(factor)]
        # The shifts come with the output weights, in the slot itself or the one before.
        if self.multipliers == 4:
            m.d.comb += Cat(self.input_code, self.position_code).eq(_shift_codes(outputs))
        else:
            with m.If(self.weighs):
                m.d.sync += Cat(self.input_code, self.position_code).eq(_shift_codes(outputs))
        self._feed_back(m, [multiplier.product for multiplier in multipliers[-2:]])
        both = multipliers[0].product + multipliers[1].product
        pair = Signal(both.shape(), reset_less=True)
        m.d.sync += pair.eq(both)
        if self.multipliers == 4:
            with m.If(~delayed(m, self.counts, multipliers[0].latency)):
                m.d.sync += pair.eq(0)
        return pair

    def _pair_and_single(self, m: Module, multipliers: list[Multiplier]) -> Value:
        outputs, feedback = self.row[:32], self.row[32:]
        words = (outputs.word_select(index, COEFFICIENT_WIDTH) for index in range(2))
        velocity_weight, position_weight = (word[:OUTPUT_WEIGHT_WIDTH].as_signed() for word in words)
        held_velocity, held_position = Signal.like(self.velocity), Signal.like(self.position)
        held_velocity_weight = Signal.like(velocity_weight, name="held_velocity_weight")
        held_position_weight = Signal.like(position_weight, name="held_position_weight")
        for index, (state, weight) in enumerate(
            [(self.velocity, velocity_weight), (self.position, position_weight)]
        ):
            coefficient = _coefficient(feedback.word_select(index, COEFFICIENT_WIDTH))
            m.d.comb += [
                multipliers[index].a.eq(state),
                multipliers[index].b.eq(Mux(self.moves, coefficient, weight)),
            ]
        # In the order of `Single`.
        states = Array([self.velocity, held_position, held_velocity, self.u, 0])
        weights = Array([velocity_weight, held_position_weight, held_velocity_weight, self.skip_weight, 0])
        m.d.comb += [
            multipliers[2].a.eq(states[self.single]),
            multipliers[2].b.eq(weights[self.single]),
            Cat(self.input_code, self.position_code).eq(_shift_codes(outputs)),
        ]
        # Of three modes, the first two wait for the single multiplier.
        with m.If(self.moves & (self.single != Single.HELD_VELOCITY)):
            m.d.sync += [
                held_velocity.eq(self.velocity),
                held_position.eq(self.position),
                held_velocity_weight.eq(velocity_weight),
                held_position_weight.eq(position_weight),
            ]
        self._feed_back(m, [multiplier.product for multiplier in multipliers[:2]])
        # Both products of the pair are added first; the single one waits for them.
        both = multipliers[0].product + multipliers[1].product
        pair = Signal(both.shape(), reset_less=True)
        single, contribution = Signal.like(self.total, reset_less=True), Signal.like(self.total)
        latency = multipliers[0].latency
        with m.If(delayed(m, self.weighs, latency)):
            m.d.sync += pair.eq(both)
        with m.Else():  # as a reset this costs nothing, while a gate before an adder does
            m.d.sync += pair.eq(0)
        m.d.sync += [single.eq(multipliers[2].product), contribution.eq(pair + single)]
        with m.If(~delayed(m, self.counts, latency + 1)):
            m.d.sync += contribution.eq(0)
        return contribution

    def _helped_pair(self, m: Module) -> Value:
        """A pair that takes a mode's outputs and its feedback by turns; into its second block goes the total
        of a third, the helper's. A cleared state is one whose products they leave out.
        """
        names = "of_velocity", "of_position", "helper"
        of_velocity, of_position, helper = multipliers = [AddingMultiplier(self.target) for _ in names]
        for name, multiplier in zip(names, multipliers, strict=True):
            m.submodules[name] = multiplier
        halves = [self.row.word_select(index, COEFFICIENT_WIDTH) for index in range(2)]
        factors = [
            Mux(self.moves, _coefficient(half), half[:OUTPUT_WEIGHT_WIDTH].as_signed()) for half in halves
        ]
        # The helper takes the velocity as it comes; then the position of the same mode, which is held, and u.
        held = Signal.like(self.u, reset_less=True)
        with m.If(self.begins):
            m.d.sync += held.eq(self.position)
        with m.Elif(self.single == Single.HELD_POSITION):
            m.d.sync += held.eq(self.u)
        word = self.skip_weight
        # The first mode's shifts stand beside its weight and its feedback words; those of others come with
        # their output weights, in the slot before.
        shifts = Signal(2 * SHIFT_CODE_WIDTH, reset_less=True)
        with m.If(self.weighs):
            m.d.sync += shifts.eq(_shift_codes(self.row))
        first_shifts = Cat(word[OUTPUT_WEIGHT_WIDTH:], *(half[-1] for half in halves))
        m.d.comb += [
            of_velocity.a.eq(self.velocity),
            of_velocity.b.eq(factors[0]),
            of_position.a.eq(self.position),
            of_position.b.eq(factors[1]),
            of_velocity.adds.eq(~self.cleared),
            of_position.adds.eq(~self.cleared),
            of_position.addend.eq(helper.total),
            helper.a.eq(Mux(self.begins, self.velocity, held)),
            helper.b.eq(Mux(self.begins, word[:OUTPUT_WEIGHT_WIDTH].as_signed(), word)),
            helper.adds.eq(self.helps & ~(self.cleared & (self.single != Single.SKIP))),
            Cat(self.input_code, self.position_code).eq(Mux(self.begins, first_shifts, shifts)),
        ]
        self._feed_back(m, [of_velocity.total, of_position.total])
        both = of_velocity.total + of_position.total
        pair = Signal(both.shape(), reset_less=True)
        m.d.sync += pair.eq(both)
        return pair

    def _feed_back(self, m: Module, pair: list[Value]) -> None:
        m.d.comb += [self.damping.eq(pair[0]), self.stiffness.eq(pair[1])]


def _coefficient(half: Value) -> Value:
    """A feedback word, which is positive; what stands above it is not its own."""
    return Cat(half[: COEFFICIENT_WIDTH - 1], Const(0, 1)).as_signed()


def _shift_codes(outputs: Value) -> Value:
    """The shifts of a mode, each above an output weight."""
    words = (outputs.word_select(index, COEFFICIENT_WIDTH) for index in range(2))
    return Cat(word[OUTPUT_WEIGHT_WIDTH:][:SHIFT_CODE_WIDTH] for word in words)
