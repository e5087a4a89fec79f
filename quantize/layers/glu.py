"""Gated linear units in integers, behind whatever activation: S4D's own unit, Binary S4D's, SpikingSSM's."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from quantize.constants import LEAK
from quantize.formats import (
    MOST_FRACTION,
    OPERAND_WIDTH,
    STREAM_WIDTH,
    Format,
    Integers,
    requantise,
    round_shift,
    saturate,
)
from quantize.layers.functions import (
    BIAS_WIDTH,
    TABLE_WIDTH,
    TRIT_WIDTH,
    Gelu,
    Sigmoid,
    Tanh,
    exact_matmul,
    mixed_width,
)
from quantize.layers.unit import UnitSpec
from quantize.specification import QuantizedNetworkError, integer, words

SPIKE = Format(TRIT_WIDTH, 0)
WEIGHT_WIDTH = 8
ACTIVATION_WIDTH = TABLE_WIDTH + 1
"""Of a smooth activation: a sign beside a table's entry."""
LEAK_SHIFT = LEAK.denominator.bit_length() - 1
"""An integrate-and-fire neuron keeps `2**-LEAK_SHIFT` of its potential."""


@dataclass(frozen=True, eq=False)
class GluSpec(UnitSpec):
    """`out = (a V + b) * sigmoid(a G + c)` for activations a of y, which each kind makes in its own way.

    Parameters
    ----------
    input, output : Format
        Of y, and of the residual stream.
    weight_fraction : int
        Fraction bits of all weights.
    value, gate : (H, H) weights V and G, row i for input channel i
    value_bias, gate_bias : (H,) with the fraction bits of the sums
    """

    input: Format
    output: Format
    weight_fraction: int = integer(-16, MOST_FRACTION)
    value: Integers = words("HH", WEIGHT_WIDTH)
    gate: Integers = words("HH", WEIGHT_WIDTH)
    value_bias: Integers = words("H", BIAS_WIDTH)
    gate_bias: Integers = words("H", BIAS_WIDTH)

    def shapes(self) -> Mapping[str, int]:
        return {"H": self.channels}

    def built_for(self) -> dict[str, Any]:
        """See `Specification.built_for`; the tables decide how far a value is shifted.

        The weights' scale is not among it: a finer one is exact in wider words where no value is shifted.
        """
        own = super().built_for() | {"value_shift": self.value_shift}
        del own["weight_fraction"]
        return own

    @property
    def channels(self) -> int:
        return len(self.value_bias)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.channels < 1:
            raise QuantizedNetworkError(f"{self.kind} needs at least one channel")
        # A sum is clipped before it is shifted left, and must reach beyond the table: half the range.
        coarsest = self.sigmoid.argument.fraction - (self.sigmoid.argument.width - 2)
        if self.sum_fraction < coarsest:
            raise QuantizedNetworkError(
                f"{self.kind}.weight_fraction {self.weight_fraction} is too small: sums have "
                f"{self.sum_fraction} fraction bits, the sigmoid takes {coarsest} or more"
            )

    @property
    def sigmoid(self) -> Sigmoid:
        return Sigmoid()

    @property
    def activation_format(self) -> Format:
        """Of a: without a fraction where spikes are all there is."""
        return SPIKE

    @cached_property
    def sum_width(self) -> int:
        """Bits of either sum with its bias; no contents with the same shift of a value need more."""
        return OPERAND_WIDTH + self.value_shift if self.any_contents else self.own_sum_width

    @cached_property
    def own_sum_width(self) -> int:
        """Bits of either sum with these tables."""
        return max(
            mixed_width(matrix, bias, self.activation_format.width)
            for matrix, bias in ((self.value, self.value_bias), (self.gate, self.gate_bias))
        )

    @property
    def sum_fraction(self) -> int:
        """Fraction bits of the sums."""
        return self.weight_fraction + self.activation_format.fraction

    @property
    def value_shift(self) -> int:
        """Right shift that fits a value into an operand of the product."""
        return max(0, self.own_sum_width - OPERAND_WIDTH)

    @property
    def argument_shift(self) -> int:
        """Right shift (left if negative) from a sum to the sigmoid's argument."""
        return self.sum_fraction - self.sigmoid.argument.fraction

    @property
    def product_shift(self) -> int:
        """Right shift from the gate product to the residual format."""
        return self.sum_fraction - self.value_shift + self.sigmoid.fraction - self.output.fraction

    @property
    def multiplications(self) -> int:
        """Products a step: the gate's."""
        return self.channels

    @abstractmethod
    def activations(self, y: Integers, states: Integers | None = None) -> Integers:
        """a (..., steps, H) of y (..., steps, H), in the activations' format; see `compute`."""

    def compute(self, y: Integers, states: Integers | None = None) -> Integers:
        """Outputs (..., steps, H) in the residual format of sequences y (..., steps, H).

        They begin at rest unless `states`, as of `cleared`, are given; those move on.
        """
        activations = self.activations(y, states)
        value = exact_matmul(activations, self.value) + self.value_bias
        gate = exact_matmul(activations, self.gate) + self.gate_bias
        value = requantise(value, self.value_shift, OPERAND_WIDTH)
        argument = requantise(gate, self.argument_shift, self.sigmoid.argument.width)
        return requantise(value * self.sigmoid.compute(argument), self.product_shift, self.output.width)


@dataclass(frozen=True, eq=False)
class SpikeGluSpec(GluSpec):
    """Binary S4D's unit (Stan & Rhodes 2024): a spike where y > 0."""

    kind: ClassVar[str] = "spike_glu"
    threshold: ClassVar[int] = 0

    def activations(self, y: Integers, states: Integers | None = None) -> Integers:
        """1 where y > 0."""
        return (y > self.threshold).astype(np.int64)


@dataclass(frozen=True, eq=False)
class FireGluSpec(GluSpec):
    """SpikingSSM's unit (Shen et al. 2024): leaky integrate-and-fire neurons with a hard reset.

    Published, y is divided by the channel's threshold and the potential compared with 1. Here the potential
    stays in y's format and is compared with the threshold, which multiplies nothing:

        v' = saturate(round_shift(v, 3) + y)       s = v' >= threshold       v = 0 if s else v'

    Parameters
    ----------
    threshold : (H,) positive, in y's format
    """

    kind: ClassVar[str] = "fire_glu"

    threshold: Integers = words("H", STREAM_WIDTH - 1, unsigned=True)

    @property
    def state_bits(self) -> int:
        """Bits of the potentials."""
        return self.channels * self.input.width

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.threshold < 1).any():
            raise QuantizedNetworkError("fire_glu.threshold must be positive")

    def cleared(self, sequences: int) -> Integers:
        """Potentials at rest, (sequences, H)."""
        return np.zeros((sequences, self.channels), dtype=np.int64)

    def activations(self, y: Integers, states: Integers | None = None) -> Integers:
        """Spikes of neurons that start at rest, or with the potentials `states`."""
        spikes = np.empty_like(y)
        potential = np.zeros_like(y[..., 0, :]) if states is None else states
        for step in range(y.shape[-2]):
            potential = saturate(round_shift(potential, LEAK_SHIFT) + y[..., step, :], self.input.width)
            spikes[..., step, :] = potential >= self.threshold
            potential = np.where(spikes[..., step, :], 0, potential)
        if states is not None:
            states[...] = potential
        return spikes


@dataclass(frozen=True, eq=False)
class SmoothGluSpec(GluSpec):
    """A smooth function of y from a table, and multiplications in the sums: S4D's unit and its relatives.

    Parameters
    ----------
    activation_fraction : int
        Fraction bits of a, which has a sign and 8 bits.
    input_shift : int
        Right shift (left if negative) from y to the function's argument. One more than the formats ask for
        halves the argument, and so on.
    """

    function: ClassVar[Gelu | Tanh]

    activation_fraction: int = integer(-16, MOST_FRACTION)
    input_shift: int = integer(-16, 32)

    @property
    def activation_format(self) -> Format:
        return Format(ACTIVATION_WIDTH, self.activation_fraction)

    @property
    def multiplications(self) -> int:
        """Products a step: those of the sums and the gate's."""
        return 2 * self.channels**2 + self.channels

    def activations(self, y: Integers, states: Integers | None = None) -> Integers:
        """The function of every y."""
        argument = requantise(y, self.input_shift, self.function.argument.width)
        shift = self.function.output.fraction - self.activation_fraction
        return requantise(self.function.compute(argument), shift, ACTIVATION_WIDTH)


@dataclass(frozen=True, eq=False)
class GeluGluSpec(SmoothGluSpec):
    """S4D's unit (Gu et al. 2022): a = GELU(y)."""

    kind: ClassVar[str] = "gelu_glu"
    function: ClassVar[Gelu | Tanh] = Gelu()


@dataclass(frozen=True, eq=False)
class TanhGluSpec(SmoothGluSpec):
    """The saturating activations of Stan & Rhodes (2024): a = tanh(y).

    The sigmoid is the same circuit, `sigmoid(y) = (1 + tanh(y/2)) / 2`: half the argument, half the weights,
    and half their sums in the biases.
    """

    kind: ClassVar[str] = "tanh_glu"
    function: ClassVar[Gelu | Tanh] = Tanh()
