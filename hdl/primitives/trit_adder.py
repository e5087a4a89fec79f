"""A sum with a trit's multiple of a value, in nothing but the carry cells of the ECP5."""

from amaranth.hdl import Cat, Const, Instance, Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.primitives.fixed import add_trit

# A bit of a carry cell (CCU2C) has a look-up table of A, B, C and D, in this order from the table's lowest
# address bit, whose result goes through an exclusive or with the carry. Where that result is 0, the table's
# own first row, C and D being 0, tells the carry: there it must be A.
_ADDS = sum(
    1 << (a | b << 1 | c << 2 | d << 3)
    for a in range(2) for b in range(2) for c in range(2) for d in range(2)
    if a ^ ((b ^ d) & c)
)  # fmt: skip
# The bit before the lowest one has no sum and gives a carry: A and B, with C at 1.
_BEGINS = 0b1000


class TritAdder(wiring.Component):
    """`total + trit * value`; no register.

    Synthesis would make the multiple in a look-up table a bit and leave the inputs of the carry cells' own
    tables idle. Elaborated for "ecp5" the trit goes into those, otherwise this is
    `hdl.primitives.fixed.add_trit`.

    Parameters
    ----------
    width : int
        Of the sum.
    value_width : int

    Members
    -------
    total : In(signed(width))
    value : In(signed(value_width))
    nonzero, negative : In(1)
        The trit.
    sum : Out(signed(width))
        Modulo 2**width.
    """

    def __init__(self, width: int, value_width: int):
        self.width = width
        super().__init__(
            {
                "total": In(signed(width)),
                "value": In(signed(value_width)),
                "nonzero": In(1),
                "negative": In(1),
                "sum": Out(signed(width)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if platform == "ecp5":
            self._chain(m)
        else:
            m.d.comb += self.sum.eq(add_trit(self.total, self.value, self.nonzero, self.negative))
        return m

    def _chain(self, m: Module) -> None:
        """Carry cells, two bits each; the first bit only begins the carry, for a minus."""
        value = Signal(signed(self.width), name="wide_value")
        m.d.comb += value.eq(self.value)
        bits: list[tuple[int, tuple[Value, ...]]] = [
            (_BEGINS, (self.negative, self.nonzero, Const(1, 1), Const(0, 1))),
            *(
                (_ADDS, (self.total[place], value[place], self.nonzero, self.negative))
                for place in range(self.width)
            ),
        ]
        if len(bits) % 2:
            bits.append((0, (Const(0, 1),) * 4))
        sums = Signal(len(bits))
        carry: Value = Const(0, 1)
        for cell in range(len(bits) // 2):
            pins: dict[str, Value | int | str] = {}
            for half, (table, inputs) in enumerate(bits[2 * cell : 2 * cell + 2]):
                pins |= {f"i_{name}{half}": value for name, value in zip("ABCD", inputs, strict=True)}
                pins |= {f"p_INIT{half}": Const(table, 16), f"p_INJECT1_{half}": "NO"}
            given = Signal(name=f"carry_{cell}")
            m.submodules[f"cell_{cell}"] = Instance(
                "CCU2C", **pins, i_CIN=carry, o_COUT=given,
                o_S0=sums[2 * cell], o_S1=sums[2 * cell + 1],
            )  # fmt: skip
            carry = given
        m.d.comb += self.sum.eq(Cat(sums[1 : 1 + self.width]))


def trit_added(m: Module, name: str, total: Value, value: Value, nonzero: Value, negative: Value) -> Value:
    """`total + trit * value` by a `TritAdder` called `name`."""
    m.submodules[name] = adder = TritAdder(len(total), len(value))
    m.d.comb += [
        adder.total.eq(total),
        adder.value.eq(value),
        adder.nonzero.eq(nonzero),
        adder.negative.eq(negative),
    ]
    return adder.sum
