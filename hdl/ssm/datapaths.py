"""The datapaths of a neuron array: what each of its multipliers multiplies in a slot."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value

from hdl.primitives.multiplier import AddingMultiplier, Multiplier
from hdl.primitives.registers import delayed
from hdl.ssm.datapath import ArrayDatapath, coefficient_of, shift_codes, weight_of
from hdl.ssm.schedule import PAIR_WIDTH, Operand
from quantize.layers.array import COEFFICIENT_WIDTH, OUTPUT_WEIGHT_WIDTH, SHIFT_CODE_WIDTH


class OneMultiplier(ArrayDatapath):
    """One multiplier takes a product a slot: a row is one coefficient; the slot tells which."""

    PAIRED = 1
    ADDED_LATENCY = 0
    MODE_INTERVAL = 4
    ENDS_UNCOUNTED = True

    def _multiply(self, m: Module) -> Value:
        (multiplier,) = self._multipliers(m)
        states = {Operand.VELOCITY: self.velocity, Operand.POSITION: self.position, Operand.SKIP: self.u}
        state = Signal.like(multiplier.a)
        with m.Switch(self.single):
            for single, value in states.items():
                with m.Case(single):
                    m.d.comb += state.eq(value)
        factor = Mux(self.weighs, weight_of(self.row), coefficient_of(self.row))
        m.d.comb += [multiplier.a.eq(state), multiplier.b.eq(Mux(self.skip, self.skip_weight, factor))]
        # A shift comes with each output weight, in another slot than that in which the state moves.
        for code, single in ((self.input_code, Operand.VELOCITY), (self.position_code, Operand.POSITION)):
            with m.If(self.weighs & (self.single == single)):
                m.d.sync += code.eq(self.row[OUTPUT_WEIGHT_WIDTH:])
        damps = Signal()
        m.d.comb += damps.eq((self.single == Operand.VELOCITY) & ~self.weighs)
        with m.If(delayed(m, damps, multiplier.latency)):
            m.d.sync += self.damping.eq(multiplier.product)
        m.d.comb += self.stiffness.eq(multiplier.product)
        return multiplier.product


class OnePair(ArrayDatapath):
    """Two multipliers take a mode's outputs in a slot and its feedback in the next; a row is either."""

    PAIRED = 2
    ADDED_LATENCY = 1
    MODE_INTERVAL = 2
    ENDS_UNCOUNTED = True
    OF_STATES = (1,)

    def _multiply(self, m: Module) -> Value:
        multipliers = self._multipliers(m)
        factors = []
        for index in range(2):
            half = self.row.word_select(index, COEFFICIENT_WIDTH)
            factors.append(Mux(self.moves, coefficient_of(half), weight_of(half)))
        take_outputs_or_skip(m, self, multipliers, factors)
        # The shifts come with the output weights, in the slot before.
        with m.If(self.weighs):
            m.d.sync += Cat(self.input_code, self.position_code).eq(shift_codes(self.row))
        self._feed_back(m, [multiplier.product for multiplier in multipliers])
        return added(m, multipliers)


class TwoPairs(ArrayDatapath):
    """Four multipliers take a mode a slot: one pair its outputs, the other its feedback; a row is both."""

    PAIRED = 4
    ADDED_LATENCY = 1
    OF_STATES = (1, 2, 3)

    def _multiply(self, m: Module) -> Value:
        multipliers = self._multipliers(m)
        outputs, feedback = self.row[:PAIR_WIDTH], self.row[PAIR_WIDTH:]
        factors = [weight_of(outputs.word_select(index, COEFFICIENT_WIDTH)) for index in range(2)]
        take_outputs_or_skip(m, self, multipliers[:2], factors)
        for index, multiplier in enumerate(multipliers[2:]):
            coefficient = coefficient_of(feedback.word_select(index, COEFFICIENT_WIDTH))
            state = (self.velocity, self.position)[index]
            m.d.comb += [multiplier.a.eq(state), multiplier.b.eq(coefficient)]
        m.d.comb += Cat(self.input_code, self.position_code).eq(shift_codes(outputs))
        self._feed_back(m, [multiplier.product for multiplier in multipliers[2:]])
        pair = added(m, multipliers[:2])
        with m.If(~delayed(m, self.counts, multipliers[0].latency)):
            m.d.sync += pair.eq(0)
        return pair


def take_outputs_or_skip(
    m: Module, ports: ArrayDatapath, pair: list[Multiplier], factors: list[Value]
) -> None:
    """A pair takes both states with their factors, or in the slot of the skip path u alone."""
    velocity, position = pair
    m.d.comb += [
        velocity.a.eq(Mux(ports.skip, ports.u, ports.velocity)),
        velocity.b.eq(Mux(ports.skip, ports.skip_weight, factors[0])),
        position.a.eq(Mux(ports.skip, 0, ports.position)),
        position.b.eq(factors[1]),
    ]


def added(m: Module, multipliers: list[Multiplier]) -> Signal:
    """The sum of both products of a pair, in a register."""
    both = multipliers[0].product + multipliers[1].product
    pair = Signal(both.shape(), reset_less=True)
    m.d.sync += pair.eq(both)
    return pair


class PairAndSingle(ArrayDatapath):
    """Three multipliers: a pair takes the feedback of three modes and the outputs of the last of them, a
    single one the outputs of the other two and the skip path.
    """

    PAIRED = 3
    ADDED_LATENCY = 2
    COUNTS_ALWAYS = True
    OF_STATES = (0, 1)

    def _multiply(self, m: Module) -> Value:
        multipliers = self._multipliers(m)
        outputs, feedback = self.row[:PAIR_WIDTH], self.row[PAIR_WIDTH:]
        words = (outputs.word_select(index, COEFFICIENT_WIDTH) for index in range(2))
        velocity_weight, position_weight = (weight_of(word) for word in words)
        held_velocity, held_position = Signal.like(self.velocity), Signal.like(self.position)
        held_velocity_weight = Signal.like(velocity_weight, name="held_velocity_weight")
        held_position_weight = Signal.like(position_weight, name="held_position_weight")
        for index, (state, weight) in enumerate(
            [(self.velocity, velocity_weight), (self.position, position_weight)]
        ):
            coefficient = coefficient_of(feedback.word_select(index, COEFFICIENT_WIDTH))
            m.d.comb += [
                multipliers[index].a.eq(state),
                multipliers[index].b.eq(Mux(self.moves, coefficient, weight)),
            ]
        # In the order of `Operand`.
        states = Array([self.velocity, held_position, held_velocity, self.u, 0])
        weights = Array([velocity_weight, held_position_weight, held_velocity_weight, self.skip_weight, 0])
        m.d.comb += [
            multipliers[2].a.eq(states[self.single]),
            multipliers[2].b.eq(weights[self.single]),
            Cat(self.input_code, self.position_code).eq(shift_codes(outputs)),
        ]
        # Of three modes, the first two wait for the single multiplier.
        with m.If(self.moves & (self.single != Operand.HELD_VELOCITY)):
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


class HelpedPair(ArrayDatapath):
    """A pair as in `OnePair`; into its second block goes the total of a third multiplier, the helper's."""

    PAIRED = 2
    HAS_HELPER = True
    ADDED_LATENCY = 1
    ENDS_UNCOUNTED = True

    def _multiply(self, m: Module) -> Value:
        names = "of_velocity", "of_position", "helper"
        of_velocity, of_position, helper = multipliers = [AddingMultiplier(self.target) for _ in names]
        for name, multiplier in zip(names, multipliers, strict=True):
            m.submodules[name] = multiplier
        halves = [self.row.word_select(index, COEFFICIENT_WIDTH) for index in range(2)]
        factors = [Mux(self.moves, coefficient_of(half), weight_of(half)) for half in halves]
        # The helper takes the velocity as it comes; then the position of the same mode, which is held, and u.
        held = Signal.like(self.u, reset_less=True)
        with m.If(self.begins):
            m.d.sync += held.eq(self.position)
        with m.Elif(self.single == Operand.HELD_POSITION):
            m.d.sync += held.eq(self.u)
        word = self.skip_weight
        # The first mode's shifts stand beside its weight and its feedback words; those of others come with
        # their output weights, in the slot before.
        shifts = Signal(2 * SHIFT_CODE_WIDTH, reset_less=True)
        with m.If(self.weighs):
            m.d.sync += shifts.eq(shift_codes(self.row))
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
            helper.b.eq(Mux(self.begins, weight_of(word), word)),
            helper.adds.eq(self.helps & ~(self.cleared & (self.single != Operand.SKIP))),
            Cat(self.input_code, self.position_code).eq(Mux(self.begins, first_shifts, shifts)),
        ]
        self._feed_back(m, [of_velocity.total, of_position.total])
        both = of_velocity.total + of_position.total
        pair = Signal(both.shape(), reset_less=True)
        m.d.sync += pair.eq(both)
        return pair


DATAPATHS: dict[tuple[int, bool], type[ArrayDatapath]] = {
    (kind.PAIRED, kind.HAS_HELPER): kind
    for kind in (OneMultiplier, OnePair, PairAndSingle, TwoPairs, HelpedPair)
}
"""Multipliers, and whether a helper stands beside them -> the datapath."""
