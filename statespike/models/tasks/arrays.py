"""A user's own sequences from a NumPy file: x (sequences, steps, features), optional y and lengths.

Instead of x there may be several arrays, x_acceleration and x_rotation for instance, that differ in their
features alone; they are joined in the order of their names. Numbers are taken at their value, whatever their
type: the bytes of an image as 0 to 255, booleans as 0 and 1.

Whole numbers in y are labels, of shape (sequences,) or, for one at each step, (sequences, steps), where -1
marks steps that count nowhere; booleans are labels 0 and 1. Labels of which several may hold are 0 or 1, of
shape (sequences, labels) or (sequences, steps, labels). Real numbers are targets: (sequences,) or (sequences,
outputs), or at each step (sequences, steps) or (sequences, steps, outputs).
"""

import shutil
import tempfile
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantize.npz import Header, Npz
from quantize.words import count
from statespike.models.tasks.computed import Computed
from statespike.models.tasks.own import OwnData
from statespike.models.tasks.packed import Packer
from statespike.models.tasks.task import UNLABELLED, Sequences, TaskError

ADVICE = "give an .npz with an array x, as numpy.savez writes it"
PART = "x_"
"""How the names of several arrays of features begin."""


def read_arrays(path: Path, limit: int | None = None) -> OwnData:
    """Read and check a `.npz` file of sequences, or the first of them.

    The inputs stay in the file until they are used, or in an unnamed one if it is compressed.

    Raises
    ------
    TaskError
        When the file is missing or not an .npz, its arrays do not fit together, or take too much memory.
    """
    file = Npz(path, ADVICE, TaskError)
    parts = sorted(name for name in file.headers if name == "x" or name.startswith(PART))
    for name in file.headers:
        if name not in (*parts, "y", "lengths"):
            raise TaskError(
                f"{path}: unknown array {name!r}; an .npz holds x (or several {PART}NAME), y and lengths"
            )
    if not parts:
        raise TaskError(f"{path}: no array x; it must hold x of shape (sequences, steps, features)")
    inputs = _inputs(file, parts, path, limit)
    y, targets, meaning = _labels(file, parts[0], path, limit)
    lengths = _integers(file, "lengths", parts[0], path, limit)
    if lengths is not None and (lengths.min() < 1 or lengths.max() > inputs.shape[1]):
        raise TaskError(f"{path}: lengths must lie between 1 and the {inputs.shape[1]} steps of {parts[0]}")
    joined = ", ".join(f"{name} ({file.headers[name].shape[2]})" for name in parts)
    note = (
        f"{path}: {count(len(inputs), 'sequence')} of {'up to ' if lengths is not None else ''}"
        f"{count(inputs.shape[1], 'step')}, {count(inputs.shape[2], 'feature')}"
        f"{f': {joined}, in this order' if len(parts) > 1 else ''}"
    )
    return OwnData(
        str(path),
        path.name,
        Sequences(inputs, y, lengths, targets),
        notes=(note, f"{path}: {meaning}"),
        several_labels=targets is not None and file.headers["y"].dtype.kind != "f",
    )


def _inputs(file: Npz, parts: list[str], path: Path, limit: int | None) -> Computed:
    first = file.headers[parts[0]].shape
    for name in parts:
        shape, dtype = file.headers[name].shape, file.headers[name].dtype
        if len(shape) != 3 or 0 in shape:
            raise TaskError(
                f"{path}: {name} has shape {shape}; it must be (sequences, steps, features), none 0"
            )
        if dtype.kind not in "fiub":
            raise TaskError(f"{path}: {name} is of type {dtype}; it must hold real numbers")
        if shape[:2] != first[:2]:
            raise TaskError(
                f"{path}: {name} has shape {shape} and {parts[0]} {first}; arrays that are joined agree in "
                "sequences and steps"
            )
    rows = first[0] if limit is None else min(limit, first[0])
    stored = [_checked(file, name, path, rows) for name in parts]

    def compute(chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.concatenate([part[chosen].astype(np.float32) for part in stored], axis=2)

    return Computed(compute, rows, first[1], sum(part.shape[2] for part in stored))


def _checked(file: Npz, name: str, path: Path, rows: int) -> NDArray[np.generic]:
    """The first rows of an array, every number looked at once."""
    header = file.headers[name]
    mapped = file.mapped(name)
    if mapped is not None:
        for _ in _numbers(file, name, path, rows):
            pass  # what is looked for raises
        return mapped[:rows]
    kept = _kept(header)
    size = rows * prod(header.shape[1:]) * kept.itemsize
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if size > free // 2:
        raise TaskError(
            f"{path}: {name} of shape {header.shape} takes {size / 2**30:.1f} GB unpacked, and "
            f"{tempfile.gettempdir()} has {free / 2**30:.1f} GB left; save it without compression"
        )
    with Packer(kept, header.shape[1:]) as unpacked:
        for block in _numbers(file, name, path, rows):
            unpacked.add(block)
        return unpacked.packed().values


def _kept(header: Header) -> np.dtype[Any]:
    """The type that holds an array's numbers: its own, or float32 in the place of a wider one."""
    narrow = header.dtype.itemsize < np.dtype(np.float32).itemsize
    return header.dtype if narrow else np.dtype(np.float32)


def _numbers(file: Npz, name: str, path: Path, rows: int) -> Iterator[NDArray[Any]]:
    """The first rows of an array, some at a time, all of them finite."""
    header, start = file.headers[name], 0
    for block in file.blocks(name, rows):
        with np.errstate(over="ignore"):
            part = block.astype(_kept(header))
        if header.dtype.kind == "f" and not np.isfinite(part).all():
            index = tuple(int(i) for i in np.argwhere(~np.isfinite(part))[0])
            place, value = (start + index[0], *index[1:]), block[index]
            raise TaskError(f"{path}: {name} holds {value} at index {place}; keep to finite float32 numbers")
        yield part
        start += len(block)


def _labels(
    file: Npz, first: str, path: Path, limit: int | None
) -> tuple[NDArray[np.int64] | None, NDArray[np.float64] | None, str]:
    """Return the labels, or the targets, and what y was taken for."""
    if "y" not in file.headers:
        return None, None, "no y, so no labels"
    header, (sequences, steps, _) = file.headers["y"], file.headers[first].shape
    if header.dtype.kind == "f" and header.shape[:1] == (sequences,):
        return None, *_targets(file, steps, path, limit)
    of_steps = header.shape == (sequences, steps)
    # Of two axes the second is that of steps, if it has their number.
    if header.dtype.kind in "iub" and not of_steps and len(header.shape) in (2, 3):
        return None, *_several_labels(file, first, path, limit)
    labels = _integers(file, "y", first, path, limit, "iub", (sequences, steps) if of_steps else None)
    assert labels is not None
    least = UNLABELLED if of_steps else 0
    if labels.min() < least:
        raise TaskError(
            f"{path}: y holds {labels.min()}; labels count from 0"
            f"{f', and {UNLABELLED} marks a step that has none' if of_steps else ''}"
        )
    return labels, None, f"y holds a label for each {'step' if of_steps else 'sequence'}"


def _several_labels(file: Npz, first: str, path: Path, limit: int | None) -> tuple[NDArray[np.float64], str]:
    """Return the labels of which several may hold as targets 0 and 1, and what they are."""
    header, (sequences, steps, _) = file.headers["y"], file.headers[first].shape
    labels = header.shape[-1]
    whole = header.shape in ((sequences, labels), (sequences, steps, labels))
    values = file.rows("y", limit) if whole and labels else np.array([2])
    if values.min() < 0 or values.max() > 1:
        raise TaskError(
            f"{path}: y has shape {header.shape}; whole numbers are labels of shape ({sequences},) or "
            f"({sequences}, {steps}), or 0 and 1 of shape ({sequences}, labels) or ({sequences}, {steps}, "
            "labels)"
        )
    each = "step" if len(header.shape) == 3 else "sequence"
    return values.astype(
        np.float64
    ), f"y holds {count(labels, 'label')} for each {each}, any of which may hold"


def _targets(file: Npz, steps: int, path: Path, limit: int | None) -> tuple[NDArray[np.float64], str]:
    """Return real targets with an axis of outputs, and what they are."""
    shape = file.headers["y"].shape
    if len(shape) > 3 or 0 in shape or (len(shape) == 3 and shape[1] != steps):
        raise TaskError(
            f"{path}: y has shape {shape}; targets are (sequences,), (sequences, outputs), "
            f"(sequences, {steps}) or (sequences, {steps}, outputs)"
        )
    y = file.rows("y", limit).astype(np.float64)
    if np.isinf(y).any() or (len(shape) == 1 and np.isnan(y).any()):
        raise TaskError(f"{path}: y holds {y[~np.isfinite(y)][0]}; keep to finite numbers")
    if shape[1:] in ((), (steps,)):
        y = y[..., None]
    return y, f"y holds {count(y.shape[-1], 'value')} for each {'step' if y.ndim == 3 else 'sequence'}"


def _integers(
    file: Npz,
    name: str,
    first: str,
    path: Path,
    limit: int | None,
    kinds: str = "iu",
    shape: tuple[int, ...] | None = None,
) -> NDArray[np.int64] | None:
    """Return integers of a shape, by default one a sequence; None if there are none."""
    if name not in file.headers:
        return None
    header, sequences = file.headers[name], file.headers[first].shape[0]
    if header.shape != (shape or (sequences,)):
        raise TaskError(f"{path}: {name} has shape {header.shape}; {first} holds {sequences} sequences")
    if header.dtype.kind not in kinds:
        raise TaskError(f"{path}: {name} is of type {header.dtype}; it must hold integers")
    values = file.rows(name, limit)
    if values.max() > np.iinfo(np.int64).max:
        raise TaskError(f"{path}: {name} holds {values.max()}, which no int64 holds")
    return values.astype(np.int64)
