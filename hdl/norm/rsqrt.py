"""One over a square root, a bit a cycle: for what is needed once a step."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from hdl.primitives.component import Component
from hdl.primitives.fixed import at_most
from quantize.layers.norm import LayerNorm


class States:
    """The states of a `ReciprocalSquareRoot`, a register each.

    Attributes
    ----------
    normalising : Signal
        The sum is doubled twice in each cycle, until it is `full`.
    full : Signal
        It has all the doublings that it takes.
    stepping : Signal
        A step of the root, or of the quotient if `dividing`.
    waiting : Signal
        The root is there; `divide` is not.
    first, closing : Signal
        The quotient's first step, and the cycle after its last.
    """

    def __init__(self) -> None:
        self.normalising, self.stepping, self.waiting, self.first, self.closing = (
            Signal(name=name) for name in ("normalising", "stepping", "waiting", "first", "closing")
        )
        self.full, self.dividing = (Signal(name=name, reset_less=True) for name in ("full", "dividing"))


class ReciprocalSquareRoot(Component):
    """Sums squares, normalises the sum, takes its integer square root and divides a constant by it.

    `add` builds the sum, of squares whose upper part comes a cycle after the lower one. `start` takes it
    over, at least two cycles after the last `add`, and clears it. `scaled` rises when `factor` is the power
    of two by which centred values grow, after `scale_cycles` cycles at most. The root takes `root_cycles`
    more, and with `divide` that factor gives way to the reciprocal; `done` rises `division_cycles` later.
    Both fall with the next sum.

    Neither the root nor the quotient restores a remainder that became negative: the next step adds where it
    would have subtracted. The quotient works on the inverted remainder, -1 - r, which is negative where r is
    not: so both begin alike, from -1, and no register of the remainder has more in front of it than the
    carry of its sum. What a division brings in is inverted too.

    Parameters
    ----------
    norm : LayerNorm

    Members
    -------
    add : In(1)
    square_low : In(normalise_shift)
    square_high : In(2 * root_width - normalise_shift)
        A cycle later.
    start : In(1)
    divide : In(1)
    scaled, done : Out(1)
    factor : Out(reciprocal_width)
    """

    def __init__(self, norm: LayerNorm):
        self.norm = norm
        super().__init__(
            {
                "add": In(1),
                "square_low": In(norm.normalise_shift),
                "square_high": In(2 * norm.root_width - norm.normalise_shift),
                "start": In(1),
                "divide": In(1),
                "scaled": Out(1),
                "done": Out(1),
                "factor": Out(norm.reciprocal_width),
            }
        )

    LEAST_SCALE_CYCLES = 2
    """Cycles from `start` until `scaled` without a doubling."""

    @property
    def scale_cycles(self) -> int:
        """Most cycles from `start` until `scaled`."""
        return self.norm.most_doublings + self.LEAST_SCALE_CYCLES

    @property
    def root_cycles(self) -> int:
        """Cycles from `scaled` until it waits for `divide`."""
        return self.norm.root_width

    @property
    def division_cycles(self) -> int:
        """Cycles from `divide`, or the root's end, to `done`."""
        return self.norm.reciprocal_width + 2

    def elaborate(self, platform: object) -> Module:
        m = Module()
        norm = self.norm
        width, bits, numerator = norm.root_width, norm.reciprocal_width, norm.reciprocal_numerator
        total, adds_high = self._sum(m)

        # Square root and division are the same step: bring in bits, subtract or add, note the sign. What
        # comes in is shifted out of a register at its top.
        squares = Signal(2 * width, reset_less=True)
        root = Signal(width, reset_less=True)
        remainder = Signal(signed(width + 2), reset_less=True)
        states = States()
        overflows = at_most(m, root, numerator >> bits)
        self._control(m, states, total, squares, adds_high)
        normalising, stepping, dividing = states.normalising, states.stepping, states.dividing
        doubles, divides = normalising & ~states.full, states.waiting & self.divide
        with m.If(self.start):
            m.d.sync += squares.eq(total)
        with m.Elif(doubles | stepping):
            m.d.sync += squares.eq(squares << 2)
        bit = ~remainder[-1]
        brought = Mux(dividing, Cat(self.factor[-1], remainder), Cat(squares[-2:], remainder))[: width + 2]
        brought = Mux(states.first, ~(numerator >> (bits - 1)), brought)
        trial = Mux(dividing, root, Cat(Const(1, 1), ~bit, bit, root)) ^ bit.replicate(width + 2)
        with m.If(normalising | divides):
            # Nothing is left, as if one had been subtracted too much: the first step adds.
            m.d.sync += remainder.eq(-1)
        with m.Elif(stepping):
            m.d.sync += remainder.eq(brought + trial + bit)

        # Results: the quotient's bits push the numerator's low ones out.
        with m.If(normalising):
            m.d.sync += root.eq(0)
        with m.Elif((stepping & ~dividing) | divides):
            m.d.sync += root.eq(Cat(bit, root))
        with m.If(self.start):
            m.d.sync += self.factor.eq(1)
        with m.Elif(states.first):  # the numerator, and room for what the first step pushes in
            m.d.sync += self.factor.eq(~(numerator << 1) & ((1 << bits) - 1))
        with m.Elif(states.closing & overflows):  # a quotient beyond the word saturates
            m.d.sync += self.factor.eq(-1)
        with m.Elif(doubles | (stepping & dividing) | states.closing):
            m.d.sync += self.factor.eq(Cat(remainder[-1] & ~normalising, self.factor))
        return m

    def _sum(self, m: Module) -> tuple[Value, Signal]:
        """The sum of squares, and whether a square's upper part is added: a cycle after its lower one.

        That halves the carry's way.
        """
        # A reset clears them, for it may come when some squares of a step are added.
        low = Signal.like(self.square_low, name="low")
        high = Signal.like(self.square_high, name="high")
        carry, adds_high = Signal(), Signal()
        m.d.sync += adds_high.eq(self.add)
        with m.If(self.start):
            m.d.sync += [low.eq(0), high.eq(0)]
        with m.Elif(self.add):
            m.d.sync += Cat(low, carry).eq(low + self.square_low)
        with m.If(adds_high):
            m.d.sync += high.eq(high + self.square_high + carry)
        return Cat(low, high), adds_high

    def _control(self, m: Module, states: States, total: Value, squares: Signal, adds_high: Signal) -> None:
        """The states, and how many steps are left of root or quotient."""
        norm = self.norm
        left, last = Signal(range(norm.root_width), reset_less=True), Signal(reset_less=True)
        normalising, stepping, dividing = states.normalising, states.stepping, states.dividing
        full, waiting, divides = states.full, states.waiting, states.waiting & self.divide
        # A shift waits for `full`, so it is known as the sum comes and as each doubling is made.
        begins_full = total[-2:] != 0
        shifts_full = (squares[-4:-2] != 0) | self.factor[norm.most_doublings - 1]
        m.d.sync += full.eq(Mux(self.start, begins_full, shifts_full))
        m.d.sync += [
            normalising.eq(self.start | (normalising & ~full)),
            stepping.eq((normalising & full) | (stepping & ~last) | divides),
            waiting.eq((stepping & last & ~dividing) | (waiting & ~self.divide)),
            states.first.eq(divides),
            states.closing.eq(stepping & last & dividing),
        ]
        with m.If(normalising & full):
            m.d.sync += self.scaled.eq(1)
        with m.If(states.closing):
            m.d.sync += self.done.eq(1)
        with m.If(adds_high):
            m.d.sync += [self.scaled.eq(0), self.done.eq(0)]
        with m.If(normalising):
            m.d.sync += [dividing.eq(0), left.eq(norm.root_width - 1), last.eq(0)]
        with m.Elif(divides):
            m.d.sync += [dividing.eq(1), left.eq(norm.reciprocal_width - 1), last.eq(0)]
        with m.Elif(stepping):
            m.d.sync += [left.eq(left - 1), last.eq(left == 1)]
