"""The Gated Spiking Unit in integers (Stan & Rhodes 2024): thresholds, two add-only mixers, product, norm."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from quantize.constants import THRESHOLD
from quantize.formats import Format, Integers, requantise, round_shift, saturate, signed_width
from quantize.layers.functions import Gelu, bit_length, exact_matmul
from quantize.layers.norm import LayerNorm
from quantize.specification import QuantizedNetworkError, Specification, integer, trits, words

ACTIVATION_BITS = 10
OPERAND_WIDTH = 16
WEIGHT_WIDTH = 8
GAIN_WIDTH = 8


@dataclass(frozen=True, eq=False)
class GsuSpec(Specification):
    """`out = GELU(LayerNorm(p * g))` with p = t W + b and g = a T, t and T ternary.

    y is block floating point: what follows the LayerNorm does not change when a step's y is scaled, so each
    step's y is shifted up until its largest magnitude fills the word, and a sign and 10 bits of it enter the
    mixer. Magnitudes are those of one's complement (y, or -y - 1), which cost no adder.

    Parameters
    ----------
    input, output : Format
        Of y, and of the residual stream.
    weight_fraction, product_shift : int
        Fraction bits of the real weights; right shift of `p g` before the norm.
    table : (H, H) ternary weights T, row i for input channel i
    weight : (H, H) real weights W as words, the same orientation
    bias : (H,) with `weight_fraction` fraction bits
    gain, shift : (H,) of the LayerNorm, see `quantize.layers.norm`
    """

    kind: ClassVar[str] = "gsu"

    input: Format
    output: Format
    weight_fraction: int = integer(-16, 32)
    product_shift: int = integer(0, 31)
    gain_fraction: int = integer(-16, 32)
    table: Integers = trits("HH")
    weight: Integers = words("HH", WEIGHT_WIDTH)
    bias: Integers = words("H", 16)
    gain: Integers = words("H", GAIN_WIDTH)
    shift: Integers = words("H", 16)

    def shapes(self) -> Mapping[str, int]:
        return {"H": self.channels}

    @property
    def channels(self) -> int:
        return len(self.bias)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.channels < 1:
            raise QuantizedNetworkError("gsu needs at least one channel")
        if self.bias_path_width > OPERAND_WIDTH:
            raise QuantizedNetworkError(
                f"gsu.weight and gsu.bias sum to {self.bias_path_width} bits, "
                f"the product takes {OPERAND_WIDTH}"
            )
        if self.norm.gain_shift < 1:
            raise QuantizedNetworkError(f"gsu.gain_fraction is {self.gain_fraction}: the gains are too large")
        if self.output.fraction > self.gelu.argument.fraction:
            raise QuantizedNetworkError(f"gsu.output has more fraction bits than its GELU: {self.output}")

    @property
    def gelu(self) -> Gelu:
        return Gelu()

    @property
    def norm(self) -> LayerNorm:
        return LayerNorm(self.channels, self.gain, self.gain_fraction, self.shift, self.gelu.argument)

    @cached_property
    def gate_width(self) -> int:
        """Bits of g: what the fullest column of the table can sum to."""
        fullest = max(int(np.abs(self.table).sum(0).max()), 1)
        return signed_width(fullest * ((1 << ACTIVATION_BITS) - 1))

    @property
    def gate_shift(self) -> int:
        """Right shift that fits g into an operand of the product."""
        return max(0, self.gate_width - OPERAND_WIDTH)

    @cached_property
    def bias_path_width(self) -> int:
        """Bits of p."""
        return signed_width(int((np.abs(self.weight).sum(0) + np.abs(self.bias)).max()))

    @property
    def multiplications(self) -> int:
        """Products a step: the gate's and the norm's own."""
        return self.channels + self.norm.multiplications

    @property
    def magnitude_width(self) -> int:
        """Bits of the magnitude of y."""
        return self.input.width - 1

    def activations(self, y: Integers) -> tuple[Integers, Integers]:
        """Ternary activations and block-floating-point activations of each step, (..., H) each."""
        sign = np.where(y < 0, -1, 1)
        magnitude = np.where(y < 0, -y - 1, y)
        largest = magnitude.max(-1, keepdims=True)
        ternary = sign * (THRESHOLD.denominator * magnitude > THRESHOLD.numerator * largest)
        headroom = self.magnitude_width - bit_length(largest)
        aligned = round_shift(magnitude << headroom, self.magnitude_width - ACTIVATION_BITS)
        return ternary, sign * np.minimum(aligned, (1 << ACTIVATION_BITS) - 1)

    def products(self, y: Integers) -> Integers:
        """The gate product p g of each step before its shift, (..., H)."""
        ternary, activation = self.activations(y)
        p = exact_matmul(ternary, self.weight) + self.bias
        g = saturate(round_shift(exact_matmul(activation, self.table), self.gate_shift), OPERAND_WIDTH)
        return p * g

    def compute(self, y: Integers) -> Integers:
        """Outputs (..., H) in the residual format of inputs (..., H)."""
        z = requantise(self.products(y), self.product_shift, self.norm.input_width)
        out = self.gelu.compute(self.norm.compute(z))
        return requantise(out, self.gelu.argument.fraction - self.output.fraction, self.output.width)
