"""The units behind a state-space model: what mixes its channels after each step.

Both map (..., H) to (..., H), channels last, and treat every step alone.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.surrogates import Derivative, spike
from models.ternary import ternarise


class GatedSpikingUnit(nn.Module):
    """The Gated Spiking Unit: one weight matrix W (H, H) for two paths that need no multiplier.

        ty = ternary(y) over the channels of a step      tW = ternary(W) over the whole matrix
        p_j = sum_i ty_i W_ij + b_j                      ternary activations x real weights
        g_j = sum_i y_i tW_ij                            real activations x ternary weights
        out = GELU( LayerNorm_H( p * g ) )

    Stan & Rhodes, "Learning Long Sequences in Spiking Neural Networks" (2024).
    """

    def __init__(self, channels: int, derivative: Derivative) -> None:
        super().__init__()
        bound = 1 / math.sqrt(channels)
        self.weight = nn.Parameter(torch.empty(channels, channels).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(channels).uniform_(-bound, bound))
        self.norm = nn.LayerNorm(channels)
        self.derivative = derivative

    def forward(self, y: Tensor) -> Tensor:
        """Map y (..., H) to (..., H)."""
        ternary_activations = ternarise(y, self.derivative)
        ternary_weight = ternarise(self.weight.reshape(-1), self.derivative).reshape(self.weight.shape)
        current = functional.linear(ternary_activations, self.weight.T, self.bias)
        gate = functional.linear(y, ternary_weight.T)
        normalised: Tensor = self.norm(current * gate)
        return functional.gelu(normalised)


class BinaryGatedUnit(nn.Module):
    """Binary S4D: spikes in the place of S4D's GELU, then a gated linear unit.

        s   = Theta(y)
        out = (W1 s + b1) * sigmoid(W2 s + b2)

    Stan & Rhodes (2024). Weights are stored (out, in).
    """

    def __init__(self, channels: int, derivative: Derivative) -> None:
        super().__init__()
        self.value = nn.Linear(channels, channels)
        self.gate = nn.Linear(channels, channels)
        self.derivative = derivative

    def forward(self, y: Tensor) -> Tensor:
        """Map y (..., H) to (..., H)."""
        spikes = spike(y, self.derivative)
        result: Tensor = self.value(spikes) * torch.sigmoid(self.gate(spikes))
        return result


UNITS: dict[str, Callable[[int, Derivative], nn.Module]] = {
    "gsu": GatedSpikingUnit,
    "binary_s4d": BinaryGatedUnit,
}
"""Name of a model -> its unit, built from the number of channels and the surrogate derivative."""
