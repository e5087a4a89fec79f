"""The number format and the kind of a circuit's input, read off samples of what it will be given."""

from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from quantize.blocks import blocks
from quantize.calibration import LARGEST, format_for
from quantize.errors import StatespikeError
from quantize.formats import Format

NARROWEST, WIDEST = 9, 16
"""Bits of an input: at least a byte and a sign, at most an operand of the encoder's multiplier."""

SMALLEST = 2.0**-24
"""Magnitude below which the widest input has fewer than eight significant bits."""


class Inputs(Protocol):
    """Real inputs (sequences, steps, features), in memory or not; `numpy.asarray` of a slice is."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sequences, steps, features."""

    def __len__(self) -> int: ...

    def __getitem__(self, chosen: slice, /) -> Any: ...


class EncoderChoice(StrEnum):
    """What begins a network: a table of tokens, a product with the weights, or whichever the samples suit."""

    AUTO = "auto"
    TOKEN = "token"
    LINEAR = "linear"


def input_format(samples: NDArray[np.floating]) -> Format:
    """The narrowest format that holds every sample exactly, or else the widest, with headroom.

    Digitised signals (pixels, audio, a sensor's counts) are whole multiples of some power of two: the circuit
    then sees what the float network saw, to the last bit, and values beyond the samples' binary range
    saturate. Values that no format holds exactly are rounded to `WIDEST` bits.

    Parameters
    ----------
    samples : real (sequences, ...), with at least one value

    Raises
    ------
    StatespikeError
        If there is none, one is not finite, or all are too small or too large for the formats.
    """
    if not samples.size:
        raise StatespikeError("there are no calibration samples; give one sequence or more")
    parts = [samples[part] for part in blocks(len(samples), samples[0].size)]
    largest = float(np.max([np.abs(part).max() for part in parts]))
    if not np.isfinite(largest):
        raise StatespikeError("calibration samples must be finite numbers; leave other sequences out")
    if not SMALLEST <= largest < LARGEST:
        raise StatespikeError(
            f"the largest magnitude in the calibration samples is {largest:.3g}, and formats here hold from "
            f"{SMALLEST:.1g} to {LARGEST:.1g}; give samples of what the network was trained on, or scale "
            "them before training"
        )
    for width in range(NARROWEST, WIDEST + 1):
        finest = width - 1 - int(np.ceil(np.log2(largest)))
        # A power of two itself lies just beyond the largest value of the finest format.
        for candidate in (Format(width, finest), Format(width, finest - 1)):
            if all(np.array_equal(candidate.real(candidate.quantise(part)), part) for part in parts):
                return candidate
    return format_for(largest, WIDEST)
