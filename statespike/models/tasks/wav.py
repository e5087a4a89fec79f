"""WAV files of 16-bit mono samples, brought to the rate of the log-mel frames."""

import io
import wave

import numpy as np
from numpy.typing import NDArray

from quantize.reading import reading
from statespike.models.tasks.mel import RATE
from statespike.models.tasks.task import TaskError

FILTER_REACH = 16
"""Samples at the lower rate that the low-pass filter reaches to each side."""
LARGEST_FACTOR = 48
"""Between a file's rate and ours: up to 384 kHz."""


def parse_wav(content: bytes, title: str) -> tuple[int, NDArray[np.int16]]:
    """Return the sampling rate in Hz and the samples (n,) of a file.

    Raises
    ------
    TaskError
        When it is damaged, or not mono of 16 bits.
    """
    with (
        reading(title, "this is not a WAV file", "get the file again", TaskError),
        wave.open(io.BytesIO(content)) as file,
    ):
        rate, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
        expected = file.getnframes()
        frames = file.readframes(expected)
    if (channels, width) != (1, 2):
        raise TaskError(f"{title} has {channels} channels and {8 * width} bits; give mono of 16 bits")
    if len(frames) != expected * width or not frames:
        raise TaskError(
            f"{title} holds {len(frames)} bytes of samples where its header promises {expected * width}, or "
            "none at all; get the file again"
        )
    return rate, np.frombuffer(frames, "<i2").astype(np.int16)


def at_feature_rate(samples: NDArray[np.int16], rate: int, title: str) -> NDArray[np.int16]:
    """Return samples (n,) at 8 kHz, from a rate that is a multiple of it.

    A windowed sinc takes away what the lower rate cannot hold, with a corner at 0.9 of half that rate.

    Raises
    ------
    TaskError
        When the rate is no multiple, or no recorder's.
    """
    if rate == RATE:
        return samples
    factor = rate // RATE
    if not 1 <= factor <= LARGEST_FACTOR or factor * RATE != rate:
        most = LARGEST_FACTOR * RATE
        raise TaskError(f"{title} has {rate} Hz; give {RATE} Hz or a multiple of it, at most {most} Hz")
    reach = FILTER_REACH * factor
    taps = np.sinc(0.9 / factor * np.arange(-reach, reach + 1)) * np.hanning(2 * reach + 3)[1:-1]
    filtered = np.convolve(np.pad(samples.astype(np.float64), reach), taps / taps.sum(), "valid")
    return np.clip(np.round(filtered[::factor]), -32768, 32767).astype(np.int16)
