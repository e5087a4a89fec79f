"""The leaky integrate-and-fire neuron of SpikingSSM: exact, step by step.

    u'[t] = tau u[t-1] + d[t]       d[t] = y[t] / exp(log_threshold)
    s[t]  = 1 if u'[t] >= 1 else 0
    u[t]  = 0 if s[t] else u'[t]    hard reset

Shen et al., "SpikingSSMs: Learning Long Sequences with Sparse and Parallel Spiking State Space Models"
(2024).
"""

import torch
from torch import Tensor

from quantize.constants import FIRE_THRESHOLD, LEAK
from statespike.models.surrogates import Derivative, spike


def fire(potential: Tensor, derivative: Derivative) -> Tensor:
    """1 where a potential u' has reached the threshold, else 0, with `derivative` for its gradient."""
    return 1 - spike(FIRE_THRESHOLD - potential, derivative)


def lif_step(drive: Tensor, state: Tensor, derivative: Derivative) -> tuple[Tensor, Tensor]:
    """Advance by one step: drive d and state u, both (B, H) -> spikes (B, H), next state."""
    potential = float(LEAK) * state + drive
    spikes = fire(potential, derivative)
    return spikes, torch.where(spikes > 0, torch.zeros_like(potential), potential)


def decayed_potential(drive: Tensor) -> Tensor:
    """tau u[t-1] of every step: drive (B, T, H) -> (B, T, H), no gradient.

    One step after the other; the surrogate dynamic network (`statespike.models.surrogate_dynamics`)
    predicts the same.
    """
    steps = drive.detach().transpose(0, 1).contiguous()
    result = torch.empty_like(steps)
    decayed = torch.zeros_like(steps[0])
    for t, given in enumerate(steps):
        result[t] = decayed
        decayed += given
        decayed *= decayed < FIRE_THRESHOLD
        decayed *= float(LEAK)
    return result.transpose(0, 1)
