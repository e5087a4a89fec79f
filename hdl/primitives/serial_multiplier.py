"""A multiplier of one adder, for products with time to spare: a digit of a factor a cycle."""

from amaranth.hdl import Array, Cat, Module, Signal, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from hdl.primitives.component import Component


class Operands(data.StructLayout):
    """A pair of operands.

    Members
    -------
    a : signed(a_width)
    b : signed(b_width)
    """

    def __init__(self, a_width: int, b_width: int):
        super().__init__({"a": signed(a_width), "b": signed(b_width)})


class SerialMultiplier(Component):
    """Signed product by addition, one or two bits of `b` a cycle.

    Parameters
    ----------
    a_width, b_width : int
    digit_bits : int
        Bits of `b` a cycle, 1 or 2. Two take some five look-up tables more.

    Members
    -------
    i : In(stream of Operands)
    o : Out(stream of signed(a_width + b_width))
        Valid `digits` cycles after the operands were taken; the next ones are taken as it leaves.
    """

    def __init__(self, a_width: int, b_width: int, digit_bits: int = 1):
        self.a_width, self.b_width, self.digit_bits = a_width, b_width, digit_bits
        super().__init__(
            {
                "i": In(stream.Signature(Operands(a_width, b_width))),
                "o": Out(stream.Signature(signed(a_width + b_width))),
            }
        )

    @property
    def digits(self) -> int:
        """Digits of b. Those of two bits go on beyond its sign, for the top one to be 0 or -1."""
        return self.b_width if self.digit_bits == 1 else self.b_width // 2 + 1

    @property
    def cycles(self) -> int:
        """Cycles from one pair of operands to the next, if the product leaves at once."""
        return self.digits + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self.digit_bits
        a = Signal(signed(self.a_width), reset_less=True)
        low = Signal(self.digits * bits, reset_less=True)
        high = Signal(signed(self.a_width), reset_less=True)
        left = Signal(range(self.digits + 1))
        done = Signal()

        # Digits of b leave `low` at its bottom; bits of the product enter it from the top.
        last = left == 1
        addend = Signal(signed(self.a_width + bits))
        total = Signal(signed(self.a_width + bits))
        if bits == 1:
            # The top bit of b weighs minus its power of two.
            m.d.comb += [
                addend.eq(a & low[0].replicate(self.a_width + 1).as_signed()),
                total.eq(high + (addend.as_unsigned() ^ last.replicate(self.a_width + 1)).as_signed() + last),
            ]
        else:
            # With 4 carried, a digit of 3 is -1. So there are four multiples of a, for one look-up table a
            # bit; from -2 to 2, the digits that carry nothing between them, there are five, for two.
            raised, digit = Signal(3), Signal(2)
            carry = Signal(reset_less=True)
            m.d.comb += [
                raised.eq(low[:2] + carry),
                digit.eq(raised[:2]),
                addend.eq(Array([0, a, a << 1, ~a])[digit]),
                total.eq(high + addend + (digit == 3)),
            ]
            m.d.sync += carry.eq((left != 0) & (raised >= 3))
        m.d.comb += [
            self.i.ready.eq((left == 0) & (~done | self.o.ready)),
            self.o.valid.eq(done),
            self.o.payload.eq(Cat(low, high).as_signed()),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [
                a.eq(self.i.payload.a),
                low.eq(self.i.payload.b),
                high.eq(0),
                left.eq(self.digits),
            ]
        with m.Elif(left != 0):
            m.d.sync += [
                high.eq(total >> bits),
                low.eq((low >> bits) | (total[:bits] << (len(low) - bits))),
                left.eq(left - 1),
                done.eq(last),
            ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += done.eq(0)
        return m
