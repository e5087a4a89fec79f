"""Two's complement number formats and the one rounding rule of this project.

Every value of a quantised network is an integer in a `Format`. Going to fewer bits always means: add half,
shift right arithmetically, saturate. The functions here define that in Python; `hdl.primitives.fixed` builds
the same in gates, and a test proves the two equal.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Integers = NDArray[np.int64]

EXACT_WIDTH = 62
"""Bits of the widest sum that the reference computes exactly, in 64 bits with the half that rounds it."""

OPERAND_WIDTH = 16
"""Bits of a multiplier's operand: those of the narrowest multiplier blocks that there are."""

STREAM_WIDTH = OPERAND_WIDTH
"""Bits of the residual stream, of an array's output, and of what is added to either."""

MOST_FRACTION = 32
"""Fraction bits of the finest words: what would need more is zero to every circuit here."""


@dataclass(frozen=True)
class Format:
    """A two's complement fixed-point format.

    Parameters
    ----------
    width : int
        Number of bits, the sign included; at least 1.
    fraction : int
        Number of fraction bits: integer `k` stands for `k * 2**-fraction`. May be negative; -64 to 64.

    Raises
    ------
    ValueError
        If either is out of its range.
    """

    width: int
    fraction: int

    def __post_init__(self) -> None:
        if not 1 <= self.width <= 64:
            raise ValueError(f"a format is 1 to 64 bits wide, not {self.width}")
        if abs(self.fraction) > 64:
            raise ValueError(f"a format has -64 to 64 fraction bits, not {self.fraction}")

    @property
    def minimum(self) -> int:
        """Smallest integer of the format."""
        return -(1 << (self.width - 1))

    @property
    def maximum(self) -> int:
        """Largest integer of the format."""
        return (1 << (self.width - 1)) - 1

    def quantise(self, values: ArrayLike) -> Integers:
        """Nearest integers (halves upwards) to the real `values`, saturated to the format."""
        scaled = np.floor(np.asarray(values, dtype=np.float64) * 2.0**self.fraction + 0.5)
        return np.clip(scaled, self.minimum, self.maximum).astype(np.int64)

    def clips(self, values: ArrayLike) -> NDArray[np.bool_]:
        """Whether `quantise` saturates each of the real `values`."""
        scaled = np.floor(np.asarray(values, dtype=np.float64) * 2.0**self.fraction + 0.5)
        return (scaled < self.minimum) | (scaled > self.maximum)

    def real(self, integers: ArrayLike) -> NDArray[np.float64]:
        """The real values that `integers` stand for."""
        return np.asarray(integers, dtype=np.float64) * 2.0**-self.fraction

    def __str__(self) -> str:
        return f"Q({self.width - self.fraction},{self.fraction})"


def signed_width(bound: int) -> int:
    """Smallest two's complement width that holds every integer in -bound..bound."""
    return int(bound).bit_length() + 1


def trailing_zeros(words: Integers) -> int:
    """Low bits that are zero in every word: a memory does without them. None if all words are zero."""
    used = int(np.bitwise_or.reduce(words, axis=None))
    return (used & -used).bit_length() - 1 if used else 0


def stored_width(words: Integers) -> int:
    """Smallest two's complement width that holds every word without its trailing zeros."""
    largest = int(np.maximum(words, ~words).max(initial=0))
    return signed_width(largest >> trailing_zeros(words))


def round_shift(values: Integers, shift: int | Integers) -> Integers:
    """Shift right by `shift` bits, halves rounded upwards; a negative constant shifts left exactly.

    Values have at most `EXACT_WIDTH` bits, before and after.
    """
    if isinstance(shift, int | np.integer):
        if shift < 0:
            return values << -shift
        shift = min(shift, EXACT_WIDTH)  # all of them are below half then
    shift = np.asarray(shift, dtype=np.int64)
    return (values + ((np.int64(1) << shift) >> 1)) >> shift


def saturate(values: Integers, width: int) -> Integers:
    """Clip to the two's complement range of `width` bits."""
    return np.clip(values, -(1 << (width - 1)), (1 << (width - 1)) - 1)


def requantise(values: Integers, shift: int, width: int) -> Integers:
    """Round-shift by `shift`, however far to either side, then saturate to `width` bits."""
    if shift < 0:  # what is too large for the width before it is shifted is too large after
        return saturate(saturate(values, width) << min(-shift, width), width)
    return saturate(round_shift(values, shift), width)


def nearest(values: ArrayLike, fraction: int) -> Integers:
    """Nearest integers (halves upwards) to real values with `fraction` fraction bits."""
    return np.floor(np.asarray(values, dtype=np.float64) * 2.0**fraction + 0.5).astype(np.int64)


def fixed_words(values: ArrayLike, width: int, finest: int = MOST_FRACTION) -> tuple[Integers, int]:
    """Real coefficients as words of one common scale: the finest that holds them all, up to `finest`.

    Returns
    -------
    words : integers of `width` bits
    fraction : int
        Each word stands for `word * 2**-fraction`; `finest` if all are zero, which limits nobody's scale.
    """
    values = np.asarray(values, dtype=np.float64)
    largest = float(np.max(np.abs(values), initial=0.0))
    if largest == 0.0:
        return np.zeros(values.shape, dtype=np.int64), finest
    fraction = min(width - 1 - int(np.ceil(np.log2(largest))), finest)
    words = nearest(values, fraction)
    if np.max(np.abs(words)) >= 1 << (width - 1):
        fraction -= 1
        words = nearest(values, fraction)
    return words, fraction


def significant(words: Integers, bits: int) -> Integers:
    """Round words to at most `bits` significant bits (sign included): a small float stored in a fixed word.

    A word that long keeps its place, so hardware multiplies it as it is and needs no shifter, while memory
    may store mantissa and exponent.
    """
    magnitude = np.abs(words)
    length = np.ceil(np.log2(magnitude.astype(np.float64) + 1)).astype(np.int64)
    drop = np.maximum(0, length - (bits - 1))
    return np.sign(words) * (round_shift(magnitude, drop) << drop)
