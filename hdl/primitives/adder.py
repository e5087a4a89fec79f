"""An adder that synthesis maps by itself.

Chained additions would be merged into carry-save form, which takes more look-up tables than adders wherever
words are wider than a bit or two. So each adder is a module of its own, and `hdl.toolchain.synthesis`
chooses its cells before it joins the modules.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from hdl.primitives.component import Component

ADDER_NAME = "mapped_alone"
"""With what the names of submodules must begin that are `Adder`s, so that synthesis finds them."""

CHAINED = 5
"""Up to so many bits Yosys uses no carry cells on the ECP5 (4), and would not beside a top bit."""


class Adder(Component):
    """`left + right`, or the complement of that, as wires say; no register.

    Parameters
    ----------
    left_width, right_width, width : int
    subtract : bool
        `left - right` instead.
    carry, complement_sum : bool
        Of additions: one more is added; the sum leaves inverted. Both come at no cost on iCE40.
    pairs : bool
        Carry cells hold two bits (ECP5): the top bit of an odd number of them is made beside the chain, by
        one look-up table instead of half a cell, which would be two.

    Members
    -------
    left, right : In(signed)
    sum : Out(signed(width))
        Modulo 2**width.
    """

    def __init__(
        self, left_width: int, right_width: int, width: int, *, subtract: bool = False,
        carry: bool = False, complement_sum: bool = False, pairs: bool = False,
    ):  # fmt: skip
        self.width = width
        self.subtract, self.carry, self.complement_sum = subtract, carry, complement_sum
        # With two operands of all bits the table would have five inputs.
        self.top_beside = pairs and width % 2 == 1 and CHAINED < width > min(left_width, right_width)
        super().__init__(
            {
                "left": In(signed(left_width)),
                "right": In(signed(right_width)),
                "sum": Out(signed(width)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        total = self.left - self.right if self.subtract else self.left + self.right + int(self.carry)
        if self.top_beside:
            chain = Signal(self.width - 1)
            m.d.comb += chain.eq(total)
            total = Cat(chain, self._top(m, chain[-1]))
        m.d.comb += self.sum.eq(~total if self.complement_sum else total)
        return m

    def _top(self, m: Module, below: Value) -> Value:
        """The sum's top bit; the bit below it tells which carry that one got, so which one it gave."""
        left, right = (Signal(signed(self.width), name=f"{side}_wide") for side in ("left", "right"))
        m.d.comb += [left.eq(self.left), right.eq(~self.right if self.subtract else self.right)]
        carry = Mux(left[-2] == right[-2], left[-2], ~below)
        return left[-1] ^ right[-1] ^ carry
