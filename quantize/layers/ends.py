"""The two ends of a network in integers: linear encoder, pooling over a sequence, linear decoder."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from quantize.formats import MOST_FRACTION, Format, Integers, round_shift, saturate, signed_width
from quantize.layers.functions import exact_matmul
from quantize.specification import QuantizedNetworkError, Specification, integer, words

WEIGHT_WIDTH = 12
POOLED_WIDTH = 16
MOST_ONE_BITS = POOLED_WIDTH - 2
"""Of the largest power of two that a pooled word can hold, as the constant channel."""


@dataclass(frozen=True, eq=False)
class EncoderSpec(Specification):
    """`x = weight u + bias` of every step's F features, requantised to the residual format.

    Parameters
    ----------
    input, output : Format
    weight : (H, F); `weight_fraction` fraction bits
    bias : (H,) in the output format
    """

    kind: ClassVar[str] = "encoder"

    input: Format
    output: Format
    weight_fraction: int = integer(-32, MOST_FRACTION)
    weight: Integers = words("HF", WEIGHT_WIDTH)
    bias: Integers = words("H", 16)

    def shapes(self) -> Mapping[str, int]:
        return {"H": self.channels, "F": self.features}

    @property
    def channels(self) -> int:
        return len(self.bias)

    @property
    def features(self) -> int:
        return self.weight.shape[1] if self.weight.ndim == 2 else 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.features < 1 or self.channels < 1:
            raise QuantizedNetworkError("encoder needs at least one feature and one channel")
        if self.input.width > 16:
            raise QuantizedNetworkError(f"encoder.input has {self.input.width} bits, a multiplier takes 16")

    @property
    def beats_per_step(self) -> int:
        """Values that a step brings."""
        return self.features

    @property
    def input_range(self) -> tuple[int, int]:
        """The least and the largest value that may come."""
        return self.input.minimum, self.input.maximum

    @property
    def output_shift(self) -> int:
        """Right shift (left if negative) from the accumulator to the output."""
        return self.input.fraction + self.weight_fraction - self.output.fraction

    @cached_property
    def accumulator_width(self) -> int:
        """Bits that no sum exceeds."""
        bound = np.abs(self.weight).sum(1) << (self.input.width - 1)
        return signed_width(int(bound.max()))

    @property
    def multiplications(self) -> int:
        """Products a step."""
        return self.weight.size

    def inputs(self, x: NDArray[np.floating]) -> Integers:
        """Real features (..., F) in the input format."""
        return self.input.quantise(x)

    def compute(self, u: Integers) -> Integers:
        """(..., F) in the input format to (..., H) in the output format."""
        total = round_shift(exact_matmul(u, self.weight.T), self.output_shift)
        return saturate(total + self.bias, self.output.width)


@dataclass(frozen=True, eq=False)
class PoolSpec(Specification):
    """One vector a sequence: the sum over its steps, or its last step, and a constant for the bias.

    The mean needs no division: the sum is divided by the power of two `2**length_bits`, and the constant
    channel is pooled like every other, so that all logits carry the same positive factor
    `length / 2**length_bits`.

    Parameters
    ----------
    input : Format
    channels : int
    mean : int
        1: sum over the steps; 0: the last step.
    length_bits : int
        A sequence has at most `2**length_bits` steps when `mean` is 1.
    one_bits : int
        The constant channel holds `2**one_bits` after `2**length_bits` steps; the decoder's bias multiplies
        it. What suits large biases would be too coarse for small ones.
    """

    kind: ClassVar[str] = "pool"

    input: Format
    channels: int = integer(1, 1 << 16)
    mean: int = integer(0, 1)
    length_bits: int = integer(0, 24)
    one_bits: int = integer(0, MOST_ONE_BITS)

    def shapes(self) -> Mapping[str, int]:
        return {}

    @property
    def shift(self) -> int:
        """Right shift from the sum to the pooled word."""
        return self.length_bits if self.mean else 0

    @property
    def sum_width(self) -> int:
        """Bits of a channel's sum."""
        return self.input.width + self.shift

    def one(self, steps: int) -> int:
        """The constant channel after `steps` steps."""
        return ((steps if self.mean else 1) << self.one_bits) >> self.shift

    def compute(self, x: Integers, lengths: Integers) -> Integers:
        """(sequences, steps, H) to (sequences, H + 1) words; steps from `lengths` on do not count.

        Raises
        ------
        QuantizedNetworkError
            If a sequence is longer than `2**length_bits`.
        """
        if self.mean and int(lengths.max()) > 1 << self.length_bits:
            raise QuantizedNetworkError(
                f"a sequence of {int(lengths.max())} steps is too long: this network pools at most "
                f"{1 << self.length_bits}; quantise it with a larger --max-steps"
            )
        if self.mean:
            valid = np.arange(x.shape[1]) < lengths[:, None]
            pooled = round_shift((x * valid[:, :, None]).sum(1), self.shift)
        else:
            pooled = x[np.arange(len(x)), lengths - 1]
        ones = np.array([[self.one(int(steps))] for steps in lengths], dtype=np.int64)
        return np.concatenate([pooled, ones], axis=1)


@dataclass(frozen=True, eq=False)
class DecoderSpec(Specification):
    """Class scores: exact sums of words times pooled words, the bias as the weight of the constant channel.

    Parameters
    ----------
    weight : (classes, H + 1)
    fraction : int
        Fraction bits of a logit, up to the positive factor that the pooling leaves.
    """

    kind: ClassVar[str] = "decoder"

    channels: int = integer(1, 1 << 16)
    fraction: int = integer(-64, 64)
    weight: Integers = words("CI", 16)

    def shapes(self) -> Mapping[str, int]:
        return {"C": self.classes, "I": self.channels + 1}

    @property
    def classes(self) -> int:
        return len(self.weight)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.classes < 1:
            raise QuantizedNetworkError("decoder needs at least one class")

    @cached_property
    def logit_width(self) -> int:
        """Bits that no logit exceeds."""
        return signed_width(int(np.abs(self.weight).sum(1).max()) << (POOLED_WIDTH - 1))

    @property
    def weight_width(self) -> int:
        """Bits of the widest weight."""
        return signed_width(int(np.abs(self.weight).max()))

    def compute(self, pooled: Integers) -> Integers:
        """(sequences, H + 1) to (sequences, classes)."""
        return exact_matmul(pooled, self.weight.T)
