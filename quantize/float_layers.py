"""The layers of a checkpoint in real arithmetic, in numpy: norms and units, as `quantize.kinds` tells them.

The definitions are those of `statespike.models` (a test holds the two together).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from quantize.constants import FIRE_THRESHOLD, LEAK, LEAN_THRESHOLD, THRESHOLD_PARTS

if TYPE_CHECKING:  # a configuration names kinds, whose functions take what has a configuration
    from quantize.checkpoint import Checkpoint, Tensor

Real = NDArray[np.float64]
NORM_EPSILON = 1e-5


def tensors(checkpoint: Checkpoint, prefix: str, *names: str) -> list[Real]:
    """Tensors below a prefix, in double precision."""
    return [checkpoint.tensors[f"{prefix}.{name}"].astype(np.float64) for name in names]


def affine_norm(checkpoint: Checkpoint, prefix: str) -> tuple[Real, Real]:
    """A BatchNorm as gain and offset: `gain x + offset`, (H,) each."""
    weight, bias, mean, variance = tensors(
        checkpoint, prefix, "weight", "bias", "running_mean", "running_var"
    )
    gain = weight / np.sqrt(variance + NORM_EPSILON)
    return gain, bias - gain * mean


def identity_norm(channels: int) -> dict[str, Tensor]:
    """Tensors of a BatchNorm that leaves its input as it is."""
    one, zero = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    variance = np.full(channels, 1.0 - NORM_EPSILON, np.float32)
    return {"weight": one, "bias": zero, "running_mean": zero, "running_var": variance}


def folded_norm(checkpoint: Checkpoint, layer: int) -> tuple[Real, Real]:
    """Gain and offset (H,) of the BatchNorm before a layer; 1 and 0 if there is none."""
    if not checkpoint.config.folds_norm:
        return np.ones(checkpoint.config.channels), np.zeros(checkpoint.config.channels)
    gain, offset = affine_norm(checkpoint, f"layers.{layer}.norm")
    # A gain of zero would put the offset at infinity; this small it no longer reaches the output.
    return np.where(np.abs(gain) < 1e-6, 1e-6, gain), offset


def ternary_weights(checkpoint: Checkpoint, weights: Real) -> NDArray[np.int64]:
    """-1, 0, 1 by the network's share of the largest magnitude."""
    threshold = checkpoint.config.twentieths / THRESHOLD_PARTS * float(np.abs(weights).max())
    return (np.sign(weights) * (np.abs(weights) > threshold)).astype(np.int64)


def _gate_product(checkpoint: Checkpoint, prefix: str, y: Real, threshold: Real | float) -> Real:
    weight, bias = tensors(checkpoint, prefix, "weight", "bias")
    ternary = np.sign(y) * (np.abs(y) > threshold)
    table = ternary_weights(checkpoint, weight).astype(np.float64)
    product: Real = (ternary @ weight + bias) * (y @ table)
    return product


def gated_spiking_unit(checkpoint: Checkpoint, prefix: str, y: Real) -> Real:
    gain, shift = tensors(checkpoint, prefix, "norm.weight", "norm.bias")
    threshold = checkpoint.config.twentieths / THRESHOLD_PARTS * np.abs(y).max(-1, keepdims=True)
    product = _gate_product(checkpoint, prefix, y, threshold)
    return gelu(layer_norm(product, gain, shift))


def layer_norm(x: Real, gain: Real, shift: Real) -> Real:
    centred = x - x.mean(-1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + NORM_EPSILON)
    result: Real = centred / deviation * gain + shift
    return result


def lean_gated_spiking_unit(checkpoint: Checkpoint, prefix: str, y: Real) -> Real:
    gain, offset = affine_norm(checkpoint, f"{prefix}.norm")
    product = _gate_product(checkpoint, prefix, y, float(LEAN_THRESHOLD))
    return np.maximum(gain * product + offset, 0.0)


def gelu(x: Real) -> Real:
    from quantize import recurrences  # with numba: where something is computed

    shares = np.empty(x.shape)
    recurrences.normal_below(x.ravel(), shares.ravel())
    result: Real = x * shares
    return result


def sigmoid(x: Real) -> Real:
    result: Real = 0.5 + 0.5 * np.tanh(0.5 * x)
    return result


def _linear(checkpoint: Checkpoint, prefix: str, activations: Real) -> Real:
    weight, bias = tensors(checkpoint, prefix, "weight", "bias")
    result: Real = activations @ weight.T + bias
    return result


def glu(activation: Callable[[Real], Real], checkpoint: Checkpoint, prefix: str, y: Real) -> Real:
    activations = activation(y)
    value = _linear(checkpoint, f"{prefix}.value", activations)
    return value * sigmoid(_linear(checkpoint, f"{prefix}.gate", activations))


def spikes(y: Real) -> Real:
    return (y > 0).astype(np.float64)


def _fired(drive: Real) -> Real:
    """Spikes of leaky integrate-and-fire neurons with a hard reset, (sequences, steps, H)."""
    spikes = np.empty_like(drive)
    potential = np.zeros_like(drive[:, 0])
    for step in range(drive.shape[1]):
        potential = float(LEAK) * potential + drive[:, step]
        spikes[:, step] = potential >= FIRE_THRESHOLD
        potential = np.where(spikes[:, step] > 0, 0.0, potential)
    return spikes


def integrate_and_fire_unit(checkpoint: Checkpoint, prefix: str, y: Real) -> Real:
    return glu(_fired, checkpoint, prefix, y / thresholds(checkpoint, prefix))


def thresholds(checkpoint: Checkpoint, prefix: str) -> Real:
    """Of the neurons of an integrate-and-fire unit, (H,); infinite for one that never fires."""
    (log_threshold,) = tensors(checkpoint, prefix, "log_threshold")
    with np.errstate(over="ignore"):
        return np.exp(log_threshold)


def resonate_and_fire_unit(checkpoint: Checkpoint, prefix: str, y: Real) -> Real:
    return _linear(checkpoint, f"{prefix}.mix", spikes(y - FIRE_THRESHOLD))
