"""A user's own sequences from a CSV file, whose first line names its columns.

With a column `sequence` (or `sequence_id`, `id`) each line is a step, and the lines of a sequence stand
together; the other columns are its features, in the file's order. Without one each line is a sequence, and
the other columns are the steps of its only feature; a shorter sequence leaves the last ones empty. In both
forms a column `label` (or `class`, `target`, `y`) holds the class, by name or by number, or a real target.
Columns `time`, `timestamp` and `step` are left out.

The file is read line by line, and its values go through an unnamed file.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quantize.reading import reading
from quantize.words import count
from statespike.models.tasks.computed import Computed
from statespike.models.tasks.own import OwnData
from statespike.models.tasks.packed import Packer
from statespike.models.tasks.task import Sequences, TaskError

SEQUENCE = ("sequence", "sequence_id", "id")
LABEL = ("label", "class", "target", "y")
LEFT_OUT = ("time", "timestamp", "step")
"""What columns of a meaning are called, in any case."""
DELIMITERS = ",;\t"
MOST_CLASSES = 1000
SHOWN = 8
"""Names that a sentence lists."""
ADVICE = "give a first line that names the columns, and numbers below it"


class Columns(NamedTuple):
    """Which columns of a file are what.

    Parameters
    ----------
    names : list of str
    sequence, label : int or None
    left_out, values : list of int
    """

    names: list[str]
    sequence: int | None
    label: int | None
    left_out: list[int]
    values: list[int]


@dataclass
class Found:
    """The sequences of a file so far.

    Parameters
    ----------
    path : Path
    columns : Columns
    values : Packer
        Rows of one number for each feature.
    labels : list of str
        As they are written, one a sequence.
    """

    path: Path
    columns: Columns
    values: Packer
    labels: list[str] = field(default_factory=list)

    def numbers(self, line: int, fields: list[str], columns: list[int]) -> NDArray[np.float32]:
        """The numbers of some fields of a line."""
        try:
            with np.errstate(over="ignore"):
                found = np.array([fields[column] for column in columns], np.float64).astype(np.float32)
        except ValueError:
            found = np.array([_number(fields[column]) for column in columns], np.float32)  # None becomes nan
        if not np.isfinite(found).all():
            wrong = columns[int(np.flatnonzero(~np.isfinite(found))[0])]
            raise TaskError(
                f"{self.path}: line {line} has {fields[wrong]!r} in column {self.columns.names[wrong]!r}; "
                "give finite numbers"
            )
        return found

    def label(self, line: int, fields: list[str]) -> str:
        """The label of a line, empty without a column of labels."""
        if self.columns.label is None:
            return ""
        found = fields[self.columns.label].strip()
        if not found:
            raise TaskError(
                f"{self.path}: line {line} has no label; give one in column "
                f"{self.columns.names[self.columns.label]!r}"
            )
        return found


def read_table(path: Path) -> OwnData:
    """Read and check a CSV file.

    Raises
    ------
    TaskError
        When it is missing, empty or no table of numbers.
    """
    if not path.is_file():
        raise TaskError(f"{path}: no such file; {ADVICE}")
    with (
        reading(path, "not a table of text", ADVICE, TaskError),
        path.open(encoding="utf-8-sig", newline="") as file,
    ):
        first = file.readline()
        delimiter = max(DELIMITERS, key=first.count)
        lines = csv.reader(file, delimiter=delimiter, strict=True)
        columns = _columns(next(csv.reader([first], delimiter=delimiter, strict=True), []), path)
        whole = ((number, line) for number, line in enumerate(lines, 2) if line)
        with Packer(np.float32, (_features(columns),)) as values:
            found = Found(path, columns, values)
            (_rows if columns.sequence is None else _steps)(found, _checked(whole, columns, path))
            return _data(found, delimiter)


def _columns(names: list[str], path: Path) -> Columns:
    names = [name.strip() for name in names]
    if not any(names):
        raise TaskError(f"{path} is empty; {ADVICE}")
    if all(_number(name) is not None for name in names):
        raise TaskError(f"{path}: its first line holds numbers, not names; {ADVICE}")
    lower = [name.lower() for name in names]
    if len(set(lower)) < len(lower):
        twice = next(name for name in lower if lower.count(name) > 1)
        raise TaskError(f"{path}: two columns are called {twice!r}; give each its own name")
    meanings: list[int | None] = []
    for known in (SEQUENCE, LABEL):
        places = [place for place, name in enumerate(lower) if name in known]
        if len(places) > 1:
            raise TaskError(
                f"{path}: columns {names[places[0]]!r} and {names[places[1]]!r} could both be the "
                f"{known[0]}; keep one, or give the other another name"
            )
        meanings.append(places[0] if places else None)
    left_out = [place for place, name in enumerate(lower) if name in LEFT_OUT]
    values = [place for place in range(len(names)) if place not in (*meanings, *left_out)]
    if not values:
        raise TaskError(f"{path}: no column of numbers among {', '.join(names[:SHOWN])}; {ADVICE}")
    return Columns(names, meanings[0], meanings[1], left_out, values)


def _features(columns: Columns) -> int:
    return 1 if columns.sequence is None else len(columns.values)


def _checked(
    lines: Iterator[tuple[int, list[str]]], columns: Columns, path: Path
) -> Iterator[tuple[int, list[str]]]:
    for number, fields in lines:
        if len(fields) != len(columns.names):
            raise TaskError(
                f"{path}: line {number} has {count(len(fields), 'field')}, and the first line names "
                f"{count(len(columns.names), 'column')}; give every line as many"
            )
        yield number, fields


def _rows(found: Found, lines: Iterator[tuple[int, list[str]]]) -> None:
    """Each line is a sequence of one feature."""
    values = found.columns.values
    for number, fields in lines:
        given = [column for column in values if fields[column].strip()]
        if not given or given != values[: len(given)]:
            raise TaskError(
                f"{found.path}: line {number} has no number in column "
                f"{found.columns.names[next(c for c in values if c not in given)]!r}; only the last ones of "
                "a shorter sequence may be empty"
            )
        found.values.add(found.numbers(number, fields, given)[:, None])
        found.labels.append(found.label(number, fields))


def _steps(found: Found, lines: Iterator[tuple[int, list[str]]]) -> None:
    """Each line is a step of the sequence that it names."""
    names: set[str] = set()
    current: str | None = None
    steps: list[NDArray[np.float32]] = []
    assert found.columns.sequence is not None
    for number, fields in lines:
        name, label = fields[found.columns.sequence].strip(), found.label(number, fields)
        if not name:
            raise TaskError(f"{found.path}: line {number} does not say which sequence it belongs to")
        if name != current:
            if name in names:
                raise TaskError(
                    f"{found.path}: line {number} goes on with sequence {name!r} after another one; keep "
                    "the lines of a sequence together, and give each sequence its own name"
                )
            if steps:
                found.values.add(np.stack(steps))
            names.add(name)
            found.labels.append(label)
            current, steps = name, []
        elif label != found.labels[-1]:
            raise TaskError(
                f"{found.path}: line {number} labels sequence {name!r} {label!r}, and its first line "
                f"{found.labels[-1]!r}; networks answer once, at the end of a sequence, so give it one label"
            )
        steps.append(found.numbers(number, fields, found.columns.values))
    if steps:
        found.values.add(np.stack(steps))


def _data(found: Found, delimiter: str) -> OwnData:
    path, columns = found.path, found.columns
    if not len(found.values):
        raise TaskError(f"{path} holds no line below the names of its columns; {ADVICE}")
    packed = found.values.packed()
    steps, features = int(packed.counts.max()), _features(columns)
    inputs = Computed(lambda chosen: packed.padded(chosen, steps), len(packed), steps, features)
    y, targets, class_names = _labels(found)
    notes = (
        f"{path}: {count(len(packed), 'sequence')} of {_range(packed.counts)}, {_how(columns, delimiter)}",
        _told_labels(found, y, class_names),
    )
    return OwnData(
        str(path), path.name, Sequences(inputs, y, packed.counts, targets), class_names, notes=notes
    )


def _range(counts: NDArray[np.int64]) -> str:
    low, high = int(counts.min()), int(counts.max())
    return count(high, "step") if low == high else f"{low:,} to {count(high, 'step')}"


def _how(columns: Columns, delimiter: str) -> str:
    names = [columns.names[column] for column in columns.values]
    if columns.sequence is None:
        how = f"a line each, its steps in columns {names[0]!r} to {names[-1]!r}"
    else:
        how = (
            f"a line a step, told apart by column {columns.names[columns.sequence]!r}, with "
            f"{count(len(names), 'feature')} ({_listed(names)})"
        )
    if columns.left_out:
        how += f", without {_listed([columns.names[column] for column in columns.left_out])}"
    return how if delimiter == "," else f"{how}, separated by {delimiter!r}"


def _labels(found: Found) -> tuple[NDArray[np.int64] | None, NDArray[np.float64] | None, tuple[str, ...]]:
    """Return labels, real targets, and the names of classes."""
    if found.columns.label is None:
        return None, None, ()
    numbers = [_number(label) for label in found.labels]
    numeric = None not in numbers
    if numeric:
        values = np.array(numbers, np.float64)
        if not np.isfinite(values).all():
            wrong = found.labels[int(np.flatnonzero(~np.isfinite(values))[0])]
            raise TaskError(f"{found.path}: a label is {wrong!r}; give finite numbers, or names")
        if (values != np.round(values)).any():
            return None, values[:, None], ()
    # The numbers 1, 2, 10 in this order, names in the alphabet's.
    names = sorted(set(found.labels), key=(lambda name: (float(name), name)) if numeric else str)
    if len(names) > MOST_CLASSES:
        raise TaskError(
            f"{found.path}: {len(names):,} different labels in column "
            f"{found.columns.names[found.columns.label]!r}, more than {MOST_CLASSES:,} classes; give real "
            "targets a decimal point, or fewer classes"
        )
    index = {name: label for label, name in enumerate(names)}
    return np.array([index[label] for label in found.labels], np.int64), None, tuple(names)


def _told_labels(found: Found, y: NDArray[np.int64] | None, class_names: tuple[str, ...]) -> str:
    if found.columns.label is None:
        return f"{found.path}: no column {', '.join(LABEL[:-1])} or {LABEL[-1]}, so no labels"
    column = repr(found.columns.names[found.columns.label])
    if y is None:
        return f"{found.path}: column {column} holds real targets, for it has numbers with fractions"
    return f"{found.path}: {count(len(class_names), 'class')} in column {column}: {_listed(class_names)}"


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(names[:SHOWN]) + (f", ... {names[-1]}" if len(names) > SHOWN else "")


def _number(text: str) -> float | None:
    """The number that a text says; None for none."""
    try:
        return float(text)
    except ValueError:
        return None
