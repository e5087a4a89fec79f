"""One over a square root in three stages that work on three steps at once, each a bit a cycle."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import stream
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from hdl.primitives.component import Component
from quantize.layers.norm import LayerNorm


class Scaled(StructLayout):
    """A number, and the power of two by which a step's values grow.

    Members
    -------
    scale : unsigned(most_doublings + 1)
    number : unsigned(width)
    """

    def __init__(self, norm: LayerNorm, width: int):
        super().__init__({"scale": norm.most_doublings + 1, "number": width})


class _Stage(Component):
    """Takes a number, works on it for some cycles, and holds the result until it is taken."""

    def __init__(self, norm: LayerNorm, taken, given):  # ShapeLike has no public type
        self.norm = norm
        super().__init__({"i": In(stream.Signature(taken)), "o": Out(stream.Signature(given))})

    def _take(self, m: Module) -> tuple[Signal, Signal]:
        """`take`: a number comes in; `busy` until its result has left."""
        take, busy = Signal(), Signal()
        m.d.comb += [self.i.ready.eq(~busy), take.eq(self.i.valid & self.i.ready)]
        with m.If(take):
            m.d.sync += busy.eq(1)
        with m.Elif(self.o.valid & self.o.ready):
            m.d.sync += busy.eq(0)
        return take, busy

    @staticmethod
    def _working(m: Module, take: Signal, cycles: int) -> Signal:
        """High in so many cycles after `take`; a register, for all of a stage waits for it."""
        left, working = Signal(range(cycles)), Signal()
        with m.If(take):
            m.d.sync += [left.eq(cycles - 1), working.eq(1)]
        with m.Elif(working):
            m.d.sync += [left.eq(left - 1), working.eq(left != 0)]
        return working


class Normaliser(_Stage):
    """Shifts a sum of squares up, two bits a cycle, until it fills its register.

    Members
    -------
    i : In(stream of unsigned(2 * root_width))
    o : Out(stream of Scaled(norm, 2 * root_width))
    """

    def __init__(self, norm: LayerNorm):
        width = 2 * norm.root_width
        super().__init__(norm, unsigned(width), Scaled(norm, width))

    @property
    def cycles(self) -> int:
        """Most cycles from one number to the next."""
        return self.norm.most_doublings + 2

    def elaborate(self, platform: object) -> Module:
        m = Module()
        take, busy = self._take(m)
        number = Signal(2 * self.norm.root_width, reset_less=True)
        scale = Signal(self.norm.most_doublings + 1, reset_less=True)
        full = (number[-2:] != 0) | scale[-1]
        m.d.comb += [
            self.o.valid.eq(busy & full),
            self.o.payload.scale.eq(scale),
            self.o.payload.number.eq(number),
        ]
        with m.If(take):
            m.d.sync += [number.eq(self.i.payload), scale.eq(1)]
        with m.Elif(~full):
            m.d.sync += [number.eq(number << 2), scale.eq(scale << 1)]
        return m


class SquareRoot(_Stage):
    """The integer square root.

    Members
    -------
    i : In(stream of Scaled(norm, 2 * root_width))
    o : Out(stream of Scaled(norm, root_width))
    """

    def __init__(self, norm: LayerNorm):
        super().__init__(norm, Scaled(norm, 2 * norm.root_width), Scaled(norm, norm.root_width))

    @property
    def cycles(self) -> int:
        """Cycles from one number to the next."""
        return self.norm.root_width + 2

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width = self.norm.root_width
        take, busy = self._take(m)
        squares, root = Signal(2 * width, reset_less=True), Signal(width, reset_less=True)
        remainder = Signal(width + 2, reset_less=True)
        scale = Signal(self.norm.most_doublings + 1, reset_less=True)
        working = self._working(m, take, width)
        # Bring in two bits, subtract if it goes, note whether it did.
        brought, difference = Signal(width + 2), Signal(width + 3)
        m.d.comb += [
            brought.eq(Cat(squares[-2:], remainder)),
            difference.eq(brought - Cat(Const(1, 2), root)),
            self.o.valid.eq(busy & ~working),
            self.o.payload.scale.eq(scale),
            self.o.payload.number.eq(root),
        ]
        goes = ~difference[-1]
        with m.If(take):
            m.d.sync += [
                squares.eq(self.i.payload.number),
                scale.eq(self.i.payload.scale),
                remainder.eq(0),
                root.eq(0),
            ]
        with m.Elif(working):
            m.d.sync += [
                squares.eq(squares << 2),
                remainder.eq(Mux(goes, difference, brought)),
                root.eq(Cat(goes, root)),
            ]
        return m


class Divider(_Stage):
    """`reciprocal_numerator` over a root; a quotient beyond the word saturates.

    Members
    -------
    i : In(stream of Scaled(norm, root_width))
    o : Out(stream of Scaled(norm, reciprocal_width))
    """

    def __init__(self, norm: LayerNorm):
        super().__init__(norm, Scaled(norm, norm.root_width), Scaled(norm, norm.reciprocal_width))

    @property
    def cycles(self) -> int:
        """Cycles from one number to the next."""
        return self.norm.reciprocal_width + 2

    def elaborate(self, platform: object) -> Module:
        m = Module()
        norm, width, bits = self.norm, self.norm.root_width, self.norm.reciprocal_width
        numerator = norm.reciprocal_numerator
        take, busy = self._take(m)
        root, remainder = Signal(width, reset_less=True), Signal(width + 2, reset_less=True)
        dividend, quotient = Signal(bits, reset_less=True), Signal(bits, reset_less=True)
        scale = Signal(norm.most_doublings + 1, reset_less=True)
        overflow = Signal(reset_less=True)
        working = self._working(m, take, bits)
        brought, difference = Signal(width + 2), Signal(width + 3)
        m.d.comb += [
            brought.eq(Cat(dividend[-1], remainder)),
            difference.eq(brought - root),
            self.o.valid.eq(busy & ~working),
            self.o.payload.scale.eq(scale),
            self.o.payload.number.eq(quotient | overflow.replicate(bits)),
        ]
        goes = ~difference[-1]
        with m.If(take):
            m.d.sync += [
                root.eq(self.i.payload.number),
                scale.eq(self.i.payload.scale),
                overflow.eq(self.i.payload.number <= numerator >> bits),
                remainder.eq(numerator >> bits),
                dividend.eq(numerator & ((1 << bits) - 1)),
            ]
        with m.Elif(working):
            m.d.sync += [
                dividend.eq(dividend << 1),
                remainder.eq(Mux(goes, difference, brought)),
                quotient.eq(Cat(goes, quotient)),
            ]
        return m
