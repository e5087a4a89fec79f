"""Ternary matrices as others store them: -1, 0 and 1, or those times one scale."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantize.errors import StatespikeError
from quantize.formats import Integers
from quantize.reading import reading, require_file

MOST_ENTRIES = 1 << 20
"""Of a matrix whose circuit is made; more take minutes, and more memory than the devices have."""
MOST_DIFFERENCE = 1e-6
"""Relative difference of two scales that are the same one, rounded."""


@dataclass(frozen=True, eq=False)
class TernaryWeights:
    """Weights `scale * table`.

    Parameters
    ----------
    table : (inputs, outputs) of -1, 0 and 1
    scale : float
        What sums of the table's are to be multiplied by.
    """

    table: Integers
    scale: float


def read_weights(path: Path, *, transpose: bool = False) -> TernaryWeights:
    """The matrix of a .npy file.

    Parameters
    ----------
    path : Path
    transpose : bool
        The file has a row for each output, as linear layers of PyTorch do.

    Raises
    ------
    StatespikeError
        If it is no .npy file of plain numbers, or not a ternary matrix.
    """
    advice = "write one with numpy.save(path, weights)"
    require_file(path, advice)
    with reading(path, "not a .npy file of plain numbers", advice), np.errstate(over="raise"):
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray):
        array.close()
        raise StatespikeError(
            f"{path} holds several arrays; save the one matrix with numpy.save(path, weights)"
        )
    return weights_of(array, str(path), transpose=transpose)


def weights_of(array: NDArray[Any], origin: str, *, transpose: bool = False) -> TernaryWeights:
    """A matrix from some file.

    Parameters
    ----------
    array : real or integer (inputs, outputs)
    origin : str
        File and tensor, for errors.
    transpose : bool
        The matrix is (outputs, inputs).

    Raises
    ------
    StatespikeError
        See `ternary`; it names the origin.
    """
    try:
        weights = ternary(array)
    except StatespikeError as error:
        raise StatespikeError(f"{origin}: {error}") from error
    return TernaryWeights(weights.table.T.copy(), weights.scale) if transpose else weights


def ternary(array: NDArray[Any]) -> TernaryWeights:
    """Table and scale of a matrix whose entries are -s, 0 and s.

    Raises
    ------
    StatespikeError
        If it has another shape or type, is too large, or has other values.
    """
    if array.ndim != 2 or not array.size:
        raise StatespikeError(
            f"the weights have shape {array.shape}; a mixer takes a matrix (inputs, outputs)"
        )
    if array.size > MOST_ENTRIES:
        raise StatespikeError(
            f"the weights are {array.shape[0]} x {array.shape[1]}, {array.size:,} entries; a mixer is made "
            f"of {MOST_ENTRIES:,} at most: split the matrix"
        )
    if array.dtype.kind not in "iuf":
        raise StatespikeError(f"the weights are of type {array.dtype}; a mixer takes integers or floats")
    values = np.asarray(array, dtype=np.float64)
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        row, column = wrong[0]
        raise StatespikeError(f"weight ({row}, {column}) is {values[row, column]}")
    magnitudes = np.abs(values)
    scale = float(magnitudes.max())
    if not scale:
        raise StatespikeError("all weights are zero, so there is nothing to compute")
    other = np.argwhere((magnitudes != 0) & (magnitudes < scale * (1 - MOST_DIFFERENCE)))
    if len(other):
        row, column = other[0]
        raise StatespikeError(
            f"weight ({row}, {column}) is {values[row, column]:g}, but the largest magnitude is {scale:g}; "
            "ternary weights are -s, 0 and s with one scale s: quantise them first"
        )
    return TernaryWeights(np.sign(values).astype(np.int64), scale)
