"""A user's own sequences from a NumPy file: x (sequences, steps, features), optional y and lengths.

Numbers of x are taken at their value, of whatever type they are: the bytes of an image as 0 to 255, booleans
as 0 and 1. Whole numbers in y, and booleans, are labels; real numbers are targets of a network of one output.
"""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from statespike.models.tasks.split import drawn, held_out
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
    y, targets = _check_labels(arrays, len(x), path)
    lengths = _check_integers(arrays, "lengths", len(x), path)
    if lengths is not None and (lengths.min() < 1 or lengths.max() > x.shape[1]):
        raise TaskError(f"{path}: lengths must lie between 1 and the {x.shape[1]} steps of x")
    return Sequences(x, y, lengths, targets)


def _check_inputs(x: NDArray[Any], path: Path) -> NDArray[np.float32]:
    if x.ndim != 3 or 0 in x.shape:
        raise TaskError(f"{path}: x has shape {x.shape}; it must be (sequences, steps, features), none 0")
    if x.dtype.kind not in "fiub":
        raise TaskError(f"{path}: x is of type {x.dtype}; it must hold real numbers")
    with np.errstate(over="ignore"):
        single = x.astype(np.float32)
    if not np.isfinite(single).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(single))[0])
        raise TaskError(f"{path}: x holds {x[index]} at index {index}; keep to finite float32 numbers")
    return single


def _check_labels(
    arrays: dict[str, NDArray[Any]], sequences: int, path: Path
) -> tuple[NDArray[np.int64] | None, NDArray[np.float64] | None]:
    """Return the labels, or the real targets."""
    if "y" not in arrays:
        return None, None
    y = arrays["y"]
    if y.ndim > 1 and y.shape[0] == sequences:
        raise TaskError(
            f"{path}: y has shape {y.shape}; networks answer once, at the end of a sequence, so give one "
            "label or value a sequence"
        )
    if y.dtype.kind == "f" and y.shape == (sequences,):
        if not np.isfinite(y).all():
            raise TaskError(f"{path}: y holds {y[~np.isfinite(y)][0]}; keep to finite numbers")
        return None, y.astype(np.float64)
    if y.dtype.kind == "b":
        arrays = arrays | {"y": y.astype(np.int64)}
    labels = _check_integers(arrays, "y", sequences, path)
    assert labels is not None
    if labels.min() < 0:
        raise TaskError(f"{path}: y holds {labels.min()}; labels count from 0")
    return labels, None


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


def calibration_sequences(path: Path) -> Sequences:
    """Draw the sequences of a file that choose number formats; of a labelled file none that would test.

    Raises
    ------
    TaskError
        See `read_sequences`.
    """
    sequences = read_sequences(path)
    if sequences.y is None:
        return sequences.take(drawn(len(sequences), CALIBRATION_SEQUENCES))
    usable = np.flatnonzero(~held_out(sequences.y, HELD_OUT_EVERY, least=1))
    return sequences.take(usable[drawn(len(usable), CALIBRATION_SEQUENCES)])


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
