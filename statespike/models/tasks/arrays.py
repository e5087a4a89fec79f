"""A user's own sequences from a NumPy file: x float (sequences, steps, features), optional y and lengths."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from statespike.models.tasks.task import CALIBRATION_SEQUENCES, Sequences, Task, TaskError

HELD_OUT_EVERY = 10


def read_sequences(path: Path) -> Sequences:
    """Read and check a `.npz` file of sequences.

    Raises
    ------
    TaskError
        When the file is missing or not an .npz, or its arrays do not fit together.
    """
    if not path.is_file():
        raise TaskError(f"{path}: no such file; give the path of an .npz file with an array x")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, TypeError, zipfile.BadZipFile, EOFError) as error:
        raise TaskError(
            f"{path}: not an .npz file of plain arrays ({error}); write it with numpy.savez"
        ) from error
    for name in arrays:
        if name not in ("x", "y", "lengths"):
            raise TaskError(f"{path}: unknown array {name!r}; an .npz of sequences holds x, y and lengths")
    if "x" not in arrays:
        raise TaskError(f"{path}: no array x; it must hold x of shape (sequences, steps, features)")
    x = _check_inputs(arrays["x"], path)
    y = _check_integers(arrays, "y", len(x), path)
    lengths = _check_integers(arrays, "lengths", len(x), path)
    if y is not None and y.min() < 0:
        raise TaskError(f"{path}: y holds {y.min()}; labels count from 0")
    if lengths is not None and (lengths.min() < 1 or lengths.max() > x.shape[1]):
        raise TaskError(f"{path}: lengths must lie between 1 and the {x.shape[1]} steps of x")
    return Sequences(x, y, lengths)


def _check_inputs(x: NDArray[Any], path: Path) -> NDArray[np.float32]:
    if x.ndim != 3 or 0 in x.shape:
        raise TaskError(f"{path}: x has shape {x.shape}; it must be (sequences, steps, features), none 0")
    if not (np.issubdtype(x.dtype, np.floating) or np.issubdtype(x.dtype, np.integer)):
        raise TaskError(f"{path}: x is of type {x.dtype}; it must hold real numbers")
    with np.errstate(over="ignore"):
        single = x.astype(np.float32)
    if not np.isfinite(single).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(single))[0])
        raise TaskError(f"{path}: x holds {x[index]} at index {index}; keep to finite float32 numbers")
    return single


def _check_integers(
    arrays: dict[str, NDArray[Any]], name: str, sequences: int, path: Path
) -> NDArray[np.int64] | None:
    if name not in arrays:
        return None
    values = arrays[name]
    if values.shape != (sequences,):
        raise TaskError(f"{path}: {name} has shape {values.shape}; x holds {sequences} sequences")
    if not np.issubdtype(values.dtype, np.integer):
        raise TaskError(f"{path}: {name} is of type {values.dtype}; it must hold integers")
    return values.astype(np.int64)


def file_task(path: Path) -> Task:
    """Make a task of a labelled file: every tenth sequence is the test set, the others train.

    Evaluating a network on a whole file takes `read_sequences`.
    """
    sequences = read_sequences(path)
    if sequences.y is None:
        raise TaskError(f"{path}: no array y; training needs a label for every sequence")
    if len(sequences) < HELD_OUT_EVERY:
        raise TaskError(
            f"{path}: {len(sequences)} sequences are too few to train; give {HELD_OUT_EVERY} or more"
        )
    held_out = np.arange(len(sequences)) % HELD_OUT_EVERY == HELD_OUT_EVERY - 1
    train = sequences.take(np.flatnonzero(~held_out))
    test = sequences.take(np.flatnonzero(held_out))
    return Task(
        path.stem,
        features=sequences.x.shape[2],
        classes=int(sequences.y.max()) + 1,
        load_train=lambda: train,
        load_test=lambda: test,
        load_calibration=lambda: train.take(slice(CALIBRATION_SEQUENCES)),
    )
