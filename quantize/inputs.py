"""The number format and the kind of a circuit's input, read off samples of what it will be given."""

from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

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


def require_sequences(
    shape: tuple[int, ...], features: int, lengths: ArrayLike | None = None, what: str = "the data"
) -> NDArray[np.int64]:
    """Valid steps of sequences, after a look at whether they suit a network.

    Parameters
    ----------
    shape : tuple of int
        Of their real values; (sequences, steps, features) suits.
    features : int
        Of the network.
    lengths : integers (sequences,), optional
        Valid steps of each; all by default.
    what : str
        What they are, for the sentence.

    Raises
    ------
    StatespikeError
        If the shape is another one or holds nothing, or lengths are no numbers of its steps.
    """
    if len(shape) != 3 or shape[2] != features or 0 in shape:
        raise StatespikeError(f"{what} has shape {shape}, the network takes (sequences, steps, {features})")
    if lengths is None:
        return np.full(shape[0], shape[1], np.int64)
    valid = np.asarray(lengths)
    if valid.shape != shape[:1] or valid.dtype.kind not in "iu":
        raise StatespikeError(
            f"lengths have shape {valid.shape} and type {valid.dtype}; give one integer for each of the "
            f"{shape[0]} sequences"
        )
    if valid.min() < 1 or valid.max() > shape[1]:
        raise StatespikeError(
            f"lengths go from {valid.min()} to {valid.max()}; they must lie between 1 and the {shape[1]} "
            f"steps of {what}"
        )
    return valid.astype(np.int64)


def require_finite(x: NDArray[Any], what: str = "the data") -> NDArray[Any]:
    """Real numbers as they are given, after a look at each.

    Raises
    ------
    StatespikeError
        If they are of another type, or one is not finite.
    """
    if x.dtype.kind not in "fiub":
        raise StatespikeError(f"{what} is of type {x.dtype}; it must hold real numbers")
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        index = tuple(int(place) for place in np.argwhere(~np.isfinite(x))[0])
        raise StatespikeError(f"{what} holds {x[index]} at index {index}; leave such sequences out")
    return x


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
    what = "a calibration sample"
    parts = [require_finite(samples[part], what) for part in blocks(len(samples), samples[0].size)]
    largest = float(np.max([np.abs(part.astype(np.float64)).max() for part in parts]))
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
