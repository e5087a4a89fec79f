"""One over a square root, a bit a cycle: for what is needed once a step."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from quantize.layers.norm import WORD, LayerNorm


class ReciprocalRoot(wiring.Component):
    """Sums squares, normalises the sum, takes its integer square root and divides a constant by it.

    `clear` and `add` build the sum. After `start`, `done` rises for one cycle when the results stand; they
    stay until the next start. At most `cycles` cycles pass in between.

    Parameters
    ----------
    norm : LayerNorm

    Members
    -------
    clear, add : In(1)
    square : In(32)
    start : In(1)
    done : Out(1)
    scale : Out(most_doublings + 1)
        The power of two by which centred values grow.
    reciprocal : Out(reciprocal_width)
    """

    def __init__(self, norm: LayerNorm):
        self.norm = norm
        super().__init__(
            {
                "clear": In(1),
                "add": In(1),
                "square": In(2 * WORD),
                "start": In(1),
                "done": Out(1),
                "scale": Out(norm.most_doublings + 1),
                "reciprocal": Out(norm.reciprocal_width),
            }
        )

    @property
    def cycles(self) -> int:
        """Most cycles from `start` to `done`."""
        return 3 + self.norm.most_doublings + self.norm.root_width + self.norm.reciprocal_width

    def elaborate(self, platform: object) -> Module:
        m = Module()
        norm = self.norm
        width, bits = norm.root_width, norm.reciprocal_width
        numerator = norm.reciprocal_numerator
        squares = Signal(2 * width, reset_less=True)
        root = Signal(width, reset_less=True)
        remainder = Signal(width + 2, reset_less=True)
        count = Signal(range(max(width, bits)))

        # Square root and division are the same step: bring in bits, subtract if it goes, note whether it did.
        dividing = Signal()
        brought, trial, difference = Signal(width + 2), Signal(width + 2), Signal(width + 3)
        numerator_bit = Signal()
        with m.Switch(count):
            for index in range(bits):
                if numerator >> (bits - 1 - index) & 1:
                    with m.Case(index):
                        m.d.comb += numerator_bit.eq(1)
        m.d.comb += [
            brought.eq(Mux(dividing, Cat(numerator_bit, remainder), Cat(squares[-2:], remainder))),
            trial.eq(Mux(dividing, root, Cat(Const(1, 2), root))),
            difference.eq(brought - trial),
        ]
        goes = ~difference[-1]

        with m.FSM():
            with m.State("idle"):
                with m.If(self.clear):
                    m.d.sync += squares.eq(0)
                with m.Elif(self.add):
                    m.d.sync += squares.eq(squares + self.square)
                with m.If(self.start):
                    m.d.sync += self.scale.eq(1)
                    m.next = "normalise"
            with m.State("normalise"):
                m.d.sync += [remainder.eq(0), root.eq(0), count.eq(0)]
                with m.If((squares[-2:] == 0) & ~self.scale[-1]):
                    m.d.sync += [squares.eq(squares << 2), self.scale.eq(self.scale << 1)]
                with m.Else():
                    m.next = "root"
            with m.State("root"):
                m.d.sync += [
                    squares.eq(squares << 2),
                    remainder.eq(Mux(goes, difference, brought)),
                    root.eq(Cat(goes, root)),
                    count.eq(count + 1),
                ]
                with m.If(count == width - 1):
                    m.d.sync += [remainder.eq(numerator >> bits), count.eq(0)]
                    m.next = "check"
            with m.State("check"):
                # A quotient beyond the word saturates.
                m.next = "divide"
                with m.If(remainder >= root):
                    m.d.sync += self.reciprocal.eq((1 << bits) - 1)
                    m.next = "done"
            with m.State("divide"):
                m.d.comb += dividing.eq(1)
                m.d.sync += [
                    remainder.eq(Mux(goes, difference, brought)),
                    self.reciprocal.eq(Cat(goes, self.reciprocal)),
                    count.eq(count + 1),
                ]
                with m.If(count == bits - 1):
                    m.next = "done"
            with m.State("done"):
                m.d.comb += self.done.eq(1)
                m.next = "idle"
        return m
