"""A user's own sequences from a NumPy file: x (sequences, steps, features), optional y and lengths.

Numbers of x are taken at their value, of whatever type they are: the bytes of an image as 0 to 255, booleans
as 0 and 1. Whole numbers in y, and booleans, are labels; real numbers are targets of a network of one output.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quantize.npz import Npz
from statespike.models.tasks.split import drawn, held_out
from statespike.models.tasks.task import CALIBRATION_SEQUENCES, Sequences, Task, TaskError

HELD_OUT_EVERY = 10
ADVICE = "give an .npz with an array x, as numpy.savez writes it"


def read_sequences(path: Path, limit: int | None = None) -> Sequences:
    """Read and check a `.npz` file of sequences, or the first of them.

    Only what is asked for is kept, as float32.

    Raises
    ------
    TaskError
        When the file is missing or not an .npz, its arrays do not fit together, or take too much memory.
    """
    file = _opened(path)
    count = file.headers["x"].shape[0]
    chosen = np.arange(count if limit is None else min(limit, count))
    return _read(file, path, chosen)


def _opened(path: Path) -> Npz:
    """The file, with an array x of real sequences, and y and lengths or none."""
    file = Npz(path, ADVICE, TaskError)
    for name in file.headers:
        if name not in ("x", "y", "lengths"):
            raise TaskError(f"{path}: unknown array {name!r}; an .npz of sequences holds x, y and lengths")
    if "x" not in file.headers:
        raise TaskError(f"{path}: no array x; it must hold x of shape (sequences, steps, features)")
    shape, dtype = file.headers["x"].shape, file.headers["x"].dtype
    if len(shape) != 3 or 0 in shape:
        raise TaskError(f"{path}: x has shape {shape}; it must be (sequences, steps, features), none 0")
    if dtype.kind not in "fiub":
        raise TaskError(f"{path}: x is of type {dtype}; it must hold real numbers")
    return file


def _read(file: Npz, path: Path, chosen: NDArray[np.int64]) -> Sequences:
    """The sequences of these numbers, which rise."""
    x = _inputs(file, path, chosen)
    y, targets = _labels(file, path, chosen)
    lengths = _integers(file, "lengths", path, chosen)
    if lengths is not None and (lengths.min() < 1 or lengths.max() > x.shape[1]):
        raise TaskError(f"{path}: lengths must lie between 1 and the {x.shape[1]} steps of x")
    return Sequences(x, y, lengths, targets)


def _inputs(file: Npz, path: Path, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
    shape = file.headers["x"].shape
    file.require_room("x", len(chosen) * shape[1] * shape[2] * np.dtype(np.float32).itemsize)
    result = np.empty((len(chosen), *shape[1:]), np.float32)
    start = 0
    for block in file.blocks("x", int(chosen[-1]) + 1):
        first, last = np.searchsorted(chosen, (start, start + len(block)))
        part, rows = result[first:last], chosen[first:last]
        with np.errstate(over="ignore"):
            part[:] = block[rows - start]
        if not np.isfinite(part).all():
            index = tuple(int(i) for i in np.argwhere(~np.isfinite(part))[0])
            place = (int(rows[index[0]]), *index[1:])
            value = block[place[0] - start, *index[1:]]
            raise TaskError(f"{path}: x holds {value} at index {place}; keep to finite float32 numbers")
        start += len(block)
    return result


def _labels(
    file: Npz, path: Path, chosen: NDArray[np.int64]
) -> tuple[NDArray[np.int64] | None, NDArray[np.float64] | None]:
    """Return the labels, or the real targets."""
    if "y" not in file.headers:
        return None, None
    header, sequences = file.headers["y"], file.headers["x"].shape[0]
    if len(header.shape) > 1 and header.shape[0] == sequences:
        raise TaskError(
            f"{path}: y has shape {header.shape}; networks answer once, at the end of a sequence, so give "
            "one label or value a sequence"
        )
    if header.dtype.kind == "f" and header.shape == (sequences,):
        y = file.rows("y", int(chosen[-1]) + 1)[chosen]
        if not np.isfinite(y).all():
            raise TaskError(f"{path}: y holds {y[~np.isfinite(y)][0]}; keep to finite numbers")
        return None, y.astype(np.float64)[:, None]
    labels = _integers(file, "y", path, chosen, kinds="iub")
    assert labels is not None
    if labels.min() < 0:
        raise TaskError(f"{path}: y holds {labels.min()}; labels count from 0")
    return labels, None


def _integers(
    file: Npz, name: str, path: Path, chosen: NDArray[np.int64], kinds: str = "iu"
) -> NDArray[np.int64] | None:
    if name not in file.headers:
        return None
    header, sequences = file.headers[name], file.headers["x"].shape[0]
    if header.shape != (sequences,):
        raise TaskError(f"{path}: {name} has shape {header.shape}; x holds {sequences} sequences")
    if header.dtype.kind not in kinds:
        raise TaskError(f"{path}: {name} is of type {header.dtype}; it must hold integers")
    values = file.rows(name, int(chosen[-1]) + 1)[chosen]
    if values.max() > np.iinfo(np.int64).max:
        raise TaskError(f"{path}: {name} holds {values.max()}, which no int64 holds")
    return values.astype(np.int64)


def calibration_sequences(path: Path) -> Sequences:
    """Draw the sequences of a file that choose number formats; of a labelled file none that would test.

    No others are kept, so a file may be larger than memory.

    Raises
    ------
    TaskError
        See `read_sequences`.
    """
    file = _opened(path)
    usable = np.arange(file.headers["x"].shape[0])
    labels, _ = _labels(file, path, usable)
    if labels is not None:
        usable = np.flatnonzero(~held_out(labels, HELD_OUT_EVERY, least=1))
    return _read(file, path, usable[drawn(len(usable), CALIBRATION_SEQUENCES)])


def file_task(path: Path) -> Task:
    """Make a task of a labelled file: a tenth of every class is the test set, the other sequences train.

    What is drawn follows from the labels alone, whatever order they stand in. Evaluating a network on a whole
    file takes `read_sequences`.

    Raises
    ------
    TaskError
        When the file has no labels, too few sequences, or a class that lacks sequences to train or to test.
    """
    sequences = read_sequences(path)
    if sequences.targets is not None:
        raise TaskError(
            f"{path}: y holds real numbers; training tells classes apart, so give whole numbers from 0 on"
        )
    if sequences.y is None:
        raise TaskError(f"{path}: no array y; training needs a label for every sequence")
    if len(sequences) < HELD_OUT_EVERY:
        raise TaskError(
            f"{path}: {len(sequences)} sequences are too few to train; give {HELD_OUT_EVERY} or more"
        )
    classes = _check_classes(sequences.y, path)
    tested = held_out(sequences.y, HELD_OUT_EVERY, least=1)
    train = sequences.take(np.flatnonzero(~tested))
    test = sequences.take(np.flatnonzero(tested))
    return Task(
        path.stem,
        features=sequences.x.shape[2],
        classes=classes,
        load_train=lambda: train,
        load_test=lambda: test,
        load_calibration=lambda: train.take(drawn(len(train), CALIBRATION_SEQUENCES)),
    )


def _check_classes(labels: NDArray[np.int64], path: Path) -> int:
    """Return the number of classes, each of which has sequences to train and to test."""
    found, counts = np.unique(labels, return_counts=True)
    absent = np.flatnonzero(found != np.arange(len(found)))
    if len(absent):
        raise TaskError(
            f"{path}: no sequence of class {absent[0]}, though y goes to {found[-1]}; "
            "number the classes from 0 without gaps"
        )
    if len(found) < 2:
        raise TaskError(f"{path}: all labels are 0; give sequences of two or more classes")
    if counts.min() < 2:
        raise TaskError(
            f"{path}: one sequence of class {counts.argmin()}; give two or more, to train and to test"
        )
    return len(found)
