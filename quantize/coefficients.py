"""Words of few bits for poles, output weights and mixers: how conversion rounds them."""

import numpy as np
from numpy.typing import NDArray

from quantize.calibration import format_for
from quantize.errors import StatespikeError
from quantize.formats import (
    MOST_FRACTION,
    STREAM_WIDTH,
    Format,
    Integers,
    fixed_words,
    nearest,
    saturate,
    significant,
)
from quantize.layers.array import COEFFICIENT_WIDTH, MOST_SHIFT, OUTPUT_WEIGHT_WIDTH
from quantize.layers.functions import bit_length
from quantize.layers.glu import WEIGHT_WIDTH
from quantize.poles import is_stable

# Bits that a weight is held in before all but its significant ones are dropped.
FINE = 40


def real_of(words: Integers, fraction: int | Integers) -> NDArray[np.float64]:
    """The real numbers that words of so many fraction bits stand for."""
    return np.ldexp(words.astype(np.float64), -fraction)


def output_formats(
    largest: float, skip: NDArray[np.float64], *weights: NDArray[np.float64]
) -> tuple[Format, int]:
    """Format of an array's output, whose values reach `largest`, and fraction bits of its accumulator.

    The accumulator's scale is the finest at which the skip path (H,) and all output weights (H, N) fit.
    """
    fraction = min(
        fixed_words(np.stack(weights), OUTPUT_WEIGHT_WIDTH, MOST_SHIFT)[1],
        fixed_words(skip, COEFFICIENT_WIDTH, MOST_SHIFT)[1],
    )
    output = format_for(largest, STREAM_WIDTH)
    return Format(output.width, min(output.fraction, fraction)), fraction


def output_words(values: NDArray[np.float64], fraction: int, bits: int) -> Integers:
    """Output weights of at most `bits` significant bits; rounding never leaves the word."""
    top = (1 << (OUTPUT_WEIGHT_WIDTH - 1)) - (1 << (OUTPUT_WEIGHT_WIDTH - bits))
    return np.minimum(significant(nearest(values, fraction), bits), top)


def coefficient_words(values: NDArray[np.float64], bits: int) -> tuple[Integers, int]:
    """Positive words of at most `bits` significant bits, never zero, and their common shift."""
    words, shift = fixed_words(values, COEFFICIENT_WIDTH, MOST_SHIFT)
    # The words carry no sign, so the bit that `significant` sets aside for it is one more of precision.
    words = np.maximum(significant(words, bits + 1), 1)
    if words.max() >= 1 << (COEFFICIENT_WIDTH - 1):
        words, shift = np.maximum(significant(nearest(values, shift - 1), bits + 1), 1), shift - 1
    return words, shift


def damping_words_of(damping: NDArray[np.float64], bits: int) -> tuple[Integers, int]:
    """Words of damping, all of them below 1: a pole next to 0 must not round to what counts as unstable."""
    words, shift = coefficient_words(damping, bits)
    return np.minimum(words, (1 << shift) - (1 << max(shift - bits, 0))), shift


def stabilised(damping: NDArray[np.float64], words: Integers, shift: Integers, bits: int) -> Integers:
    """Lower the words of stiffness that rounding has pushed to the stability limit (poles next to -1)."""
    while True:
        unstable = ~is_stable(damping, words * 2.0**-shift)
        if not unstable.any():
            return words
        if (words[unstable] <= 1).any():
            channel, mode = np.argwhere(unstable & (words <= 1))[0]
            raise StatespikeError(
                f"the pole of channel {channel}, mode {mode} cannot be represented inside the unit circle"
            )
        step = np.int64(1) << np.maximum(bit_length(words) - bits, 0)  # the last significant bit
        words = np.where(unstable, words - step, words)


def significant_values(values: NDArray[np.float64], bits: int) -> NDArray[np.float64]:
    """Each value with so many significant bits."""
    fraction = FINE - int(np.ceil(np.log2(max(float(np.abs(values).max()), 2.0**-FINE))))
    return real_of(significant(nearest(values, fraction), bits), fraction)


def finest_with(bias: NDArray[np.float64], width: int, activation_fraction: int = 0) -> int:
    """Fraction bits of a mixer's words at most: its biases, as words of its sums, then have `width` bits."""
    return fixed_words(bias, width)[1] - activation_fraction


def mixer_words(weights: NDArray[np.float64], bits: int, finest: int = MOST_FRACTION) -> tuple[Integers, int]:
    """Words of a mixer's matrices (..., H, H) and their common fraction bits, at most `finest`.

    Each matrix holds numbers of `bits` bits times a power of two of its own, in words of the circuit's width:
    what is added to their sums, a bias, keeps that resolution. The power of two is the one of least squared
    error, for a few large weights are better cut off than followed by all others.
    """
    words, fraction = fixed_words(weights, WEIGHT_WIDTH, finest)
    for index in np.ndindex(weights.shape[:-2]):
        exact = weights[index] * 2.0**fraction
        candidates = [
            saturate(nearest(exact, -shift), bits) << shift for shift in range(WEIGHT_WIDTH - bits, -1, -1)
        ]
        words[index] = min(candidates, key=lambda rounded: float(((rounded - exact) ** 2).sum()))
    return words, fraction
