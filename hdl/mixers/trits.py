"""Five trits in a byte.

3 ** 5 = 243 of a byte's 256 values, laid out so that a few look-up tables take them apart: bits stand for
trits as they are, and what two bits cannot say of one, 3, tells that others stand elsewhere (as in the trit
blocks of ASTC textures, Nystad et al. 2012).
"""

from collections.abc import Sequence
from functools import cache
from itertools import product
from typing import Any

from amaranth.hdl import Value

from hdl.primitives.memory import concatenate

TRITS, BYTE = 5, 8
UNPACKING = 16
"""Look-up tables that take a byte apart."""


def packed_width(trits: int) -> int:
    """Bits of so many trits: five to a byte, and two bits for each of the rest."""
    return trits // TRITS * BYTE + 2 * (trits % TRITS)


def pack(trits: Sequence[int]) -> int:
    """Trits -1, 0, 1 as a word of `packed_width` bits, the first in the low ones."""
    digits = [(int(trit == 0), int(trit < 0)) for trit in trits]
    whole = len(digits) // TRITS * TRITS
    bytes_of = _bytes()
    fields = [(bytes_of[tuple(digits[k : k + TRITS])], BYTE) for k in range(0, whole, TRITS)]
    return concatenate([*fields, *((zero | negative << 1, 2) for zero, negative in digits[whole:])])


def unpack(word: Value, trits: int) -> tuple[list[Value], list[Value]]:
    """Of each trit of a word that `pack` made, whether it is zero, and whether it is negative."""
    whole = trits // TRITS
    digits = [digit for k in range(whole) for digit in _digits([*word.word_select(k, BYTE)])]
    rest = word[whole * BYTE :]
    digits += [(rest[2 * k], rest[2 * k + 1]) for k in range(trits % TRITS)]
    return [zero for zero, _ in digits], [negative for _, negative in digits]


@cache
def _bytes() -> dict[tuple[tuple[int, int], ...], int]:
    """The smallest byte of each five digits."""
    found: dict[tuple[tuple[int, int], ...], int] = {}
    for bits in product((0, 1), repeat=BYTE):
        byte = sum(bit << k for k, bit in enumerate(bits))
        digits = tuple(_digits(bits))
        found[digits] = min(byte, found.get(digits, byte))
    return found


def _digits(bits: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Five digits (zero, negative) of a byte's bits: integers in the software, signals in the circuit."""
    # A byte of 111xx has two zeros at its end; otherwise its top three bits say the last two trits.
    both = bits[4] & bits[3] & bits[2]
    c = [*bits[:2], *(_choose(both, bits[k + 3], bits[k]) for k in range(2, 5))]
    one = bits[6] & bits[5]
    last = both | one, _not(both | one) & bits[7]
    fourth = both | (bits[6] & _not(bits[5])), _not(both) & _choose(bits[6], bits[5] & bits[7], bits[5])
    # Of the other five bits three trits, of which the third, or the second and the third may be zero.
    third_zero = c[1] & c[0]
    two_zeros = c[3] & c[2] & _not(third_zero)
    either = third_zero | two_zeros
    third = either, _not(either) & c[4]
    second = _not(third_zero) & c[3], _choose(third_zero, c[4], _not(two_zeros) & c[2])
    first_plain = _choose(two_zeros, c[0], c[0] & _not(c[1]))
    first = _choose(third_zero, c[3], c[1]), _choose(third_zero, c[2] & _not(c[3]), first_plain)
    return [first, second, third, fourth, last]


def _not(bit: Any) -> Any:
    return 1 ^ bit


def _choose(condition: Any, then: Any, otherwise: Any) -> Any:
    return (condition & then) | (_not(condition) & otherwise)
