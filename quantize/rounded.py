"""The real numbers that the words of a quantised network stand for, as tensors of a checkpoint.

Fine-tuning runs a network on these and moves the numbers behind them. Poles, output weights and mixers
are rounded by the functions that conversion uses. What conversion decides by calibration, the scales of
states and streams, is left out but for that of stiffness, which a network keeps from where it starts; and so
is all that keeps 9 bits or more, and the decoder.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantize import float_reference
from quantize.checkpoint import Checkpoint
from quantize.coefficients import coefficient_words, damping_words_of, mixer_words, stabilised
from quantize.formats import Integers, nearest, significant
from quantize.poles import leapfrog, output_weights

Real = NDArray[np.float64]
# Bits that a weight is held in before all but its significant ones are dropped.
FINE = 40
# A pair of poles that rounding makes real is kept as one, turned by this share of its distance from 1.
TURN = 0.05


def rounded_tensors(
    checkpoint: Checkpoint, bits: int, position_shifts: Sequence[Integers]
) -> dict[str, Real]:
    """Every tensor that words of `bits` bits change, by its name.

    Of each layer the `position_shift` (H, N) of its `ArraySpec` is needed: the word of a mode's stiffness
    grows with it, and a slow mode's would vanish beside those of fast ones without it.

    A Gated Spiking Unit's `weight` is that of the real path: its ternary table comes from the weights
    themselves.
    """
    tensors = checkpoint.tensors
    found: dict[str, Real] = {}
    for layer in range(checkpoint.config.layers):
        prefix = f"layers.{layer}"
        state_space = _state_space(checkpoint, layer, bits, position_shifts[layer])
        found |= {f"{prefix}.ssm.{name}": value for name, value in state_space.items()}
        if f"{prefix}.unit.norm.running_var" in tensors:
            gain, _ = float_reference.affine_norm(checkpoint, f"{prefix}.unit.norm")
        else:
            gain = np.ones(checkpoint.config.channels)
        weights = [name for name in tensors if name.startswith(f"{prefix}.unit.") and tensors[name].ndim == 2]
        rounded = _fixed(np.stack([tensors[name] for name in weights]), gain, bits)
        found |= dict(zip(weights, rounded, strict=True))
        if checkpoint.config.model == "sigmoid":
            # Conversion moves half of the weights' sums into the biases, and does not round those.
            for name in weights:
                bias = name.replace("weight", "bias")
                found[bias] = tensors[bias] + (tensors[name] - found[name]).sum(1) / 2.0
    return found


def rounded_checkpoint(checkpoint: Checkpoint, bits: int, position_shifts: Sequence[Integers]) -> Checkpoint:
    """The network of `rounded_tensors`; not of a Gated Spiking Unit, whose table is of its exact weights."""
    rounded = rounded_tensors(checkpoint, bits, position_shifts)
    tensors = checkpoint.tensors | {name: value.astype(np.float32) for name, value in rounded.items()}
    return replace(checkpoint, tensors=tensors)


def _real(words: Integers, fraction: int | Integers) -> Real:
    return np.ldexp(words.astype(np.float64), -fraction)


def _fixed(values: NDArray[np.floating[Any]], gain: Real, bits: int) -> Real:
    """Rounded to words of one scale together with the gain (H,) that conversion folds into the last axis."""
    words, fraction = mixer_words(values * gain, bits)
    return _real(words, fraction) / np.where(gain == 0.0, 1.0, gain)


def _significant(values: Real, bits: int) -> Real:
    fraction = FINE - int(np.ceil(np.log2(max(float(np.abs(values).max()), 2.0**-FINE))))
    return _real(significant(nearest(values, fraction), bits), fraction)


def _state_space(checkpoint: Checkpoint, layer: int, bits: int, position_shift: Integers) -> dict[str, Real]:
    """C, log_A_real, A_imag and D of the rounded poles and output weights; the time step stays."""
    space = float_reference.state_space(checkpoint, layer)
    exact_damping, exact_stiffness = leapfrog(space.poles)
    words, shift = damping_words_of(exact_damping, bits)
    damping = _real(words, shift)
    words, shift = coefficient_words(exact_stiffness * 2.0**position_shift, bits)
    fraction = shift + position_shift
    stiffness = _real(stabilised(damping, words, fraction, bits), fraction)

    half_trace = (2.0 - damping - stiffness) / 2.0
    radius = np.sqrt(1.0 - damping)
    height = np.sqrt(np.maximum(1.0 - damping - half_trace**2, (TURN * (1.0 - radius)) ** 2))
    # Of a real pair the magnitude is kept and the angle made small.
    width = np.sign(half_trace) * np.sqrt(1.0 - damping - height**2)
    upper = np.where(space.poles.imag < 0, -1.0, 1.0)
    poles = width + 1j * upper * height

    of_position, of_velocity = output_weights(space.poles, space.residues)
    of_position, of_velocity = _significant(of_position, bits), _significant(of_velocity, bits)
    # The two first steps after an impulse give the residue: Re(z) and Re(z pole), z = residue times pole.
    velocity = 1.0 - damping - stiffness
    first = of_position + of_velocity
    second = of_position * (1.0 + velocity) + of_velocity * velocity
    residues = (first + 1j * (first * poles.real - second) / poles.imag) / poles

    gain, _ = float_reference.folded_norm(checkpoint, layer)
    (log_step,) = float_reference.tensors(checkpoint, f"layers.{layer}.ssm", "log_dt")
    step = np.exp(log_step)[:, None]
    if checkpoint.config.discretisation == "zoh":
        continuous = np.log(poles) / step
        drive = (poles - 1.0) / continuous
    else:
        continuous = 2.0 / step * (poles - 1.0) / (poles + 1.0)
        drive = step / (1.0 - step * continuous / 2.0)
    readout = residues / (2.0 * drive * gain[:, None])
    # What the residues add in an impulse's own step belongs to the skip path, which is not rounded.
    moved = space.residues.real.sum(1) - residues.real.sum(1)
    return {
        "C": np.stack([readout.real, readout.imag], axis=-1),
        "log_A_real": np.log(-continuous.real),
        "A_imag": continuous.imag,
        "D": (space.skip + moved) / gain,
    }
