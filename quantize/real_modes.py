"""Real modes from a checkpoint: in real arithmetic, in integers, and as rounded tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from quantize.blocks import blocks
from quantize.calibration import Precision, StreamWords, bits_below
from quantize.coefficients import damping_words_of, output_formats, output_words, real_of, significant_values
from quantize.float_layers import folded_norm, tensors
from quantize.formats import Format, nearest, saturate
from quantize.layers.array import MOST_STATE_SHIFT, SHIFT_STEP
from quantize.layers.real_modes import RealModesSpec

if TYPE_CHECKING:  # a configuration names kinds, whose functions take what has a configuration
    from quantize.checkpoint import Checkpoint

Real = NDArray[np.float64]


@dataclass(frozen=True)
class RealModes:
    """One layer of real modes with a BatchNorm before it folded in: `y = S(x + offset)`.

    Attributes
    ----------
    poles : (H, N), above 0 and below 1
    residues : (H, N)
        `C Bbar` times the normalisation's gain: y = sum residues x + skip u.
    skip : (H,)
    offset : (H,)
        The normalisation's constant, added to its input.
    """

    poles: Real
    residues: Real
    skip: Real
    offset: Real

    def compute(self, x: Real) -> Real:
        """(sequences, steps, H) to the same shape."""
        from quantize import recurrences  # with numba: where something is computed

        return recurrences.filtered(
            np.ascontiguousarray(x + self.offset), self.poles, self.residues, self.skip
        )


def real_modes(checkpoint: Checkpoint, layer: int) -> RealModes:
    """The array of real modes of a layer, a BatchNorm before it folded in."""
    readout, log_step, log_rate, skip = tensors(
        checkpoint, f"layers.{layer}.ssm", "C", "log_dt", "log_A_real", "D"
    )
    gain, constant = folded_norm(checkpoint, layer)
    continuous, step = -np.exp(log_rate), np.exp(log_step)[:, None]
    poles = np.exp(step * continuous)
    drive = np.expm1(step * continuous) / continuous
    return RealModes(poles, readout * drive * gain[:, None], skip * gain, constant / gain)


def real_array(
    layer: RealModes, x: StreamWords, largest: float, given: Format, precision: Precision
) -> RealModesSpec:
    """The array in integers; see `quantize.kinds.ArrayKind.quantised`."""
    from quantize import recurrences  # with numba: where something is computed

    offset = given.quantise(layer.offset)
    ranges = np.zeros(layer.poles.shape)
    for part in blocks(len(x), x[0].size):
        u = given.real(saturate(x[part] + offset, given.width))
        ranges = np.maximum(ranges, recurrences.real_mode_ranges(u, layer.poles))
    # Each mode has its own power of two. The input only shifts right, by an even number of bits.
    top = (1 << (precision.state - 1)) - 1
    bits = np.minimum(bits_below(top, ranges), given.fraction)
    bits -= (given.fraction - bits) % SHIFT_STEP
    bits = np.maximum(bits, given.fraction - MOST_STATE_SHIFT)
    decay, decay_shift = damping_words_of(1.0 - layer.poles, precision.coefficients)
    # The output reads the states before the step; what u adds in the same step belongs to the skip path.
    weight = layer.residues * layer.poles * 2.0**-bits
    skip = (layer.skip + layer.residues.sum(1)) * 2.0**-given.fraction
    output, fraction = output_formats(largest, skip, weight)
    return RealModesSpec(
        input=given,
        output=output,
        state_width=precision.state,
        accumulator_fraction=fraction,
        offset=offset,
        skip=nearest(skip, fraction),
        decay_shift=decay_shift,
        decay=decay,
        weight=output_words(weight, fraction, precision.outputs),
        input_shift=given.fraction - bits,
    )


def rounded_real_modes(
    checkpoint: Checkpoint, layer: int, bits: int, array: RealModesSpec
) -> dict[str, Real]:
    """C, log_A_real and D of the rounded poles and output weights; the time step stays."""
    exact = real_modes(checkpoint, layer)
    poles = 1.0 - real_of(*damping_words_of(1.0 - exact.poles, bits))
    residues = significant_values(exact.residues * exact.poles, bits) / poles
    gain, _ = folded_norm(checkpoint, layer)
    (log_step,) = tensors(checkpoint, f"layers.{layer}.ssm", "log_dt")
    continuous = np.log(poles) / np.exp(log_step)[:, None]
    drive = (poles - 1.0) / continuous
    # What the residues add in an impulse's own step belongs to the skip path, which is not rounded.
    moved = exact.residues.sum(1) - residues.sum(1)
    return {
        "C": residues / (drive * gain[:, None]),
        "log_A_real": np.log(-continuous),
        "D": (exact.skip + moved) / gain,
    }
