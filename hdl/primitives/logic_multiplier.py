"""A multiplier in logic, for parts without multiplier blocks."""

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class LogicMultiplier(wiring.Component):
    """Signed product, a new pair of operands every cycle: a row of adders for each bit of b.

    A row gives its sum or, if the bit is 0, what came in. On the iCE40 this choice and the adder fit into one
    look-up table, so a row takes one for each bit of a: 287 for 16 x 16 bits, where synthesis of `a * b`
    takes 776. A register stands behind half of the rows, and one behind the product.

    Parameters
    ----------
    a_width, b_width : int
    b_signed : bool
        Otherwise b is a number without a sign.

    Members
    -------
    a : In(signed(a_width))
    b : In(Shape(b_width, b_signed))
    product : Out(signed(a_width + b_width))
        Two cycles later.
    """

    def __init__(self, a_width: int, b_width: int, *, b_signed: bool = True):
        self.b_shape = Shape(b_width, b_signed)
        super().__init__(
            {"a": In(signed(a_width)), "b": In(self.b_shape), "product": Out(signed(a_width + b_width))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rows = len(self.b)
        a, bits = self.a, list(self.b)
        # What the rows above have left to add to, and the bits of the product below it.
        total: Value = Const(0, signed(len(a)))
        low: list[Value] = []
        for row in range(rows):
            if row == rows // 2:
                a, total, rest = (self._held(m, value) for value in (a, total, Cat(*low, *bits[row:])))
                low, bits[row:] = list(rest[:row]), list(rest[row:])
            weighs_minus = self.b_shape.signed and row == rows - 1
            after = Signal(signed(len(a) + 1), name=f"row_{row}")
            m.d.comb += after.eq(Mux(bits[row], total - a if weighs_minus else total + a, total))
            low.append(after[0])
            total = after[1:].as_signed()
        product = Signal(self.product.shape(), reset_less=True)
        m.d.sync += product.eq(Cat(*low, total))
        m.d.comb += self.product.eq(product)
        return m

    @staticmethod
    def _held(m: Module, value: Value) -> Signal:
        after = Signal(value.shape(), reset_less=True)
        m.d.sync += after.eq(value)
        return after
