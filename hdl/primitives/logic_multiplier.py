"""A multiplier in logic, for parts without multiplier blocks."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed

ROWS_TOGETHER = 2
"""Bits of a factor whose rows follow each other."""


def multiplied_in_logic(m: Module, a: Value, b: Signal) -> Signal:
    """`a * b` of two cycles earlier, added to `m`: a row of adders for each bit of b.

    A row gives its sum or, if the bit is 0, what came in. On the iCE40 this choice and the adder fit into one
    look-up table a bit. A few rows follow each other; a tree adds their sums. The first cycle takes the rows
    and the first floor of the tree, the second one the others.

    Parameters
    ----------
    a : signed
    b : signed or unsigned
        Both out of registers.
    """

    def named(domain: str, value: Value, width: int, name: str) -> Signal:
        result = Signal(signed(width), name=name, reset_less=True)
        m.d[domain] += result.eq(value)
        return result

    # Products of a with parts of b, and how many bits each part has.
    parts: list[tuple[Value, int]] = []
    for start in range(0, len(b), ROWS_TOGETHER):
        bits = b[start : start + ROWS_TOGETHER]
        negative = b.shape().signed and start + len(bits) == len(b)
        product = _rows(m, a, bits, negative, f"row_{start}")
        parts.append((named("comb", product, len(a) + len(bits), f"part_{start}"), len(bits)))
    parts = [
        (named("sync", value, len(value), f"sum_{index}"), places)
        for index, (value, places) in enumerate(_floor(parts))
    ]
    while len(parts) > 1:
        parts = _floor(parts)
    return named("sync", parts[0][0], len(a) + len(b), "row_product")


def _rows(m: Module, a: Value, bits: Value, negative: bool, name: str) -> Value:
    """The product with a part of b; `negative` if its last bit weighs minus."""
    # What the rows above have left to add to, and the bits of the product below it.
    total: Value = Mux(bits[0], -a if negative and len(bits) == 1 else a, 0)
    low: list[Value] = []
    for row in range(1, len(bits)):
        low.append(total[0])
        total = (total >> 1).as_signed()
        after = Signal(signed(len(a) + 1), name=f"{name}_{row}")
        if negative and row == len(bits) - 1:  # total - a without an inverter of a in front of the adder
            m.d.comb += after.eq(~Mux(bits[row], ~total + a, ~total))
        else:
            m.d.comb += after.eq(Mux(bits[row], total + a, total))
        total = after
    return Cat(*low, total).as_signed()


def _floor(parts: list[tuple[Value, int]]) -> list[tuple[Value, int]]:
    """Neighbouring parts in pairs, and the last one of an odd number as it is."""
    pairs = zip(parts[::2], parts[1::2], strict=False)
    return [_joined(low, high) for low, high in pairs] + parts[len(parts) // 2 * 2 :]


def _joined(low: tuple[Value, int], high: tuple[Value, int]) -> tuple[Value, int]:
    """The product with two neighbouring parts."""
    (below, places), (above, more) = low, high
    total = (below[places:].as_signed() + above)[: len(above)]
    return Cat(below[:places], total).as_signed(), places + more
