"""A resonate-and-fire layer's unit in integers: spikes through one real matrix, no gate."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from quantize.formats import MOST_FRACTION, Format, Integers, requantise
from quantize.layers.functions import BIAS_WIDTH, TRIT_WIDTH, exact_matmul, mixed_width
from quantize.layers.unit import UnitSpec
from quantize.specification import QuantizedNetworkError, integer, words

WEIGHT_WIDTH = 8


@dataclass(frozen=True, eq=False)
class SpikeLinearSpec(UnitSpec):
    """`out = s M + b` with spikes s = 1 where y > threshold: additions only.

    After the parallel resonate-and-fire neuron of Huang et al. (2024), arXiv 2410.03530, whose resonators are
    the modes of the array before.

    Parameters
    ----------
    input, output : Format
        Of y, and of the residual stream.
    weight_fraction : int
        Fraction bits of weights and biases.
    threshold : int
        In y's format.
    weight : (H, H) weights M, row i for input channel i
    bias : (H,)
    """

    kind: ClassVar[str] = "spike_linear"

    input: Format
    output: Format
    weight_fraction: int = integer(-16, MOST_FRACTION)
    threshold: int = integer(-(1 << 15), (1 << 15) - 1)
    weight: Integers = words("HH", WEIGHT_WIDTH)
    bias: Integers = words("H", BIAS_WIDTH)

    def shapes(self) -> Mapping[str, int]:
        return {"H": self.channels}

    @property
    def channels(self) -> int:
        return len(self.bias)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.channels < 1:
            raise QuantizedNetworkError("spike_linear needs at least one channel")

    @cached_property
    def sum_width(self) -> int:
        """Bits of a sum with its bias."""
        weight = self.magnitudes(self.weight, WEIGHT_WIDTH)
        return mixed_width(weight, self.magnitudes(self.bias, BIAS_WIDTH), TRIT_WIDTH)

    @property
    def output_shift(self) -> int:
        """Right shift (left if negative) from a sum to the residual format."""
        return self.weight_fraction - self.output.fraction

    @property
    def multiplications(self) -> int:
        """Products a step: none."""
        return 0

    def activations(self, y: Integers) -> Integers:
        """1 where y > threshold."""
        return (y > self.threshold).astype(np.int64)

    def compute(self, y: Integers, states: Integers | None = None) -> Integers:
        """Outputs (..., H) in the residual format of inputs (..., H)."""
        total = exact_matmul(self.activations(y), self.weight) + self.bias
        return requantise(total, self.output_shift, self.output.width)
