"""The real numbers that the words of a quantised network stand for, as tensors of a checkpoint.

Fine-tuning runs a network on these and moves the numbers behind them. Poles, output weights and mixers
are rounded by the functions that conversion uses. What conversion decides by calibration, the scales of
states and streams, is left out but for what an array's words depend on, which a network keeps from where it
starts; and so is all that keeps 9 bits or more, and the decoder.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantize import float_layers
from quantize.checkpoint import Checkpoint
from quantize.coefficients import mixer_words, real_of
from quantize.kinds import ARRAYS, UNITS
from quantize.layers.array import ArraySpec

Real = NDArray[np.float64]


def rounded_tensors(checkpoint: Checkpoint, bits: int, arrays: Sequence[ArraySpec]) -> dict[str, Real]:
    """Every tensor that words of `bits` bits change, by its name.

    `arrays` are those of each layer as conversion made them, for the scales of their states.

    A Gated Spiking Unit's `weight` is that of the real path: its ternary table comes from the weights
    themselves.
    """
    tensors = checkpoint.tensors
    found: dict[str, Real] = {}
    for layer in range(checkpoint.config.layers):
        prefix = f"layers.{layer}"
        kind = ARRAYS[checkpoint.config.arrays[layer]]
        of_array = kind.rounded(checkpoint, layer, bits, arrays[layer])
        found |= {f"{prefix}.ssm.{name}": value for name, value in of_array.items()}
        if f"{prefix}.unit.norm.running_var" in tensors:
            gain, _ = float_layers.affine_norm(checkpoint, f"{prefix}.unit.norm")
        else:
            gain = np.ones(checkpoint.config.channels)
        weights = [name for name in tensors if name.startswith(f"{prefix}.unit.") and tensors[name].ndim == 2]
        rounded = _fixed(np.stack([tensors[name] for name in weights]), gain, bits)
        found |= dict(zip(weights, rounded, strict=True))
        share = UNITS[checkpoint.config.model].bias_share
        if share:
            # Conversion moves it into the biases, and does not round those.
            for name in weights:
                bias = name.replace("weight", "bias")
                found[bias] = tensors[bias] + (tensors[name] - found[name]).sum(1) * share
    return found


def rounded_checkpoint(checkpoint: Checkpoint, bits: int, arrays: Sequence[ArraySpec]) -> Checkpoint:
    """The network of `rounded_tensors`; not of a Gated Spiking Unit, whose table is of its exact weights."""
    rounded = rounded_tensors(checkpoint, bits, arrays)
    tensors = checkpoint.tensors | {name: value.astype(np.float32) for name, value in rounded.items()}
    return replace(checkpoint, tensors=tensors)


def _fixed(values: NDArray[np.floating[Any]], gain: Real, bits: int) -> Real:
    """Rounded to words of one scale together with the gain (H,) that conversion folds into the last axis."""
    words, fraction = mixer_words(values * gain, bits)
    return real_of(words, fraction) / np.where(gain == 0.0, 1.0, gain)
