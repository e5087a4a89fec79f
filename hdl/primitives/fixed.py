"""The rounding rule of `quantize.formats` in gates: add half, shift right, saturate."""

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, signed


def round_shift(value: Value, shift: int) -> Value:
    """`value` shifted right by `shift` bits, halves upwards; a negative shift is exact, to the left.

    The rounding bit is added after the shift, so the adder is no wider than the result.
    """
    if shift <= 0:
        return shift_left(value, -shift)
    if shift > len(value):
        return Const(0, signed(1))  # every bit is below half
    return (value >> shift) + value[shift - 1]


def shift_left(value: Value, shift: int) -> Value:
    """`value` times `2**shift`, as wires."""
    if shift == 0:
        return value
    shifted = Cat(Const(0, shift), value)
    return shifted.as_signed() if Shape.cast(value.shape()).signed else shifted


def fits(value: Value, width: int) -> Value:
    """Whether a signed `value` fits `width` bits: the bits above all agree with the sign."""
    if len(value) <= width:
        return Const(1, 1)
    above = value[width - 1 :]
    return (above == 0) | above.all()


def saturate(value: Value, width: int) -> Value:
    """Signed `value` clipped to `width` bits."""
    if len(value) <= width:
        return value
    sign = value[-1]
    clipped = Cat((~sign).replicate(width - 1), sign)
    return Mux(fits(value, width), value[:width], clipped).as_signed()


def saturate_either(value: Value, width: int, narrower: Value) -> Value:
    """Signed `value` clipped to `width` bits, or to one less where `narrower`: one clipping for both."""
    above = value[width - 1 :]
    fits = ((above == 0) | above.all()) & ~(narrower & (value[width - 2] ^ value[-1]))
    sign = value[-1]
    clipped = Cat((~sign).replicate(width - 2), sign ^ ~narrower, sign)
    return Mux(fits, value[:width], clipped).as_signed()


def requantise(value: Value, shift: int, width: int) -> Value:
    """Round-shift, then saturate to `width` bits."""
    return saturate(round_shift(value, shift), width)


def shifted_with_round_bit(value: Value, amount: Value | int) -> tuple[Value, Value]:
    """`value >> amount` of a signed value, and the bit that rounds it: add both for a round-shift.

    Kept apart, the bit can enter the carry of whatever adds the result. A constant amount takes no logic.
    """
    extended = Cat(Const(0, 1), value).as_signed()
    if isinstance(amount, int) and amount + 2 > len(extended):  # shifted out as a whole, but for its sign
        extended = Cat(extended, value[-1].replicate(amount + 2 - len(extended))).as_signed()
    shifted = extended[amount:].as_signed() if isinstance(amount, int) else extended >> amount
    return shifted[1:].as_signed(), shifted[0]


def count_width(count: int) -> int:
    """Bits of a counter over 0..count-1, at least one."""
    return max(1, (count - 1).bit_length())


def magnitude(value: Value) -> Value:
    """One's complement magnitude of a signed value, `value` or `-value - 1`: a bit narrower, and no adder."""
    sign, rest = value[-1], value[: len(value) - 1]
    return rest ^ sign.replicate(len(rest))


def exceeds(value: Value, inverted: Value) -> Value:
    """`value > ~inverted` for unsigned numbers of one width: the carry of their sum, without an inverter."""
    return (value + inverted)[len(value)]


def at_most(m: Module, value: Value, bound: int) -> Signal:
    """`value <= bound` for an unsigned value that stands still, two cycles later.

    By halves, the lower one first, and without a carry chain: a cell of one that has no sum is lost on iCE40.
    """

    def half(bits: Value, of_bound: int, below: Value | int) -> Value | int:
        for index in range(len(bits)):
            below = (below | ~bits[index]) if of_bound >> index & 1 else (below & ~bits[index])
        return below

    middle = len(value) // 2
    lower_fits, fits = Signal(reset_less=True), Signal(reset_less=True)
    m.d.sync += [
        lower_fits.eq(half(value[:middle], bound, 1)),
        fits.eq(half(value[middle:], bound >> middle, lower_fits)),
    ]
    return fits


def add_trit(accumulator: Value, value: Value, nonzero: Value, negative: Value) -> Value:
    """`accumulator + trit * value` as one adder.

    The form costs one look-up table a bit of `value` and one a bit of the accumulator; a subtractor or a
    multiplexer before the adder costs twice as much on iCE40.
    """
    inverted = value.as_unsigned() ^ negative.replicate(len(value))
    term = (inverted & nonzero.replicate(len(value))).as_signed()  # -1: the inverted value, and one more
    return (accumulator + term + (negative & nonzero))[: len(accumulator)].as_signed()


def times(value: Value, factor: int) -> Value:
    """`value` times a small positive constant as shifted additions, which take no multiplier block."""
    terms = [shift_left(value, place) for place in range(factor.bit_length()) if factor >> place & 1]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def times_inverted(inverted: Value, factor: int) -> Value:
    """`~(factor * value)` from the inverse of an unsigned value, for a small positive constant.

    The inverse of a shifted value is the shifted inverse with ones below: no inverter comes before the adder.
    """
    places = [place for place in range(factor.bit_length()) if factor >> place & 1]
    terms = [Cat(Const((1 << place) - 1, place), inverted, Const(1, 1)).as_signed() for place in places]
    total = terms[0]
    for term in terms[1:]:
        total = total + term + 1
    return total
