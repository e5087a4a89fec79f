"""What conversion shares: how many bits numbers keep, and formats from the values that calibration saw."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantize.blocks import blocks
from quantize.errors import StatespikeError
from quantize.formats import Format, Integers

# Calibration sees a part of the data: leave a quarter of the range above the largest value it shows.
HEADROOM = 1.25
StreamWords = NDArray[np.int16]
"""Integers (sequences, steps, H) of `STREAM_WIDTH` bits, which conversion keeps of all samples at once."""
LARGEST = 2.0**48
"""What no value may reach: no trained network's does."""


@dataclass(frozen=True)
class Precision:
    """How many bits the numbers of a quantised network keep.

    Parameters
    ----------
    coefficients : int
        Significant bits of the poles.
    state : int
        Bits of each of the two integers of a mode.
    outputs : int
        Significant bits of the arrays' output weights; as many as of the poles for 0.
    mixers : int
        Bits of the mixers' weights; as many as of the poles for 0.

    Raises
    ------
    StatespikeError
        If either is out of range.
    """

    coefficients: int = 8
    state: int = 14
    outputs: int = 0
    mixers: int = 0

    def __post_init__(self) -> None:
        for name in ("outputs", "mixers"):
            object.__setattr__(self, name, getattr(self, name) or self.coefficients)
        for name, value, low, high in (
            ("bits", self.coefficients, 3, 8),
            ("output bits", self.outputs, 3, 8),
            ("mixer bits", self.mixers, 3, 8),
            ("state bits", self.state, 6, 16),
        ):
            if not low <= value <= high:
                raise StatespikeError(f"{value} {name} is out of range, choose {low} to {high}")


def format_for(largest: float, width: int) -> Format:
    """The finest format of `width` bits that holds values up to this magnitude with headroom."""
    largest = max(largest * HEADROOM, 2.0**-width)
    if not largest < LARGEST:
        raise StatespikeError(
            f"a layer's values reach {largest:.3g}, which no fixed-point format here holds; "
            "look for weights or samples that are far too large"
        )
    return Format(width, width - 1 - int(np.ceil(np.log2(largest))))


def bits_below(top: int, largest: NDArray[np.float64]) -> Integers:
    """Fraction bits at which `largest`, with headroom, stays within `top`."""
    return np.floor(np.log2(top / np.maximum(largest * HEADROOM, 2.0**-32))).astype(np.int64)


def stream_words(shape: tuple[int, int, int], compute: Callable[[slice], Integers]) -> StreamWords:
    """Words (sequences, steps, H) of the stream's width, computed for a slice of the sequences at a time."""
    words = np.empty(shape, np.int16)
    for part in blocks(shape[0], shape[1] * shape[2]):
        words[part] = compute(part)
    return words
