"""The Gated Spiking Unit in integers (Stan & Rhodes 2024), and a leaner form of it without its LayerNorm."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from quantize.constants import THRESHOLD_PARTS, TWENTIETHS
from quantize.formats import (
    MOST_FRACTION,
    OPERAND_WIDTH,
    STREAM_WIDTH,
    Format,
    Integers,
    requantise,
    round_shift,
    saturate,
    signed_width,
    stored_width,
    trailing_zeros,
)
from quantize.layers.functions import TRIT_WIDTH, Gelu, bit_length, exact_matmul, mixed_width
from quantize.layers.norm import GAIN_WIDTH, WORD, LayerNorm
from quantize.layers.unit import UnitSpec
from quantize.specification import QuantizedNetworkError, integer, trits, words

ACTIVATION_BITS = 10
WEIGHT_WIDTH = 8


@dataclass(frozen=True, eq=False)
class GatedProductSpec(UnitSpec):
    """What both forms share: `p * g` with p = t W + b and g = a T, where t and T are ternary.

    A sign and 10 bits of y are the activation a. Magnitudes are those of one's complement (y, or -y - 1),
    which cost no adder.

    Parameters
    ----------
    input, output : Format
        Of y, and of the residual stream.
    weight_fraction : int
        Fraction bits of the real weights.
    table : (H, H) ternary weights T, row i for input channel i
    weight : (H, H) real weights W as words, the same orientation
    bias : (H,) with `weight_fraction` fraction bits
    """

    input: Format
    output: Format
    weight_fraction: int = integer(-16, MOST_FRACTION)
    table: Integers = trits("HH")
    weight: Integers = words("HH", WEIGHT_WIDTH)
    bias: Integers = words("H", OPERAND_WIDTH)

    def shapes(self) -> Mapping[str, int]:
        return {"H": self.channels}

    def built_for(self) -> dict[str, Any]:
        """See `Specification.built_for`; the tables decide how far g is shifted.

        The weights' scale is not among it: a finer one is exact in wider words, and p g is shifted further.
        """
        own = super().built_for() | {"gate_shift": self.gate_shift}
        del own["weight_fraction"]
        return own

    @property
    def channels(self) -> int:
        return len(self.bias)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.channels < 1:
            raise QuantizedNetworkError(f"{self.kind} needs at least one channel")
        if self.bias_path_width > OPERAND_WIDTH:
            raise QuantizedNetworkError(
                f"{self.kind}.weight and {self.kind}.bias sum to {self.bias_path_width} bits, "
                f"the product takes {OPERAND_WIDTH}"
            )

    @property
    @abstractmethod
    def mixer_shift(self) -> int:
        """Right shift (left if negative) of `p g` before it leaves the mixer."""

    @property
    @abstractmethod
    def mixer_width(self) -> int:
        """Bits of `p g` as it leaves the mixer."""

    @cached_property
    def gate_width(self) -> int:
        """Bits of g: what the fullest column of the table can sum to.

        Any table with the same shift of g fits an operand behind it.
        """
        if self.any_contents:
            return min(_gate_width(self.channels), OPERAND_WIDTH + self.gate_shift)
        return _gate_width(self._fullest)

    @property
    def gate_shift(self) -> int:
        """Right shift that fits g into an operand of the product."""
        return max(0, _gate_width(self._fullest) - OPERAND_WIDTH)

    @cached_property
    def _fullest(self) -> int:
        """Non-zeros of the table's fullest column, or 1."""
        return max(int(np.abs(self.table).sum(0).max()), 1)

    @cached_property
    def bias_path_width(self) -> int:
        """Bits of p, which is an operand of the product whatever the contents."""
        return OPERAND_WIDTH if self.any_contents else self.own_bias_path_width

    @cached_property
    def own_bias_path_width(self) -> int:
        """Bits of p with these tables."""
        return mixed_width(self.weight, self.bias, TRIT_WIDTH)

    @property
    def magnitude_width(self) -> int:
        """Bits of the magnitude of y."""
        return self.input.width - 1

    @property
    def dropped(self) -> int:
        """Bits of a magnitude that the activation does not keep."""
        return self.magnitude_width - ACTIVATION_BITS

    @cached_property
    def idle_weight_bits(self) -> int:
        """Low bits that are zero in all real weights: memory and sums do without them."""
        return 0 if self.any_contents else trailing_zeros(self.weight)

    @cached_property
    def stored_weight_width(self) -> int:
        """Bits of a real weight in memory."""
        return WEIGHT_WIDTH if self.any_contents else stored_width(self.weight)

    @abstractmethod
    def activations(self, y: Integers) -> tuple[Integers, Integers]:
        """Ternary and real activations of each step, (..., H) each."""

    def top_bits(self, magnitude: Integers) -> Integers:
        """The 10 bits of magnitudes that are the activation."""
        return np.minimum(round_shift(magnitude, self.dropped), (1 << ACTIVATION_BITS) - 1)

    def products(self, y: Integers) -> Integers:
        """The gate product p g of each step before its shift, (..., H)."""
        ternary, activation = self.activations(y)
        p = exact_matmul(ternary, self.weight) + self.bias
        g = saturate(round_shift(exact_matmul(activation, self.table), self.gate_shift), OPERAND_WIDTH)
        return p * g

    def mixed(self, y: Integers) -> Integers:
        """The gate product as it leaves the mixer, (..., H)."""
        return requantise(self.products(y), self.mixer_shift, self.mixer_width)


def _gate_width(nonzeros: int) -> int:
    """Bits of a sum of so many activations."""
    return signed_width(nonzeros * ((1 << ACTIVATION_BITS) - 1))


def _sign_and_magnitude(y: Integers) -> tuple[Integers, Integers]:
    """-1 or 1, and the one's complement magnitude."""
    return np.where(y < 0, -1, 1), np.where(y < 0, -y - 1, y)


@dataclass(frozen=True, eq=False)
class GsuSpec(GatedProductSpec):
    """`out = GELU(LayerNorm(p * g))`.

    y is block floating point: what follows the LayerNorm does not change when a step's y is scaled, so each
    step's y is shifted up until its largest magnitude fills the word before its top bits enter the mixer.

    Parameters
    ----------
    product_shift : int
        Right shift of `p g` before the norm.
    gain_fraction : int
    gain, shift : (H,) of the LayerNorm, see `quantize.layers.norm`
    twentieths : int
        Of the step's peak, which the magnitude of y exceeds where its ternary activation is not zero.
    """

    kind: ClassVar[str] = "gsu"

    def built_for(self) -> dict[str, Any]:
        """See `GatedProductSpec.built_for`: weights at a finer scale ask for a further shift of p g.

        Gains at a finer scale are exact in wider words, too.
        """
        own = super().built_for() | {"product_scale": self.product_shift - self.weight_fraction}
        del own["product_shift"], own["gain_fraction"]
        return own

    product_shift: int = integer(0, 31)
    gain_fraction: int = integer(-16, MOST_FRACTION)
    gain: Integers = words("H", GAIN_WIDTH)
    shift: Integers = words("H", WORD)
    twentieths: int = integer(1, THRESHOLD_PARTS - 1, TWENTIETHS)

    def __post_init__(self) -> None:
        super().__post_init__()
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

    @property
    def mixer_shift(self) -> int:
        return self.product_shift

    @property
    def mixer_width(self) -> int:
        return self.norm.input_width

    @property
    def multiplications(self) -> int:
        """Products a step: the gate's and the norm's own."""
        return self.channels + self.norm.multiplications

    def activations(self, y: Integers) -> tuple[Integers, Integers]:
        """Ternary activations by the step's peak, and block-floating-point ones, (..., H) each."""
        sign, magnitude = _sign_and_magnitude(y)
        largest = magnitude.max(-1, keepdims=True)
        ternary = sign * (THRESHOLD_PARTS * magnitude > self.twentieths * largest)
        headroom = self.magnitude_width - bit_length(largest)
        return ternary, sign * self.top_bits(magnitude << headroom)

    def compute(self, y: Integers, states: Integers | None = None) -> Integers:
        """Outputs (..., H) in the residual format of inputs (..., H)."""
        out = self.gelu.compute(self.norm.compute(self.mixed(y)))
        return requantise(out, self.gelu.argument.fraction - self.output.fraction, self.output.width)


@dataclass(frozen=True, eq=False)
class LeanGsuSpec(GatedProductSpec):
    """`out = max(0, p * g + offset)`: a constant threshold, and a BatchNorm instead of the LayerNorm.

    The BatchNorm's gain is in the columns of W and in b, but not in the ternary table. Without a norm that
    forgets the scale of y, the activation is fixed point: the top bits of y as they are.

    Parameters
    ----------
    threshold : int
        t is the sign of y where its magnitude exceeds this, else 0.
    offset : (H,) in the residual format
    """

    kind: ClassVar[str] = "gsu_lean"

    threshold: int = integer(0, (1 << (STREAM_WIDTH - 1)) - 1)
    offset: Integers = words("H", STREAM_WIDTH)

    @property
    def mixer_shift(self) -> int:
        activation_fraction = self.input.fraction - self.dropped
        return self.weight_fraction + activation_fraction - self.gate_shift - self.output.fraction

    @property
    def mixer_width(self) -> int:
        return self.output.width

    @property
    def multiplications(self) -> int:
        """Products a step: the gate's."""
        return self.channels

    def activations(self, y: Integers) -> tuple[Integers, Integers]:
        """Ternary activations by the constant threshold, and fixed-point ones, (..., H) each."""
        sign, magnitude = _sign_and_magnitude(y)
        return sign * (magnitude > self.threshold), sign * self.top_bits(magnitude)

    def compute(self, y: Integers, states: Integers | None = None) -> Integers:
        """Outputs (..., H) in the residual format of inputs (..., H)."""
        return np.maximum(0, saturate(self.mixed(y) + self.offset, self.output.width))
