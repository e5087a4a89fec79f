"""The units behind a state-space model: what mixes its channels after each step.

All map y (B, T, H) to (B, T, H), channels last. Only the spiking neuron of SpikingSSM remembers anything from
one step to the next.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from quantize.constants import FIRE_THRESHOLD, LEAN_THRESHOLD, TWENTIETHS
from statespike.models.lif import decayed_potential, fire, lif_step
from statespike.models.norm import ChannelNorm
from statespike.models.surrogate_dynamics import shipped_dynamics
from statespike.models.surrogates import Derivative, spike
from statespike.models.ternary import ternarise, ternary


class Unit(nn.Module):
    """What all units share: the streaming form of one that treats every step alone.

    Attributes
    ----------
    counts_activity : bool
        Whether `activity` is kept in training, of kinds whose activations are spikes or ternary.
    activity : Tensor or None
        Mean share of the last call's activations that were not zero, over the valid steps; a gradient goes
        through it.
    """

    counts_activity = False
    activity: Tensor | None = None

    def count_activity(self, activations: Tensor, valid: Tensor | None) -> None:
        """Keep the `activity` of spikes or ternary values (B, T, H), if it is wanted."""
        if self.counts_activity and self.training:
            shares = activations.abs().mean(-1)
            self.activity = shares.mean() if valid is None else shares[valid].mean()

    def initial_state(self, batch: int) -> Tensor:
        """Return the state before the first step, (B, 0) unless a unit has one."""
        return torch.zeros(batch, 0)

    def step(self, y: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Advance by one step: y (B, H) and the state -> (B, H), next state."""
        return self(y[:, None])[:, 0], state


class GatedSpikingUnit(Unit):
    """The Gated Spiking Unit: one weight matrix W (H, H) for two paths that need no multiplier.

        ty = ternary(y) over the channels of a step      tW = ternary(W) over the whole matrix
        p_j = sum_i ty_i W_ij + b_j                      ternary activations x real weights
        g_j = sum_i y_i tW_ij                            real activations x ternary weights
        out = GELU( LayerNorm_H( p * g ) )

    ternary keeps the sign where a magnitude exceeds `twentieths` / 20 of the largest one: 0.15 in the paper.

    Stan & Rhodes, "Learning Long Sequences in Spiking Neural Networks" (2024).
    """

    def __init__(self, channels: int, derivative: Derivative, twentieths: int = TWENTIETHS) -> None:
        super().__init__()
        self.twentieths = twentieths
        bound = 1 / math.sqrt(channels)
        self.weight = nn.Parameter(torch.empty(channels, channels).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(channels).uniform_(-bound, bound))
        self.norm: nn.Module = nn.LayerNorm(channels)
        self.derivative = derivative
        # What rounding adds to W as real weights (`statespike.models.rounded`); its ternary form
        # knows nothing of it.
        self.weight_moved: Tensor
        self.register_buffer("weight_moved", torch.zeros(channels, channels), persistent=False)

    def forward(self, y: Tensor, valid: Tensor | None = None) -> Tensor:
        """Map y (B, T, H) to (B, T, H)."""
        activations = self.ternarise(y)
        self.count_activity(activations, valid)
        normalised: Tensor = self.norm(self.product(y, activations))
        return functional.gelu(normalised)

    def ternarise(self, x: Tensor) -> Tensor:
        """Return x over its last axis as -1, 0 and 1."""
        return ternarise(x, self.derivative, self.twentieths)

    def product(self, y: Tensor, ternary_activations: Tensor) -> Tensor:
        """Return p * g, (B, T, H)."""
        ternary_weight = self.ternarise(self.weight.reshape(-1)).reshape(self.weight.shape)
        current = functional.linear(ternary_activations, (self.weight + self.weight_moved).T, self.bias)
        return current * functional.linear(y, ternary_weight.T)


class LeanGatedSpikingUnit(GatedSpikingUnit):
    """The Gated Spiking Unit without what costs it most in gates.

        ty  = Theta(y - 1/2) - Theta(-y - 1/2)
        out = max(0, BatchNorm( p * g ))                 p and g as above

    Nothing needs all channels of a step any more: the threshold is a constant instead of a share of the
    largest |y|, and the BatchNorm folds into a scale and an offset a channel. It costs no freedom: C and D of
    the state-space model set the scale of y, and the BatchNorm takes out what that does to g.
    """

    def __init__(self, channels: int, derivative: Derivative, twentieths: int = TWENTIETHS) -> None:
        super().__init__(channels, derivative, twentieths)
        self.norm = ChannelNorm(channels)

    def forward(self, y: Tensor, valid: Tensor | None = None) -> Tensor:
        """Map y (B, T, H) to (B, T, H); `valid` (B, T) is True on the steps that belong to a sequence."""
        activations = ternary(y, LEAN_THRESHOLD, self.derivative)
        self.count_activity(activations, valid)
        return functional.relu(self.norm(self.product(y, activations), valid))


class GatedLinearUnit(Unit):
    """What mixes the activations a of S4D and of all that replace its GELU: additions alone if a is binary.

        out = (W1 a + b1) * sigmoid(W2 a + b2)

    Weights are stored (out, in).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.value = nn.Linear(channels, channels)
        self.gate = nn.Linear(channels, channels)

    def mix(self, activations: Tensor) -> Tensor:
        """Map activations (..., H) to (..., H)."""
        result: Tensor = self.value(activations) * torch.sigmoid(self.gate(activations))
        return result


class ActivationUnit(GatedLinearUnit):
    """A function of every y, then the gated linear unit.

    With GELU it is S4D's unit; with a step function it is Binary S4D; with tanh or the sigmoid it tells
    saturation from discontinuity (both Stan & Rhodes 2024).
    """

    def __init__(self, channels: int, activation: Callable[[Tensor], Tensor]) -> None:
        super().__init__(channels)
        self.activation = activation

    def forward(self, y: Tensor, valid: Tensor | None = None) -> Tensor:
        """Map y (B, T, H) to (B, T, H)."""
        activations = self.activation(y)
        self.count_activity(activations, valid)
        return self.mix(activations)


class IntegrateAndFireUnit(GatedLinearUnit):
    """SpikingSSM: leaky integrate-and-fire neurons (`statespike.models.lif`), then the gated linear unit.

    Training takes the decayed potential from the surrogate dynamic network, all steps at once; evaluation and
    streaming run the neuron itself. Either way the gradient goes through the step's own input alone: seven
    eighths of the potential, and nothing through the reset.
    """

    def __init__(self, channels: int, derivative: Derivative) -> None:
        super().__init__(channels)
        self.log_threshold = nn.Parameter(torch.zeros(channels))
        self.derivative = derivative

    def forward(self, y: Tensor, valid: Tensor | None = None) -> Tensor:
        """Map y (B, T, H) to (B, T, H)."""
        drive = y * (-self.log_threshold).exp()
        given = drive.detach()
        decayed = shipped_dynamics().predict(given) if self.training else decayed_potential(given)
        spikes = fire(decayed + drive, self.derivative)
        self.count_activity(spikes, valid)
        return self.mix(spikes)

    def initial_state(self, batch: int) -> Tensor:
        """Return the potentials before the first step, (B, H)."""
        return torch.zeros(batch, len(self.log_threshold), dtype=self.log_threshold.dtype)

    def step(self, y: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Advance by one step: y and potentials, both (B, H) -> (B, H), next potentials."""
        spikes, state = lif_step(y * (-self.log_threshold).exp(), state, self.derivative)
        return self.mix(spikes), state


class ResonateAndFireUnit(Unit):
    """Spikes of resonators, without reset and without a gate.

        s   = Theta(y - 1)
        out = M s + b

    With one complex mode a channel, y is the real part of a damped resonator, which C turns and scales; a
    threshold of its own would say nothing that C and D do not. After the parallel resonate-and-fire neuron of
    Huang et al. (2024), arXiv 2410.03530.
    """

    def __init__(self, channels: int, derivative: Derivative) -> None:
        super().__init__()
        self.mix = nn.Linear(channels, channels)
        self.derivative = derivative

    def forward(self, y: Tensor, valid: Tensor | None = None) -> Tensor:
        """Map y (B, T, H) to (B, T, H)."""
        spikes = spike(y - FIRE_THRESHOLD, self.derivative)
        self.count_activity(spikes, valid)
        result: Tensor = self.mix(spikes)
        return result


def binary(channels: int, derivative: Derivative) -> ActivationUnit:
    """Build the unit of Binary S4D: spikes of y above 0, and a gated linear unit."""
    return ActivationUnit(channels, partial(spike, derivative=derivative))


def without_spikes(activation: Callable[[Tensor], Tensor]) -> Callable[[int, Derivative], ActivationUnit]:
    """Return what builds a gated linear unit of a smooth activation."""
    return lambda channels, derivative: ActivationUnit(channels, activation)
