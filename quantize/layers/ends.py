"""The two ends of a network in integers: linear encoder, pooling over a sequence, linear decoder."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from quantize.constants import MOST_STEPS
from quantize.formats import (
    MOST_FRACTION,
    OPERAND_WIDTH,
    STREAM_WIDTH,
    Format,
    Integers,
    requantise,
    saturate,
    signed_width,
)
from quantize.layers.functions import exact_matmul
from quantize.layers.head import POOLED_WIDTH, HeadSpec
from quantize.specification import QuantizedNetworkError, Specification, integer, words

WEIGHT_WIDTH = 12
MOST_BIAS_SHIFT = POOLED_WIDTH - 2
"""Of the largest power of two that an operand as wide as a pooled value can hold."""


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
    bias: Integers = words("H", STREAM_WIDTH)

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
        if self.input.width > OPERAND_WIDTH:
            raise QuantizedNetworkError(
                f"encoder.input has {self.input.width} bits, a multiplier takes {OPERAND_WIDTH}"
            )

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
        bound = self.magnitudes(self.weight, WEIGHT_WIDTH).sum(1) << (self.input.width - 1)
        return signed_width(int(bound.max()))

    @property
    def multiplications(self) -> int:
        """Products a step."""
        return self.weight.size

    def inputs(self, x: NDArray[np.floating]) -> Integers:
        """Real features (..., F) in the input format."""
        return self.input.quantise(x)

    def clips(self, x: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Which of the features (..., F) the input format clips."""
        return self.input.clips(x)

    def vanishes(self, x: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Which of the features (..., F) are 0 in the input format."""
        return self.input.quantise(x) == 0

    def compute(self, u: Integers) -> Integers:
        """(..., F) in the input format to (..., H) in the output format."""
        # What is left out two bits above the output is out of its range with any bias.
        total = requantise(exact_matmul(u, self.weight.T), self.output_shift, self.output.width + 2)
        return saturate(total + self.bias, self.output.width)


@dataclass(frozen=True, eq=False)
class PoolSpec(HeadSpec):
    """One vector a sequence: the mean over its steps, or its last step.

    The mean is exact: the sum is kept whole, and divided by the number of steps with one rounding,

        pooled = floor((sum + floor(steps / 2)) / steps)

    so it has the same precision at every length. A sequence of more than `max_steps` steps is an overrun: the
    first `max_steps` of them make its mean, and its answer says so.

    Parameters
    ----------
    mean : int
        1: mean over the steps; 0: the last step.
    max_steps : int
        Steps of the longest sequence when `mean` is 1; the last step is that of a sequence of any length.
    """

    kind: ClassVar[str] = "pool"

    mean: int = integer(0, 1)
    max_steps: int = integer(1, MOST_STEPS)

    @property
    def head(self) -> str:
        return "mean" if self.mean else "last"

    @property
    def limit(self) -> int | None:
        return self.max_steps if self.mean else None

    @property
    def count_width(self) -> int:
        """Bits of a remainder in the division by a number of steps."""
        return max(1, (self.max_steps - 1).bit_length())

    @property
    def sum_width(self) -> int:
        """Bits of a channel's sum with the half that rounds it, as an unsigned number.

        The gates add values with an offset of half their range: `0..2**width - 1` instead of signed ones.
        """
        return self.input.width + self.count_width

    def compute(self, x: Integers, lengths: Integers) -> Integers:
        if not self.mean:
            return x[np.arange(len(x)), lengths - 1]
        counted = np.minimum(lengths, self.max_steps)[:, None]
        valid = np.arange(x.shape[1]) < counted
        return ((x * valid[:, :, None]).sum(1) + counted // 2) // counted

    def cleared(self, sequences: int) -> Integers:
        """The sums of a mean, (sequences, H)."""
        return np.zeros((sequences, self.channels * self.mean), dtype=np.int64)

    def go_on(self, x: Integers, position: int, states: Integers, *, ended: bool) -> Integers:
        if not self.mean:
            return x[len(x) - ended :]
        counted = min(position + len(x), self.max_steps)
        states += x[: max(0, counted - position)].sum(0)
        return ((states + counted // 2) // counted)[None][: int(ended)]


@dataclass(frozen=True, eq=False)
class DecoderSpec(Specification):
    """Class scores, exact: `logits = weight pooled + bias * 2**bias_shift`.

    A bias is a product like the others, of its word and a constant. What suits large biases would be too
    coarse for small ones, so the constant is chosen with the weights.

    Parameters
    ----------
    fraction : int
        Fraction bits of a logit.
    bias_shift : int
    weight : (classes, H)
    bias : (classes,)
    """

    kind: ClassVar[str] = "decoder"
    output: ClassVar[str] = "classification"
    """What the logits are, one of `quantize.kinds.OUTPUTS`."""

    fraction: int = integer(-64, 64)
    bias_shift: int = integer(0, MOST_BIAS_SHIFT)
    weight: Integers = words("CH", OPERAND_WIDTH)
    bias: Integers = words("C", OPERAND_WIDTH)

    def shapes(self) -> Mapping[str, int]:
        return {"C": self.classes, "H": self.channels}

    @property
    def channels(self) -> int:
        return self.weight.shape[1] if self.weight.ndim == 2 else 0

    @property
    def classes(self) -> int:
        return len(self.bias)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.classes < 1 or self.channels < 1:
            raise QuantizedNetworkError("decoder needs at least one class and one channel")

    @property
    def multiplications(self) -> int:
        """Products of an answer, those of the biases included."""
        return self.rows.size

    @property
    def rows(self) -> Integers:
        """The words in the order of the products, class after class: (classes, H + 1), the bias last."""
        return np.concatenate([self.weight, self.bias[:, None]], axis=1)

    @cached_property
    def logit_width(self) -> int:
        """Bits that no logit exceeds."""
        products = self.magnitudes(self.weight, OPERAND_WIDTH).sum(1) << (POOLED_WIDTH - 1)
        biases = self.magnitudes(self.bias, OPERAND_WIDTH) << self.bias_shift
        return signed_width(int((products + biases).max()))

    @property
    def weight_width(self) -> int:
        """Bits of the widest word."""
        return OPERAND_WIDTH if self.any_contents else signed_width(int(np.abs(self.rows).max()))

    def compute(self, pooled: Integers) -> Integers:
        """(..., H) to (..., classes)."""
        return exact_matmul(pooled, self.weight.T) + (self.bias << self.bias_shift)

    def real(self, logits: Integers) -> NDArray[np.float64]:
        """The real numbers that logits stand for; of values in the unit of the targets."""
        return np.asarray(logits, dtype=np.float64) * 2.0**-self.fraction


@dataclass(frozen=True, eq=False)
class LabelDecoderSpec(DecoderSpec):
    """A `DecoderSpec` of labels of which several may hold: those whose logits are above 0.

    Another threshold is part of the bias.
    """

    kind: ClassVar[str] = "label_decoder"
    output: ClassVar[str] = "multi_label"


@dataclass(frozen=True, eq=False)
class ValueDecoderSpec(DecoderSpec):
    """A `DecoderSpec` of values: its logits are what was asked for, in the unit of the targets."""

    kind: ClassVar[str] = "value_decoder"
    output: ClassVar[str] = "regression"
