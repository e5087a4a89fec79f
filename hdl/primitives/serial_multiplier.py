"""A multiplier of one adder, for products with time to spare: a bit of a factor a cycle."""

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out


class Operands(data.StructLayout):
    """A pair of operands.

    Members
    -------
    a : signed(a_width)
    b : signed(b_width)
    """

    def __init__(self, a_width: int, b_width: int):
        super().__init__({"a": signed(a_width), "b": signed(b_width)})


class SerialMultiplier(wiring.Component):
    """Signed product by addition, one bit of `b` a cycle: small, for work with time to spare.

    Parameters
    ----------
    a_width, b_width : int

    Members
    -------
    i : In(stream of Operands)
    o : Out(stream of signed(a_width + b_width))
        Valid `b_width` cycles after the operands were taken; the next ones are taken as it leaves.
    """

    def __init__(self, a_width: int, b_width: int):
        self.a_width, self.b_width = a_width, b_width
        super().__init__(
            {
                "i": In(stream.Signature(Operands(a_width, b_width))),
                "o": Out(stream.Signature(signed(a_width + b_width))),
            }
        )

    @property
    def cycles(self) -> int:
        """Cycles from one pair of operands to the next, if the product leaves at once."""
        return self.b_width + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a = Signal(signed(self.a_width), reset_less=True)
        low = Signal(self.b_width, reset_less=True)
        high = Signal(signed(self.a_width), reset_less=True)
        left = Signal(range(self.b_width + 1))
        done = Signal()

        # Bits of b enter from the bottom of `low`; bits of the product push them out from the top. The top
        # bit of b weighs minus its power of two.
        last = left == 1
        addend = Signal(signed(self.a_width + 1))
        total = Signal(signed(self.a_width + 1))
        m.d.comb += [
            addend.eq(a & low[0].replicate(self.a_width + 1).as_signed()),
            total.eq(high + (addend.as_unsigned() ^ last.replicate(self.a_width + 1)).as_signed() + last),
            self.i.ready.eq((left == 0) & (~done | self.o.ready)),
            self.o.valid.eq(done),
            self.o.payload.eq(Cat(low, high).as_signed()),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [
                a.eq(self.i.payload.a),
                low.eq(self.i.payload.b),
                high.eq(0),
                left.eq(self.b_width),
            ]
        with m.Elif(left != 0):
            m.d.sync += [
                high.eq(total >> 1),
                low.eq((low >> 1) | (total[0] << (self.b_width - 1))),
                left.eq(left - 1),
                done.eq(last),
            ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += done.eq(0)
        return m
