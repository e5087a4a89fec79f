"""A multiplier in logic, for parts without multiplier blocks."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed


def multiplied_in_logic(m: Module, a: Value, b: Signal) -> Signal:
    """`a * b` of two cycles earlier, added to `m`: a row of adders for each bit of b.

    A row gives its sum or, if the bit is 0, what came in. On the iCE40 this choice and the adder fit into one
    look-up table, so a row takes one for each bit of a: 287 for 16 x 16 bits, where synthesis of `a * b`
    takes 776. A register stands behind half of the rows, and one behind the product.

    Parameters
    ----------
    a : signed
    b : signed or unsigned
    """

    def held(value: Value) -> Signal:
        after = Signal(value.shape(), reset_less=True)
        m.d.sync += after.eq(value)
        return after

    rows, product_width, minus = len(b), len(a) + len(b), b.shape().signed
    bits = list(b)
    # What the rows above have left to add to, and the bits of the product below it.
    total: Value = Const(0, signed(len(a)))
    low: list[Value] = []
    for row in range(rows):
        if row == rows // 2:
            a, total, rest = (held(value) for value in (a, total, Cat(*low, *bits[row:])))
            low, bits[row:] = list(rest[:row]), list(rest[row:])
        weighs_minus = minus and row == rows - 1
        after = Signal(signed(len(a) + 1), name=f"row_{row}")
        m.d.comb += after.eq(Mux(bits[row], total - a if weighs_minus else total + a, total))
        low.append(after[0])
        total = after[1:].as_signed()
    product = Signal(signed(product_width), name="row_product", reset_less=True)
    m.d.sync += product.eq(Cat(*low, total))
    return product
