"""Offsets of an array that make up for what rounding moves: bias correction, after Nagel et al. 2019."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from quantize.formats import Integers, saturate
from quantize.layers.array import ArraySpec

PROBE = 8
"""By so many units an offset is moved to see what that does to its channel's output."""
TRIALS = 3
LEAST_GAIN = 0.25
"""Units of output for one of an offset, below which a channel is left alone."""


def centred(
    spec: ArraySpec, x: Integers, y: NDArray[np.float64], lengths: NDArray[np.int64] | None = None
) -> ArraySpec:
    """The array with the offsets that bring each channel's mean output closest to the real one.

    A constant input, like an image's background, is rounded the same way in every step, and a slow mode adds
    that up; feedback below half a unit of the state does nothing. Where y stays close to a threshold, such a
    shift changes the spikes of most steps, though it is far smaller than what moves y otherwise.

    Parameters
    ----------
    spec : ArraySpec
    x : (sequences, steps, H)
        What calibration gives to the array.
    y : (sequences, steps, H)
        What it would make of that in real numbers.
    lengths : (sequences,), optional
    """
    counts = np.ones(x.shape[:2], dtype=bool)
    if lengths is not None:
        counts = np.arange(x.shape[1]) < lengths[:, None]

    def error_of(offset: Integers) -> NDArray[np.float64]:
        output, _ = replace(spec, offset=offset).compute(x)
        return np.asarray((output - y * 2.0**spec.output.fraction)[counts].mean(0))

    offset, error = spec.offset, error_of(spec.offset)
    gain = (error_of(saturate(offset + PROBE, spec.input.width)) - error) / PROBE
    moves = np.abs(gain) >= LEAST_GAIN
    for _ in range(TRIALS):
        step = np.where(moves, -error / np.where(moves, gain, 1.0), 0.0)
        tried = saturate(offset + np.rint(step).astype(np.int64), spec.input.width)
        found = error_of(tried)
        better = np.abs(found) < np.abs(error)
        offset, error = np.where(better, tried, offset), np.where(better, found, error)
    return replace(spec, offset=offset)
