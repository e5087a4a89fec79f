"""Log-mel frames: what a keyword spotter streams into its network, one frame of a few bands every hop.

Everything is fixed and nothing depends on a whole recording, so a circuit can compute the same as samples
arrive: a Hann window, the power spectrum, triangular bands on the mel scale (Davis and Mermelstein 1980), and
the binary logarithm in steps of an eighth (0.38 dB). A feature is a whole multiple of 1/128 within [-1, 1),
so the circuit's input is the float network's input to the last bit.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

RATE = 8000
"""Samples a second."""
WINDOW = 256
"""Samples of a frame, 32 ms; also the length of its Fourier transform."""
HOP = 128
"""Samples from a frame to the next, 16 ms."""
BANDS = 16
"""Unless a task asks for more."""
LOWEST_FREQUENCY = 100.0
"""Hz; the highest is half the sampling rate."""
FLOOR = 2.0**-16
"""Added to a band's power, so that the logarithm of digital silence is finite."""
LOG_STEPS = 8
"""Steps of a feature an octave of power."""
LOG_CENTRE = -4.0
"""Binary logarithm of the power that becomes 0: speech then fills [-0.75, 1)."""
FULL_SCALE = 128
"""Steps of a feature to 1."""


def _mel(frequency: NDArray[np.float64]) -> NDArray[np.float64]:
    return 2595.0 * np.log10(1.0 + frequency / 700.0)


@cache
def mel_bands(bands: int = BANDS) -> NDArray[np.float64]:
    """Return the weights of the triangular bands, (bands, WINDOW // 2 + 1)."""
    low, high = _mel(np.array([LOWEST_FREQUENCY, RATE / 2]))
    edges = 700.0 * (10.0 ** (np.linspace(low, high, bands + 2) / 2595.0) - 1.0)
    bins = np.arange(WINDOW // 2 + 1) * (RATE / WINDOW)
    widths = np.diff(edges)[:, None]
    rising = (bins - edges[:-2, None]) / widths[:-1]
    falling = (edges[2:, None] - bins) / widths[1:]
    return np.maximum(0.0, np.minimum(rising, falling))


def frame_count(samples: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """Return how many frames so many samples give."""
    return 1 + np.maximum(np.asarray(samples) - WINDOW, 0) // HOP


def log_mel(samples: NDArray[np.int16], bands: int = BANDS) -> NDArray[np.float32]:
    """Turn 16-bit samples (..., n) into frames (..., 1 + (n - WINDOW) // HOP, bands).

    Less than a window gives one frame, filled up with silence.
    """
    missing = max(0, WINDOW - samples.shape[-1])
    padded = np.pad(samples, [(0, 0)] * (samples.ndim - 1) + [(0, missing)]) / 2.0**15
    # The periodic Hann window, as a circuit's table would hold it.
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW, axis=-1)[..., ::HOP, :] * window
    power = np.abs(np.fft.rfft(frames)) ** 2 @ mel_bands(bands).T
    steps = np.round(LOG_STEPS * (np.log2(power + FLOOR) - LOG_CENTRE))
    return (np.clip(steps, -FULL_SCALE, FULL_SCALE - 1) / FULL_SCALE).astype(np.float32)
