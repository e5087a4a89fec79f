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
    threshold: float,
    lengths: NDArray[np.int64] | None = None,
) -> ArraySpec:
    """The array with the offsets that let each channel exceed a threshold as often as real numbers do.

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
    threshold : float
        That makes spikes of y.
    lengths : (sequences,), optional
    """
    counts = np.ones(x.shape[:2], dtype=bool)
    if lengths is not None:
        counts = np.arange(x.shape[1]) < lengths[:, None]
    spikes = (y[counts] > threshold).sum(0)

    def error_of(offset: Integers) -> NDArray[np.float64]:
        found = replace(spec, offset=offset).compute(x)[0][counts]
        return _excess(found.astype(np.float64) - threshold * 2.0**spec.output.fraction, spikes)

    offset, error = spec.offset, error_of(spec.offset)
    output, moved = (
        replace(spec, offset=each).compute(x)[0][counts]
        for each in (offset, saturate(offset + PROBE, spec.input.width))
    )
    gain = np.median(moved - output, axis=0) / PROBE
    moves = np.abs(gain) >= LEAST_GAIN
    for _ in range(TRIALS):
        step = np.where(moves, -error / np.where(moves, gain, 1.0), 0.0)
        # Away from zero: the value that comes to lie on the threshold shall be past it.
        whole = np.sign(step) * np.ceil(np.abs(step))
        tried = saturate(offset + whole.astype(np.int64), spec.input.width)
        found = error_of(tried)
        better = np.abs(found) < np.abs(error)
        offset, error = np.where(better, tried, offset), np.where(better, found, error)
    return replace(spec, offset=offset)


def _excess(y: NDArray[np.float64], spikes: Integers) -> NDArray[np.float64]:
    """How far each column of y lies too high, or too low, for so many of its values to exceed zero."""
    ordered = np.sort(y, axis=0)
    silent, columns = len(y) - spikes, np.arange(y.shape[1])
    last_silent = np.where(silent > 0, ordered[np.maximum(silent - 1, 0), columns], 0.0)
    first_spike = np.where(spikes > 0, ordered[np.minimum(silent, len(y) - 1), columns], 0.0)
    return np.maximum(last_silent, 0.0) + np.minimum(first_spike, 0.0)
