"""LayerNorm over the channels of a step, in integers; no division by a variable is in the data path."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt
from typing import ClassVar

import numpy as np

from quantize.formats import MOST_FRACTION, OPERAND_WIDTH, Format, Integers, requantise, round_shift, saturate
from quantize.layers.functions import bit_length, integer_square_root
from quantize.specification import QuantizedNetworkError, Specification, integer, words

WORD = OPERAND_WIDTH
INPUT_WIDTH = WORD - 1
"""Bits of z: one under a word, so that centred values still fit a word."""
GAIN_WIDTH = 8
MOST_LEFT = 14
"""Most bits by which a quiet input is turned up."""


def normalised_format(channels: int) -> Format:
    """Format of a normalised value, whose magnitude is sqrt(H - 1) at most."""
    return Format(WORD, WORD - 1 - isqrt(channels).bit_length())


@dataclass(frozen=True, eq=False)
class LayerNorm:
    """`gain (z - mean) / deviation + shift`, the deviation by an exact integer square root and division.

    1. The mean: the sum, shifted by ceil(log2 H), times the constant `2**ceil(log2 H) / H`.
    2. The sum of squares of the centred z is shifted up by an even number of bits until it fills its
       register; the centred z follow by half as many (a product with a power of two), so that all operands
       use their full width.
    3. root = floor(sqrt(sum)), reciprocal = floor(sqrt(H) 2^k / root): once a step, a bit a cycle in gates.
    4. normalised = centred times reciprocal, output = gain times normalised, plus shift.

    The published epsilon (1e-5) is left out: what it guards, a step of nearly equal z, is damped here by the
    bound on the shift and the saturation of the reciprocal.

    Parameters
    ----------
    channels : int
        H.
    gain : (H,) words with `gain_fraction` fraction bits
    shift : (H,) in the output format
    output : Format
    """

    channels: int
    gain: Integers
    gain_fraction: int
    shift: Integers
    output: Format

    @property
    def input_width(self) -> int:
        """Bits of z."""
        return INPUT_WIDTH

    @property
    def mean_shift(self) -> int:
        """ceil(log2 H)."""
        return (self.channels - 1).bit_length()

    @property
    def mean_factor(self) -> int:
        """`2**mean_shift / H`, between 1 and 2, with `mean_factor_fraction` fraction bits."""
        return ((1 << (self.mean_shift + self.mean_factor_fraction)) + self.channels // 2) // self.channels

    @property
    def mean_factor_fraction(self) -> int:
        return WORD - 2

    @property
    def mean_is_shifted(self) -> bool:
        """H is a power of two: the shift alone gives the mean."""
        return self.mean_factor == 1 << self.mean_factor_fraction

    @property
    def sum_width(self) -> int:
        """Bits of the sum of H inputs."""
        return self.input_width + self.mean_shift

    @property
    def root_width(self) -> int:
        """Bits of the square root; the sum of squares has twice as many."""
        return (2 * (WORD - 1) + 1 + self.mean_shift + 1) // 2

    @property
    def most_doublings(self) -> int:
        """Most bits the centred z are shifted up by: the power of two must fit a positive word."""
        return WORD - 2

    @property
    def reciprocal_width(self) -> int:
        """Bits of the reciprocal, unsigned: a positive word."""
        return WORD - 1

    @property
    def root_excess(self) -> int:
        """How many bits the root has beyond a word's magnitude."""
        return self.root_width - (WORD - 1)

    @property
    def reciprocal_numerator(self) -> int:
        """floor(sqrt(H) 2^k) with the k that makes every reciprocal fit a positive word."""
        k = self.normalised.fraction + self.root_width - 1
        return isqrt(self.channels << (2 * k))

    @property
    def normalised(self) -> Format:
        """Format of a normalised value."""
        return normalised_format(self.channels)

    @property
    def normalise_shift(self) -> int:
        """Right shift of centred times reciprocal."""
        return WORD - 2

    @property
    def gain_shift(self) -> int:
        """Right shift of gain times normalised."""
        return self.normalised.fraction + self.gain_fraction - self.output.fraction

    @property
    def multiplications(self) -> int:
        """Products a step: square, scaling, normalisation and gain of each channel, and one for the mean."""
        return 4 * self.channels + (not self.mean_is_shifted)

    def centre(self, z: Integers) -> Integers:
        """z minus its mean over the last axis; z has a bit less than a word, so this fits one."""
        total = round_shift(z.sum(-1, keepdims=True), self.mean_shift)
        mean = round_shift(total * self.mean_factor, self.mean_factor_fraction)
        return z - mean

    def compute(self, z: Integers) -> Integers:
        """Normalised, scaled and shifted z, (..., H) in the output format."""
        centred = self.centre(z)
        squares = (centred * centred).sum(-1, keepdims=True)
        # Even left shift that brings one of the two top bits of the register to 1.
        doublings = np.minimum((2 * self.root_width - bit_length(squares)) // 2, self.most_doublings)
        root = integer_square_root(squares << (2 * doublings))
        quotient = self.reciprocal_numerator // np.maximum(root, 1)
        reciprocal = np.minimum(quotient, (1 << self.reciprocal_width) - 1)
        scaled = requantise(centred << doublings, self.root_excess, WORD)
        normalised = requantise(scaled * reciprocal, self.normalise_shift, WORD)
        gained = round_shift(normalised * self.gain, self.gain_shift)
        return saturate(gained + self.shift, self.output.width)


@dataclass(frozen=True, eq=False)
class LayerNormSpec(Specification):
    """The LayerNorm of a block: of what its array is given, or of the sum that the block ends with.

    Parameters
    ----------
    input, output : Format
    after : int
        0: before the array; 1: after the sum.
    input_shift : int
        Right shift (left if negative) that lets the input fill the norm's word, a bit narrower than its own.
    gain_fraction : int
    gain, shift : (H,), see `LayerNorm`
    """

    kind: ClassVar[str] = "layer_norm"

    input: Format
    output: Format
    after: int = integer(0, 1)
    input_shift: int = integer(-MOST_LEFT, 1)
    gain_fraction: int = integer(-16, MOST_FRACTION)
    gain: Integers = words("H", GAIN_WIDTH)
    shift: Integers = words("H", WORD)

    def shapes(self) -> Mapping[str, int]:
        return {"H": self.channels}

    @property
    def channels(self) -> int:
        return len(self.shift)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.channels < 1:
            raise QuantizedNetworkError("layer_norm needs at least one channel")
        for name in ("input", "output"):
            width = getattr(self, name).width
            if width != WORD:
                raise QuantizedNetworkError(f"layer_norm.{name} has {width} bits, expected {WORD}")
        if self.norm.gain_shift < 1:
            raise QuantizedNetworkError(
                f"layer_norm.gain_fraction is {self.gain_fraction}: the gains are too large for its output"
            )

    @property
    def norm(self) -> LayerNorm:
        return LayerNorm(self.channels, self.gain, self.gain_fraction, self.shift, self.output)

    @property
    def multiplications(self) -> int:
        """Products a step."""
        return self.norm.multiplications

    def compute(self, x: Integers) -> Integers:
        """(..., H) in the input format to (..., H) in the output format."""
        return self.norm.compute(requantise(x, self.input_shift, self.norm.input_width))
