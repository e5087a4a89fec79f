"""Multipliers of fixed latency, for data paths that never stop.

On parts with multiplier blocks a `Multiplier` is one block with its own operand and product registers used;
on parts without, it is rows of adders, which take a cycle more. The block of the iCE40 is found by synthesis;
that of the ECP5 is asked for by name, for synthesis would leave its registers outside, and so is that of the
iCE40 for an `AddingMultiplier`, which adds inside its block.
"""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux, Shape, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.primitives.logic_multiplier import multiplied_in_logic
from hdl.primitives.registers import delayed

OPERAND_WIDTH = 16
ECP5_WIDTH = 18
"""Bits of an operand of the ECP5's block."""


class Multiplier(wiring.Component):
    """Signed product, a new pair of operands every cycle.

    `product` shows `a * b` of `latency` cycles earlier. The registers have no reset and no enable: anything
    else keeps them out of the multiplier block. Elaborated for a family, it is a MULT18X18D of the ECP5 or,
    where there are no blocks, rows of adders; otherwise a form that computes the same.

    Parameters
    ----------
    a_width, b_width : int
        What logic is spared where a part has no blocks.
    b_signed : bool
        Otherwise b is a number without a sign.
    target : DeviceFeatures

    Members
    -------
    a : In(signed(a_width))
    b : In(Shape(b_width, b_signed))
    product : Out(signed(a_width + b_width))
    """

    def __init__(
        self, a_width: int = OPERAND_WIDTH, b_width: int = OPERAND_WIDTH, *,
        b_signed: bool = True, target: DeviceFeatures = MULTIPLIER_BLOCKS,
    ):  # fmt: skip
        self.a_width, self.b_shape, self.target = a_width, Shape(b_width, b_signed), target
        super().__init__(
            {"a": In(signed(a_width)), "b": In(self.b_shape), "product": Out(signed(a_width + b_width))}
        )

    @property
    def latency(self) -> int:
        return self.target.product_latency

    def elaborate(self, platform: object) -> Module:
        m = Module()
        in_logic = not self.target.multiplier_blocks
        if platform == "ecp5" and not in_logic:
            m.submodules.block = self._ecp5_block()
            return m
        a = Signal(signed(self.a_width), reset_less=True)
        b = Signal(self.b_shape, reset_less=True)
        m.d.sync += [a.eq(self.a), b.eq(self.b)]
        if platform is not None and in_logic:
            m.d.comb += self.product.eq(multiplied_in_logic(m, a, b))
            return m
        product = Signal(self.product.shape(), reset_less=True)
        m.d.sync += product.eq(a * b)
        # Behind the operands' registers and the product's.
        m.d.comb += self.product.eq(delayed(m, product, self.latency - 2, reset_less=True))
        return m

    def _ecp5_block(self) -> Instance:
        """MULT18X18D, its registers for operands and product in use, that in its middle not."""
        sign = self.b[-1] if self.b_shape.signed else Const(0, 1)
        operands = {"A": (self.a, self.a[-1]), "B": (self.b, sign)}
        bits = {
            f"i_{name}{place}": value[place] if place < len(value) else extension
            for name, (value, extension) in operands.items()
            for place in range(ECP5_WIDTH)
        }
        spare = Signal(2 * ECP5_WIDTH - len(self.product), name="spare")
        product = Cat(self.product, spare)
        controls = {
            f"i_{name}{index}": Const(index == 0 and name == "CE", 1)
            for name in ("CE", "RST")
            for index in range(4)
        }
        registers = {
            f"p_REG_{place}_{pin}": value
            for place in ("INPUTA", "INPUTB", "OUTPUT")
            for pin, value in (("CLK", "CLK0"), ("CE", "CE0"), ("RST", "RST0"))
        }
        return Instance(
            "MULT18X18D",
            **bits,
            **{f"o_P{place}": product[place] for place in range(2 * ECP5_WIDTH)},
            **controls,
            **registers,
            i_CLK0=ClockSignal(),
            i_SIGNEDA=Const(1, 1),
            i_SIGNEDB=Const(1, 1),
            i_SOURCEA=Const(0, 1),
            i_SOURCEB=Const(0, 1),
            p_REG_INPUTC_CLK="NONE",
            p_REG_PIPELINE_CLK="NONE",
            p_GSR="DISABLED",
            p_RESETMODE="SYNC",
        )


class AddingMultiplier(wiring.Component):
    """Signed product plus what comes in, a new pair of operands every cycle.

    `total` shows `addend + a * b`, the operands of `latency` cycles earlier and the addend of one; so the
    total of one of these can be the addend of another, a cycle later. Elaborated for "ice40" it is an
    SB_MAC16 whose own adder does it: 32 look-up tables less than behind the block.

    Parameters
    ----------
    target : DeviceFeatures

    Members
    -------
    a, b : In(signed(16))
    adds : In(1)
        With the operands: otherwise their product is left out.
    addend : In(signed(32))
    total : Out(signed(32))
        Modulo 2**32.
    """

    def __init__(self, target: DeviceFeatures = MULTIPLIER_BLOCKS) -> None:
        self.target = target
        operand, total = signed(OPERAND_WIDTH), signed(2 * OPERAND_WIDTH)
        super().__init__(
            {"a": In(operand), "b": In(operand), "adds": In(1), "addend": In(total), "total": Out(total)}
        )

    @property
    def latency(self) -> int:
        return self.target.product_latency

    def elaborate(self, platform: object) -> Module:
        m = Module()
        blocks = self.target.multiplier_blocks
        adds = delayed(m, self.adds, self.latency - 1)
        if platform == "ice40" and blocks:
            m.submodules.block = self._ice40_block(adds)
        elif platform is None and blocks:  # the registers that the block has
            a, b = Signal.like(self.a, reset_less=True), Signal.like(self.b, reset_less=True)
            total = Signal.like(self.total, reset_less=True)
            m.d.sync += [a.eq(self.a), b.eq(self.b), total.eq(self.addend + Mux(adds, a * b, 0))]
            m.d.comb += self.total.eq(total)
        else:
            m.submodules.multiplier = multiplier = Multiplier(target=self.target)
            addend, added = Signal.like(self.addend, reset_less=True), delayed(m, adds, 1)
            m.d.sync += addend.eq(self.addend)
            m.d.comb += [
                multiplier.a.eq(self.a),
                multiplier.b.eq(self.b),
                self.total.eq(addend + Mux(added, multiplier.product, 0)),
            ]
        return m

    def _ice40_block(self, adds: Signal) -> Instance:
        """SB_MAC16, its registers for operands and sum in use. To load C and D leaves the product out."""
        half = OPERAND_WIDTH
        idle = dict.fromkeys(
            ("AHOLD", "BHOLD", "CHOLD", "DHOLD", "IRSTTOP", "IRSTBOT", "ORSTTOP", "ORSTBOT", "ADDSUBTOP",
             "ADDSUBBOT", "OHOLDTOP", "OHOLDBOT", "CI", "ACCUMCI", "SIGNEXTIN"), Const(0, 1),
        )  # fmt: skip
        # Both halves of the sum: the product's and C or D, the upper one with the lower one's carry.
        product, other, carry, registered = Const(2, 2), Const(1, 1), Const(2, 2), Const(1, 2)
        return Instance(
            "SB_MAC16",
            **{f"i_{name}": value for name, value in idle.items()},
            i_CLK=ClockSignal(),
            i_CE=Const(1, 1),
            i_A=self.a,
            i_B=self.b,
            i_C=self.addend[half:],
            i_D=self.addend[:half],
            i_OLOADTOP=~adds,
            i_OLOADBOT=~adds,
            o_O=self.total,
            p_A_REG=Const(1, 1),
            p_B_REG=Const(1, 1),
            p_A_SIGNED=Const(1, 1),
            p_B_SIGNED=Const(1, 1),
            p_TOPADDSUB_LOWERINPUT=product,
            p_BOTADDSUB_LOWERINPUT=product,
            p_TOPADDSUB_UPPERINPUT=other,
            p_BOTADDSUB_UPPERINPUT=other,
            p_TOPADDSUB_CARRYSELECT=carry,
            p_TOPOUTPUT_SELECT=registered,
            p_BOTOUTPUT_SELECT=registered,
        )
