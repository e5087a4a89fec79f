"""A checkpoint's network in real arithmetic, in numpy: for calibration, and float accuracy without torch.

The definitions are those of `models/` (a test holds the two together); here every intermediate value is kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import erf

import numba
import numpy as np
from numpy.typing import NDArray

from quantize.checkpoint import Checkpoint, Tensor
from quantize.constants import FIRE_THRESHOLD, LEAK, LEAN_THRESHOLD, THRESHOLD

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
NORM_EPSILON = 1e-5


@dataclass(frozen=True)
class StateSpace:
    """One S4D layer with a BatchNorm before it folded in: `y = S(x + offset)`.

    Attributes
    ----------
    poles : complex (H, N)
        Discrete poles.
    residues : complex (H, N)
        `2 C Bbar` times the normalisation's gain: y = Re(sum residues x) + skip u.
    skip : (H,)
    offset : (H,)
        The normalisation's constant, added to its input.
    """

    poles: Complex
    residues: Complex
    skip: Real
    offset: Real

    def compute(self, x: Real) -> Real:
        """(sequences, steps, H) to the same shape, by FFT convolution."""
        steps = x.shape[1]
        # lambda^t as a running product of powers would lose phase: exponentiate the logarithm instead.
        exponents = np.log(self.poles)[:, :, None] * np.arange(steps)
        kernel = (self.residues[:, :, None] * np.exp(exponents)).sum(1).real
        kernel[:, 0] += self.skip
        u = (x + self.offset).transpose(0, 2, 1)
        spectrum = np.fft.rfft(u, 2 * steps) * np.fft.rfft(kernel, 2 * steps)
        return np.fft.irfft(spectrum, 2 * steps)[:, :, :steps].transpose(0, 2, 1)


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


def state_space(checkpoint: Checkpoint, layer: int) -> StateSpace:
    """The state-space model of a layer, a BatchNorm before it folded in."""
    tensor = {
        name: checkpoint.tensors[f"layers.{layer}.ssm.{name}"].astype(np.float64)
        for name in ("C", "log_dt", "log_A_real", "A_imag", "D")
    }
    gain, constant = folded_norm(checkpoint, layer)
    continuous = -np.exp(tensor["log_A_real"]) + 1j * tensor["A_imag"]
    step = np.exp(tensor["log_dt"])[:, None]
    if checkpoint.config.discretisation == "zoh":
        poles = np.exp(step * continuous)
        drive = (poles - 1.0) / continuous
    else:
        poles = (1.0 + step * continuous / 2.0) / (1.0 - step * continuous / 2.0)
        drive = step / (1.0 - step * continuous / 2.0)
    readout = tensor["C"][..., 0] + 1j * tensor["C"][..., 1]
    return StateSpace(poles, 2.0 * readout * drive * gain[:, None], tensor["D"] * gain, constant / gain)


def ternary_threshold(weights: Real) -> float:
    """The constant below which a weight of the Gated Spiking Unit counts as zero."""
    return float(THRESHOLD) * float(np.abs(weights).max())


def ternary_weights(weights: Real) -> NDArray[np.int64]:
    """-1, 0, 1 by the published threshold."""
    return (np.sign(weights) * (np.abs(weights) > ternary_threshold(weights))).astype(np.int64)


@numba.vectorize([numba.float64(numba.float64)], cache=True)
def _normal_below(x: float) -> float:
    return 0.5 * (1.0 + erf(x / 1.4142135623730951))


def _gate_product(checkpoint: Checkpoint, prefix: str, y: Real, threshold: Real | float) -> Real:
    weight, bias = tensors(checkpoint, prefix, "weight", "bias")
    ternary = np.sign(y) * (np.abs(y) > threshold)
    product: Real = (ternary @ weight + bias) * (y @ ternary_weights(weight).astype(np.float64))
    return product


def _gated_spiking_unit(checkpoint: Checkpoint, prefix: str, y: Real) -> Real:
    gain, shift = tensors(checkpoint, prefix, "norm.weight", "norm.bias")
    threshold = float(THRESHOLD) * np.abs(y).max(-1, keepdims=True)
    product = _gate_product(checkpoint, prefix, y, threshold)
    return _gelu(_layer_norm(product, gain, shift))


def _layer_norm(x: Real, gain: Real, shift: Real) -> Real:
    centred = x - x.mean(-1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + NORM_EPSILON)
    result: Real = centred / deviation * gain + shift
    return result


def _block_norm(checkpoint: Checkpoint, layer: int, x: Real) -> Real:
    prefix = f"layers.{layer}.norm"
    if checkpoint.config.norm == "layer":
        return _layer_norm(x, *tensors(checkpoint, prefix, "weight", "bias"))
    gain, constant = affine_norm(checkpoint, prefix)
    return gain * x + constant


def _lean_gated_spiking_unit(checkpoint: Checkpoint, prefix: str, y: Real) -> Real:
    gain, offset = affine_norm(checkpoint, f"{prefix}.norm")
    product = _gate_product(checkpoint, prefix, y, float(LEAN_THRESHOLD))
    return np.maximum(gain * product + offset, 0.0)


def _gelu(x: Real) -> Real:
    result: Real = x * _normal_below(x)
    return result


def _sigmoid(x: Real) -> Real:
    result: Real = 0.5 + 0.5 * np.tanh(0.5 * x)
    return result


def _linear(checkpoint: Checkpoint, prefix: str, activations: Real) -> Real:
    weight, bias = tensors(checkpoint, prefix, "weight", "bias")
    result: Real = activations @ weight.T + bias
    return result


def _glu(activation: Callable[[Real], Real], checkpoint: Checkpoint, prefix: str, y: Real) -> Real:
    activations = activation(y)
    value = _linear(checkpoint, f"{prefix}.value", activations)
    return value * _sigmoid(_linear(checkpoint, f"{prefix}.gate", activations))


def _spikes(y: Real) -> Real:
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


def _integrate_and_fire_unit(checkpoint: Checkpoint, prefix: str, y: Real) -> Real:
    (log_threshold,) = tensors(checkpoint, prefix, "log_threshold")
    return _glu(_fired, checkpoint, prefix, y / np.exp(log_threshold))


def _resonate_and_fire_unit(checkpoint: Checkpoint, prefix: str, y: Real) -> Real:
    return _linear(checkpoint, f"{prefix}.mix", _spikes(y - FIRE_THRESHOLD))


UNITS: dict[str, Callable[[Checkpoint, str, Real], Real]] = {
    "gsu": _gated_spiking_unit,
    "gsu_lean": _lean_gated_spiking_unit,
    "binary_s4d": partial(_glu, _spikes),
    "spiking_ssm": _integrate_and_fire_unit,
    "prf": _resonate_and_fire_unit,
    "s4d": partial(_glu, _gelu),
    "tanh": partial(_glu, np.tanh),
    "sigmoid": partial(_glu, _sigmoid),
}
"""Name of a model -> its unit over (sequences, steps, H), from the checkpoint's tensors below a prefix."""


def decoder(checkpoint: Checkpoint) -> tuple[Real, Real]:
    """The decoder (classes, H) and its bias, with a final BatchNorm folded in."""
    weight, bias = tensors(checkpoint, "decoder", "weight", "bias")
    if checkpoint.config.final_norm != "batch":
        return weight, bias
    gain, constant = affine_norm(checkpoint, "norm")
    return weight * gain, bias + weight @ constant


def forward(checkpoint: Checkpoint, u: Real, lengths: NDArray[np.int64] | None = None) -> dict[str, Real]:
    """Run the network.

    Parameters
    ----------
    u : (sequences, steps, features)
    lengths : (sequences,), optional

    Returns
    -------
    dict
        `encoder`, then `array_0` (y), `layer_0` (block output), ..., each (sequences, steps, H); and `logits`
        (sequences, classes). The names are those of a `quantize.network.Trace`; before a norm at the end of a
        block there is a `sum_0`, too, and behind a LayerNorm after the last block a `norm`.
    """
    lengths = np.full(len(u), u.shape[1]) if lengths is None else np.asarray(lengths)
    weight = checkpoint.tensors["encoder.weight"].astype(np.float64)
    x = u @ weight.T + checkpoint.tensors["encoder.bias"].astype(np.float64)
    values = {"encoder": x}
    config = checkpoint.config
    for layer in range(config.layers):
        given = x
        if config.norm_position == "pre" and not config.folds_norm:
            given = values[f"norm_{layer}"] = _block_norm(checkpoint, layer, x)
        y = state_space(checkpoint, layer).compute(given)
        x = x + UNITS[config.model](checkpoint, f"layers.{layer}.unit", y)
        if config.norm_position == "post":
            values[f"sum_{layer}"] = x
            x = _block_norm(checkpoint, layer, x)
        values |= {f"array_{layer}": y, f"layer_{layer}": x}
    if config.final_norm == "layer":
        x = values["norm"] = _layer_norm(x, *tensors(checkpoint, "norm", "weight", "bias"))
    if config.pooling == "mean":
        valid = np.arange(u.shape[1]) < lengths[:, None]
        pooled = (x * valid[:, :, None]).sum(1) / lengths[:, None]
    else:
        pooled = x[np.arange(len(x)), lengths - 1]
    weight, bias = decoder(checkpoint)
    return values | {"logits": pooled @ weight.T + bias}
