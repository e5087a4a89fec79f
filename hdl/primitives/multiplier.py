"""Multipliers of fixed latency, for data paths that never stop.

On devices with multiplier blocks a `Multiplier` is one block with its own operand and product registers in
use; on devices without, it is rows of adders, which take a cycle more. Where synthesis would not find the
block, or would leave its registers outside, the family gives the block itself.
"""

from amaranth.hdl import Module, Mux, Shape, Signal, signed
from amaranth.lib.wiring import In, Out

from hdl.devices.family import Family
from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.primitives.component import Component
from hdl.primitives.logic_multiplier import multiplied_in_logic
from hdl.primitives.registers import delayed
from quantize.formats import OPERAND_WIDTH


class Multiplier(Component):
    """Signed product, a new pair of operands every cycle.

    `product` shows `a * b` of `latency` cycles earlier. The registers have no reset and no enable: anything
    else keeps them out of the multiplier block. Elaborated for a family, it is the family's own block if that
    has one to give or, where there are no blocks, rows of adders; otherwise a form that computes the same.

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

    def elaborate(self, platform: Family | None) -> Module:
        m = Module()
        in_logic = not self.target.multiplier_blocks
        block = None if platform is None or in_logic else platform.multiplier(self.a, self.b, self.product)
        if block is not None:
            m.submodules.block = block
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


class AddingMultiplier(Component):
    """Signed product plus what comes in, a new pair of operands every cycle.

    `total` shows `addend + a * b`, the operands of `latency` cycles earlier and the addend of one; so the
    total of one of these can be the addend of another, a cycle later. Elaborated for a family whose block has
    an adder of its own, that one adds: on the iCE40 32 look-up tables less than behind the block.

    Parameters
    ----------
    target : DeviceFeatures

    Members
    -------
    a, b : In(signed(OPERAND_WIDTH))
    adds : In(1)
        With the operands: otherwise their product is left out.
    addend : In(signed(2 * OPERAND_WIDTH))
    total : Out(signed(2 * OPERAND_WIDTH))
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

    def elaborate(self, platform: Family | None) -> Module:
        m = Module()
        blocks = self.target.multiplier_blocks
        adds = delayed(m, self.adds, self.latency - 1)
        block = None
        if platform is not None and blocks:
            block = platform.adding_multiplier(self.a, self.b, adds, self.addend, self.total)
        if block is not None:
            m.submodules.block = block
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
