"""A checkpoint's network in real arithmetic, in numpy: for calibration, and float accuracy without torch.

The definitions are those of `models/` (a test holds the two together); here every intermediate value is kept.
"""

from dataclasses import dataclass
from math import erf

import numba
import numpy as np
from numpy.typing import NDArray

from quantize.checkpoint import Checkpoint
from quantize.constants import THRESHOLD

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
NORM_EPSILON = 1e-5


@dataclass(frozen=True)
class StateSpace:
    """One S4D layer with the normalisation before it folded in: `y = S(x + offset)`.

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


def affine_norm(checkpoint: Checkpoint, prefix: str) -> tuple[Real, Real]:
    """A BatchNorm as gain and offset: `gain x + offset`, (H,) each."""
    tensor = {
        name: checkpoint.tensors[f"{prefix}.{name}"].astype(np.float64)
        for name in ("weight", "bias", "running_mean", "running_var")
    }
    gain = tensor["weight"] / np.sqrt(tensor["running_var"] + NORM_EPSILON)
    return gain, tensor["bias"] - gain * tensor["running_mean"]


def state_space(checkpoint: Checkpoint, layer: int) -> StateSpace:
    """The state-space model of a layer, its BatchNorm folded in."""
    tensor = {
        name: checkpoint.tensors[f"layers.{layer}.ssm.{name}"].astype(np.float64)
        for name in ("C", "log_dt", "log_A_real", "A_imag", "D")
    }
    gain, constant = affine_norm(checkpoint, f"layers.{layer}.norm")
    # A gain of zero would put the constant at infinity; this small it no longer reaches the output.
    gain = np.where(np.abs(gain) < 1e-6, 1e-6, gain)
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


def _gated_spiking_unit(checkpoint: Checkpoint, prefix: str, y: Real) -> Real:
    weight, bias, gain, shift = (
        checkpoint.tensors[f"{prefix}.{name}"].astype(np.float64)
        for name in ("weight", "bias", "norm.weight", "norm.bias")
    )
    threshold = float(THRESHOLD) * np.abs(y).max(-1, keepdims=True)
    ternary = np.sign(y) * (np.abs(y) > threshold)
    product = (ternary @ weight + bias) * (y @ ternary_weights(weight).astype(np.float64))
    centred = product - product.mean(-1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + NORM_EPSILON)
    normalised = centred / deviation * gain + shift
    return normalised * _normal_below(normalised)


def _spike_glu(checkpoint: Checkpoint, prefix: str, y: Real) -> Real:
    spikes = (y > 0).astype(np.float64)
    value, gate = (
        spikes @ checkpoint.tensors[f"{prefix}.{path}.weight"].astype(np.float64).T
        + checkpoint.tensors[f"{prefix}.{path}.bias"].astype(np.float64)
        for path in ("value", "gate")
    )
    return value / (1.0 + np.exp(-gate))


UNITS = {"gsu": _gated_spiking_unit, "binary_s4d": _spike_glu}


def decoder(checkpoint: Checkpoint) -> tuple[Real, Real]:
    """The decoder (classes, H) and its bias with the final BatchNorm folded in."""
    gain, constant = affine_norm(checkpoint, "norm")
    weight = checkpoint.tensors["decoder.weight"].astype(np.float64)
    return weight * gain, checkpoint.tensors["decoder.bias"].astype(np.float64) + weight @ constant


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
        (sequences, classes). The names are those of a `quantize.network.Trace`.
    """
    lengths = np.full(len(u), u.shape[1]) if lengths is None else np.asarray(lengths)
    weight = checkpoint.tensors["encoder.weight"].astype(np.float64)
    x = u @ weight.T + checkpoint.tensors["encoder.bias"].astype(np.float64)
    values = {"encoder": x}
    for layer in range(checkpoint.config.layers):
        y = state_space(checkpoint, layer).compute(x)
        x = x + UNITS[checkpoint.config.model](checkpoint, f"layers.{layer}.unit", y)
        values |= {f"array_{layer}": y, f"layer_{layer}": x}
    if checkpoint.config.pooling == "mean":
        valid = np.arange(u.shape[1]) < lengths[:, None]
        pooled = (x * valid[:, :, None]).sum(1) / lengths[:, None]
    else:
        pooled = x[np.arange(len(x)), lengths - 1]
    weight, bias = decoder(checkpoint)
    return values | {"logits": pooled @ weight.T + bias}
