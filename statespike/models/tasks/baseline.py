"""Taking the baseline out of a signal of heartbeats, step by step."""

import numba
import numpy as np

BASELINE_SHIFT = 6
"""The baseline is a running mean with a weight of 2**-6 a step: 0.53 s, a corner of 0.3 Hz."""


@numba.njit(cache=True)
def without_baseline(signal):
    """Subtract a running mean from a signal, integers (steps,) in both, as a circuit would.

    The mean m has 2**6 times the signal's resolution and begins at the first value: m <- m + s - floor(m/64);
    the result is s - floor(m/64), with m before its update.
    """
    result = np.empty_like(signal)
    mean = signal[0] << BASELINE_SHIFT if len(signal) else 0
    for step in range(len(signal)):
        result[step] = signal[step] - (mean >> BASELINE_SHIFT)
        mean += result[step]
    return result
