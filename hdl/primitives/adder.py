"""An adder that synthesis maps by itself.

Chained additions would be merged into carry-save form, which takes more look-up tables than adders wherever
words are wider than a bit or two. So each adder is a module of its own, and `boards.toolchain.synthesis`
chooses its cells before it joins the modules.
"""

from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

ADDER_NAME = "mapped_alone"
"""With what the names of submodules must begin that are `Adder`s, so that synthesis finds them."""


class Adder(wiring.Component):
    """`left + right`, or the complement of that, as wires say; no register.

    Parameters
    ----------
    left_width, right_width, width : int
    subtract : bool
        `left - right` instead.
    carry, complement_sum : bool
        Of additions: one more is added; the sum leaves inverted. Both come at no cost on iCE40.

    Members
    -------
    left, right : In(signed)
    sum : Out(signed(width))
        Modulo 2**width.
    """

    def __init__(
        self, left_width: int, right_width: int, width: int, *, subtract: bool = False,
        carry: bool = False, complement_sum: bool = False,
    ):  # fmt: skip
        self.width = width
        self.subtract, self.carry, self.complement_sum = subtract, carry, complement_sum
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
        m.d.comb += self.sum.eq(~total if self.complement_sum else total)
        return m
