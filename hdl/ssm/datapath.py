"""What the datapaths of a neuron array share: their ports, and the channel's sum of outputs."""

from abc import abstractmethod
from typing import ClassVar

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.primitives.component import Component
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.registers import delayed
from hdl.ssm.schedule import ROW_WIDTHS, Operand
from quantize.formats import OPERAND_WIDTH
from quantize.layers.array import COEFFICIENT_WIDTH, OUTPUT_WEIGHT_WIDTH, SHIFT_CODE_WIDTH
from quantize.layers.leapfrog import LeapfrogSpec

PRODUCT_WIDTH = 2 * COEFFICIENT_WIDTH


class ArrayDatapath(Component):
    """The multipliers of an array, from a slot's states and coefficients to its products.

    Cycles count from a slot's issue: all that goes in belongs to cycle 1, when the memories answer. Each
    datapath reads the inputs that its schedule needs.

    Parameters
    ----------
    spec : LeapfrogSpec
    target : DeviceFeatures

    Attributes
    ----------
    PAIRED : int
        Multipliers that take the slots of `hdl.ssm.schedule.schedule_of`, a helper not counted.
    HAS_HELPER : bool
        A helper stands beside them. It leaves the products of a cleared state out; others are given zeros.
    ADDED_LATENCY : int
        Cycles from a slot's product to what it adds to the sum, of several products added first.
    MODE_INTERVAL : int
        Cycles from one mode's feedback to the next one's at least. Helped, the last feedback of a channel
        and the first one of the next follow each other.
    ENDS_UNCOUNTED : bool
        A channel's last slot adds nothing, and clears the sum: a cycle that costs no logic.
    COUNTS_ALWAYS : bool
        Every slot adds to the sum.
    OF_STATES : tuple of int
        Of the `PAIRED` multipliers those whose first factor is always a state.

    Members
    -------
    velocity, position : In(signed(state_width))
    u : In(signed(OPERAND_WIDTH))
        The channel's input, in the slot of its skip path.
    row : In(ROW_WIDTHS[PAIRED])
        Coefficients; see `hdl.ssm.schedule.coefficient_rows`.
    skip_weight : In(signed(OPERAND_WIDTH))
        Of the channel, where the rows do not hold it; the word of a helper, see
        `hdl.ssm.schedule.helper_rows`.
    clears, counts : In(1)
        The channel's sum begins anew with this slot; the slot adds to it. With `ENDS_UNCOUNTED` never both.
    moves, weighs, skip : In(1)
        `Slot.moves`, `Slot.gives_output` and `Slot.skip` of `hdl.ssm.schedule`.
    helps, begins : In(1)
        A helper multiplies; it begins with a mode's outputs.
    cleared : In(1)
        The states are zero, whatever comes; only with a helper.
    single : In(range(len(Operand)))
        `Slot.operand`, for one multiplier, for three, and for a helper.
    damping, stiffness : Out(signed(2 * OPERAND_WIDTH))
        The feedback products, a multiplier's latency after cycle 1.
    input_code, position_code : Out(3)
        The shifts of a mode that moves, in cycle 1.
    total : Out(signed(accumulator_width))
        The channel's sum, `total_latency` cycles after the issue of its last slot.
    """

    PAIRED: ClassVar[int]
    HAS_HELPER: ClassVar[bool] = False
    ADDED_LATENCY: ClassVar[int]
    MODE_INTERVAL: ClassVar[int] = 1
    ENDS_UNCOUNTED: ClassVar[bool] = False
    COUNTS_ALWAYS: ClassVar[bool] = False
    OF_STATES: ClassVar[tuple[int, ...]] = ()

    def __init__(self, spec: LeapfrogSpec, target: DeviceFeatures = MULTIPLIER_BLOCKS):
        self.spec, self.target = spec, target
        state = signed(spec.state_width)
        names = ("clears", "counts", "moves", "weighs", "skip", "helps", "begins", "cleared")
        inputs = {name: In(1) for name in names}
        super().__init__(
            {
                "velocity": In(state),
                "position": In(state),
                "u": In(signed(spec.input.width)),
                "row": In(ROW_WIDTHS[self.PAIRED]),
                "skip_weight": In(signed(COEFFICIENT_WIDTH)),
                **inputs,
                "single": In(range(len(Operand))),
                "damping": Out(signed(PRODUCT_WIDTH)),
                "stiffness": Out(signed(PRODUCT_WIDTH)),
                "input_code": Out(SHIFT_CODE_WIDTH),
                "position_code": Out(SHIFT_CODE_WIDTH),
                "total": Out(signed(spec.accumulator_width)),
            }
        )

    @property
    def multipliers(self) -> int:
        return self.PAIRED + self.HAS_HELPER

    @property
    def contribution_latency(self) -> int:
        """Cycles from a slot's states to what it adds."""
        return self.target.product_latency + self.ADDED_LATENCY

    @property
    def total_latency(self) -> int:
        """Cycles from the issue of a channel's last slot until `total` is its sum."""
        return self.contribution_latency + (1 if self.ENDS_UNCOUNTED else 2)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        contribution = self._multiply(m)
        age = self.contribution_latency
        total = Signal.like(self.total)
        m.d.comb += self.total.eq(total)
        if self.ENDS_UNCOUNTED:
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

    @abstractmethod
    def _multiply(self, m: Module) -> Value:
        """Build the multipliers; what a slot adds, `contribution_latency` cycles after its states."""

    def _multipliers(self, m: Module) -> list[Multiplier]:
        """The multipliers of a datapath without a helper, as submodules."""
        widths = [OPERAND_WIDTH] * self.PAIRED
        if not self.target.multiplier_blocks:  # a block has its width, logic is spared each bit
            for index in self.OF_STATES:
                widths[index] = self.spec.state_width
        multipliers = [Multiplier(width, target=self.target) for width in widths]
        for index, multiplier in enumerate(multipliers):
            m.submodules[f"multiplier_{index}"] = multiplier
        return multipliers

    def _feed_back(self, m: Module, pair: list[Value]) -> None:
        m.d.comb += [self.damping.eq(pair[0]), self.stiffness.eq(pair[1])]


def weight_of(half: Value) -> Value:
    """The output weight in half a row; a shift may stand above it."""
    return half[:OUTPUT_WEIGHT_WIDTH].as_signed()


def coefficient_of(half: Value) -> Value:
    """A feedback word, which is positive; what stands above it is not its own."""
    return Cat(half[: COEFFICIENT_WIDTH - 1], Const(0, 1)).as_signed()


def shift_codes(outputs: Value) -> Value:
    """The shifts of a mode, each above an output weight."""
    words = (outputs.word_select(index, COEFFICIENT_WIDTH) for index in range(2))
    return Cat(word[OUTPUT_WEIGHT_WIDTH:][:SHIFT_CODE_WIDTH] for word in words)
