"""A user's own sequences from a CSV file, whose first line names its columns.

With a column `sequence` (or `sequence_id`, `id`) each line is a step, and the lines of a sequence stand
together; the other columns are its features, in the file's order. Without one each line is a sequence, and
the other columns are the steps of its only feature; a shorter sequence leaves the last ones empty. In both
forms a column `label` (or `class`, `target`, `y`) holds the class, by name or by number, or a real target;
several columns `label_NAME` or `target_NAME` hold several (see `table_labels`). Columns `time`, `timestamp`
and `step` are left out.

The file is read line by line, and its values go through an unnamed file.
"""

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quantize.reading import reading, require_file
from quantize.words import count
from statespike.models.tasks.computed import Computed
from statespike.models.tasks.own import OwnData
from statespike.models.tasks.packed import Packer
from statespike.models.tasks.table_labels import SHOWN, LabelColumn, labels_of, listed
from statespike.models.tasks.task import Sequences, TaskError

SEQUENCE = ("sequence", "sequence_id", "id")
LABEL = ("label", "class", "target", "y")
SEVERAL = ("label_", "target_")
LEFT_OUT = ("time", "timestamp", "step")
"""What columns of a meaning are called, in any case; of `SEVERAL`, how their names begin."""
DELIMITERS = ",;\t"
NO_LABELS = f"no column {', '.join(LABEL)}, nor one that begins with {' or '.join(SEVERAL)}, so no labels"
ADVICE = "give a first line that names the columns, and numbers below it"


class Columns(NamedTuple):
    """Which columns of a file are what.

    Parameters
    ----------
    names : list of str
    sequence : int or None
    labels : list of int
    left_out, values : list of int
    """

    names: list[str]
    sequence: int | None
    labels: list[int]
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
    labels : list of LabelColumn
        As they are written, one a line.
    """

    path: Path
    columns: Columns
    values: Packer
    labels: list[LabelColumn]

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

    def take_labels(self, line: int, fields: list[str]) -> None:
        """Keep the labels of a line."""
        for column in self.labels:
            text = fields[column.place].strip()
            if not text:
                raise TaskError(f"{self.path}: line {line} has no label; give one in column {column.title!r}")
            column.texts.append(sys.intern(text))


def read_table(path: Path) -> OwnData:
    """Read and check a CSV file.

    Raises
    ------
    TaskError
        When it is missing, empty or no table of numbers.
    """
    require_file(path, ADVICE, TaskError)
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
            labels = [LabelColumn(columns.names[place], place) for place in columns.labels]
            found = Found(path, columns, values, labels)
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
    sequence, label = (_only(names, known, path) for known in (SEQUENCE, LABEL))
    several = [place for place, name in enumerate(lower) if name.startswith(SEVERAL)]
    if several and label is not None:
        raise TaskError(
            f"{path}: columns {names[label]!r} and {names[several[0]]!r} could both be the label; keep one, "
            "or give the other another name"
        )
    labels = several if label is None else [label]
    left_out = [place for place, name in enumerate(lower) if name in LEFT_OUT]
    values = [place for place in range(len(names)) if place not in (sequence, *labels, *left_out)]
    if not values:
        raise TaskError(f"{path}: no column of numbers among {', '.join(names[:SHOWN])}; {ADVICE}")
    return Columns(names, sequence, labels, left_out, values)


def _only(names: list[str], known: tuple[str, ...], path: Path) -> int | None:
    """The one column of a meaning, if there is one."""
    places = [place for place, name in enumerate(names) if name.lower() in known]
    if len(places) > 1:
        raise TaskError(
            f"{path}: columns {names[places[0]]!r} and {names[places[1]]!r} could both be the "
            f"{known[0]}; keep one, or give the other another name"
        )
    return places[0] if places else None


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
        found.take_labels(number, fields)


def _steps(found: Found, lines: Iterator[tuple[int, list[str]]]) -> None:
    """Each line is a step of the sequence that it names."""
    names: set[str] = set()
    current: str | None = None
    steps: list[NDArray[np.float32]] = []
    assert found.columns.sequence is not None
    for number, fields in lines:
        name = fields[found.columns.sequence].strip()
        found.take_labels(number, fields)
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
            current, steps = name, []
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
    lines = packed.counts if columns.sequence is not None else np.ones_like(packed.counts)
    labels = labels_of(found.labels, lines, path)
    notes = (
        f"{path}: {count(len(packed), 'sequence')} of {_range(packed.counts)}, {_how(columns, delimiter)}",
        f"{path}: {labels.told or NO_LABELS}",
    )
    return OwnData(
        str(path),
        path.name,
        Sequences(inputs, labels.y, packed.counts, labels.targets),
        labels.names,
        notes=notes,
        several_labels=labels.several,
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
            f"{count(len(names), 'feature')} ({listed(names)})"
        )
    if columns.left_out:
        how += f", without {listed([columns.names[column] for column in columns.left_out])}"
    return how if delimiter == "," else f"{how}, separated by {delimiter!r}"


def _number(text: str) -> float | None:
    """The number that a text says; None for none."""
    try:
        return float(text)
    except ValueError:
        return None
