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
    spec: ArraySpec,
    x: Integers,
    y: NDArray[np.float64],
    lengths: NDArray[np.int64] | None = None,
    threshold: float | None = None,
) -> ArraySpec:
    """The array with the offsets that bring each channel's error closest to zero.

    A constant input, like an image's background, is rounded the same way in every step, and a slow mode adds
    that up; feedback below half a unit of the state does nothing. Where y stays close to a threshold, such a
    shift changes the spikes of most steps, though it is far smaller than what moves y otherwise.

    With a threshold the error is how far y is from crossing it as often as real numbers do. Without, it is
    the median: the error where y is most of the time, which rare large values do not move.

    Parameters
    ----------
    spec : ArraySpec
    x : (sequences, steps, H)
        What calibration gives to the array.
    y : (sequences, steps, H)
        What it would make of that in real numbers.
    lengths : (sequences,), optional
    threshold : float, optional
        That makes spikes of y, where there is a constant one.
    """
    counts = np.ones(x.shape[:2], dtype=bool)
    if lengths is not None:
        counts = np.arange(x.shape[1]) < lengths[:, None]
    wanted = y[counts]

    def error_of(offset: Integers) -> NDArray[np.float64]:
        found = spec.output.real(replace(spec, offset=offset).compute(x)[0][counts])
        if threshold is None:
            errors = np.median(found - wanted, axis=0)
        else:
            errors = _crossings(found, (wanted > threshold).sum(0), threshold)
        return np.asarray(errors * 2.0**spec.output.fraction)

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


def _crossings(y: NDArray[np.float64], spikes: Integers, threshold: float) -> NDArray[np.float64]:
    """How far each column of y lies too high for so many of its values to exceed the threshold.

    The middle between the last value that should and the first that should not; nothing where all are on one
    side, and should be.
    """
    ordered = np.sort(y, axis=0)
    silent = len(y) - spikes
    columns = np.arange(y.shape[1])
    below = ordered[np.maximum(silent - 1, 0), columns] - threshold
    above = ordered[np.minimum(silent, len(y) - 1), columns] - threshold
    middle = (below + above) / 2.0
    middle = np.where(spikes == 0, np.maximum(below, 0.0), middle)
    return np.where(silent == 0, np.minimum(above, 0.0), middle)
