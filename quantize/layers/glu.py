"""Binary S4D's unit in integers (Stan & Rhodes 2024): spikes through two real matrices and a sigmoid gate."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from quantize.formats import Format, Integers, requantise, round_shift, saturate, signed_width
from quantize.layers.functions import Sigmoid, exact_matmul
from quantize.specification import QuantizedNetworkError, Specification, integer, words

OPERAND_WIDTH = 16
WEIGHT_WIDTH = 8


@dataclass(frozen=True, eq=False)
class SpikeGluSpec(Specification):
    """`out = (s V + b) * sigmoid(s G + c)` with spikes s = 1 where y > 0: additions only, then H products.

    Parameters
    ----------
    input, output : Format
        Of y, and of the residual stream.
    weight_fraction : int
        Fraction bits of all weights and biases.
    value, gate : (H, H) weights V and G, row i for input channel i
    value_bias, gate_bias : (H,)
    """

    kind: ClassVar[str] = "spike_glu"

    input: Format
    output: Format
    weight_fraction: int = integer(-16, 32)
    value: Integers = words("HH", WEIGHT_WIDTH)
    gate: Integers = words("HH", WEIGHT_WIDTH)
    value_bias: Integers = words("H", 16)
    gate_bias: Integers = words("H", 16)

    def shapes(self) -> Mapping[str, int]:
        return {"H": self.channels}

    @property
    def channels(self) -> int:
        return len(self.value_bias)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.channels < 1:
            raise QuantizedNetworkError("spike_glu needs at least one channel")
        if self.sum_width > OPERAND_WIDTH:
            raise QuantizedNetworkError(
                f"spike_glu weights and biases sum to {self.sum_width} bits, "
                f"the product takes {OPERAND_WIDTH}"
            )

    @property
    def sigmoid(self) -> Sigmoid:
        return Sigmoid()

    @cached_property
    def sum_width(self) -> int:
        """Bits of either sum with its bias."""
        largest = 0
        for matrix, bias in ((self.value, self.value_bias), (self.gate, self.gate_bias)):
            largest = max(largest, int((np.abs(matrix).sum(0) + np.abs(bias)).max()))
        return signed_width(largest)

    @property
    def argument_shift(self) -> int:
        """Right shift (left if negative) from a sum to the sigmoid's argument."""
        return self.weight_fraction - self.sigmoid.argument.fraction

    @property
    def product_shift(self) -> int:
        """Right shift from the gate product to the residual format."""
        return self.weight_fraction + self.sigmoid.fraction - self.output.fraction

    @property
    def multiplications(self) -> int:
        """Products a step: the gate's."""
        return self.channels

    def spikes(self, y: Integers) -> Integers:
        """1 where y > 0."""
        return (y > 0).astype(np.int64)

    def compute(self, y: Integers) -> Integers:
        """Outputs (..., H) in the residual format of inputs (..., H)."""
        spikes = self.spikes(y)
        value = exact_matmul(spikes, self.value) + self.value_bias
        gate = exact_matmul(spikes, self.gate) + self.gate_bias
        argument = saturate(round_shift(gate, self.argument_shift), self.sigmoid.argument.width)
        return requantise(value * self.sigmoid.compute(argument), self.product_shift, self.output.width)
