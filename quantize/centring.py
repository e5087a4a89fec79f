"""Offsets of an array that make up for what rounding moves: bias correction, after Nagel et al. 2019."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from quantize.calibration import StreamWords, stream_words
from quantize.formats import Integers, saturate
from quantize.layers.array import ArraySpec

PROBE = 8
"""By so many units an offset is moved to see what that does to its channel's output."""
TRIALS = 3
LEAST_GAIN = 0.25
"""Units of output for one of an offset, below which a channel is left alone."""


def centred(
    spec: ArraySpec,
    x: StreamWords,
    spikes: Integers,
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
    spikes : (H,)
        In how many steps what it would make of that in real numbers exceeds the threshold.
    threshold : float
        That makes spikes of y.
    lengths : (sequences,), optional
    """
    counts = np.ones(x.shape[:2], dtype=bool)
    if lengths is not None:
        counts = np.arange(x.shape[1]) < lengths[:, None]

    def outputs(offset: Integers) -> StreamWords:
        moved = replace(spec, offset=offset)
        return stream_words(x.shape, lambda part: moved.outputs(x[part].astype(np.int64)))

    def error_of(y: StreamWords) -> NDArray[np.float64]:
        return np.array(
            [
                _excess(y[:, :, channel][counts], int(silent), threshold * 2.0**spec.output.fraction)
                for channel, silent in enumerate(np.count_nonzero(counts) - spikes)
            ]
        )

    offset, output = spec.offset, outputs(spec.offset)
    error = error_of(output)
    moved = outputs(saturate(offset + PROBE, spec.input.width))
    gain = np.array([_median_move(output, moved, channel, counts) for channel in range(x.shape[2])]) / PROBE
    del output, moved
    moves = np.abs(gain) >= LEAST_GAIN
    for _ in range(TRIALS):
        step = np.where(moves, -error / np.where(moves, gain, 1.0), 0.0)
        # Away from zero: the value that comes to lie on the threshold shall be past it.
        whole = np.sign(step) * np.ceil(np.abs(step))
        tried = saturate(offset + whole.astype(np.int64), spec.input.width)
        found = error_of(outputs(tried))
        better = np.abs(found) < np.abs(error)
        offset, error = np.where(better, tried, offset), np.where(better, found, error)
    return replace(spec, offset=offset)


def _median_move(before: StreamWords, after: StreamWords, channel: int, counts: NDArray[np.bool_]) -> float:
    """How far a channel's outputs move."""
    return float(np.median(after[:, :, channel][counts].astype(np.int32) - before[:, :, channel][counts]))


def _excess(y: NDArray[np.int16], silent: int, threshold: float) -> float:
    """How far a channel's values lie too high, or too low, for all but so many to exceed the threshold."""
    ranks = max(silent - 1, 0), min(silent, len(y) - 1)
    ordered = np.partition(y, ranks)
    last_silent = float(ordered[ranks[0]]) - threshold if silent > 0 else 0.0
    first_spike = float(ordered[ranks[1]]) - threshold if silent < len(y) else 0.0
    return max(last_silent, 0.0) + min(first_spike, 0.0)
