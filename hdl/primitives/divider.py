"""A divider of one adder, for quotients with time to spare: a bit a cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from hdl.primitives.component import Component


class SerialDivider(Component):
    """`floor(dividend / divisor)` of unsigned numbers, restoring, the highest bit of the quotient first.

    The quotient must fit its width: `dividend < divisor * 2**quotient_width`.

    Parameters
    ----------
    quotient_width : int
    remainder_width : int
        A divisor is at most `2**remainder_width`.

    Members
    -------
    i : In(stream of unsigned(quotient_width + remainder_width))
        Dividends.
    negated : In(remainder_width + 1)
        Minus the divisor, which takes an adder instead of a subtractor and its inverters. It stands still
        from the dividend until its quotient has left.
    o : Out(stream of unsigned(quotient_width))
        `quotient_width + 1` cycles after the dividend. The next dividend is taken when it has left.
    """

    def __init__(self, quotient_width: int, remainder_width: int):
        self.quotient_width, self.remainder_width = quotient_width, remainder_width
        super().__init__(
            {
                "i": In(stream.Signature(quotient_width + remainder_width)),
                "negated": In(remainder_width + 1),
                "o": Out(stream.Signature(quotient_width)),
            }
        )

    @property
    def cycles(self) -> int:
        """Cycles from one dividend to the next, if the quotient leaves at once."""
        return self.quotient_width + 2

    def elaborate(self, platform: object) -> Module:
        m = Module()
        quotient, width = self.quotient_width, self.remainder_width
        # The remainder is above what is left of the dividend; bits of the quotient enter at the bottom.
        work = Signal(quotient + width, reset_less=True)
        running, done = Signal(), Signal()
        step = Signal(range(quotient))
        trial = work[quotient - 1 :] + self.negated
        fits = trial[width + 1]
        last = step == quotient - 1
        m.d.comb += [
            self.i.ready.eq(~running & ~done),
            self.o.valid.eq(done),
            self.o.payload.eq(work[:quotient]),
        ]
        with m.If(running):
            remainder = Mux(fits, trial[:width], work[quotient - 1 : quotient - 1 + width])
            m.d.sync += [
                work.eq(Cat(fits, work[: quotient - 1], remainder)),
                step.eq(Mux(last, 0, step + 1)),
                running.eq(~last),
                done.eq(last),
            ]
        with m.Elif(~done):
            m.d.sync += [work.eq(self.i.payload), running.eq(self.i.valid)]
        with m.Elif(self.o.ready):
            m.d.sync += done.eq(0)
        return m
