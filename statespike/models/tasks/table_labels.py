"""The labels of a table: classes by name or number, or real targets, one a sequence or one a step.

Where the lines of a sequence agree in their labels, these are the sequence's; where in any sequence they do
not, they are those of steps. Several columns are several labels, any of which may hold, if all they have is 0
and 1; else they are several real targets.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quantize.words import count
from statespike.models.tasks.task import UNLABELLED, TaskError

MOST_CLASSES = 1000
SHOWN = 8
"""Names that a sentence lists."""


@dataclass
class LabelColumn:
    """A column of labels.

    Parameters
    ----------
    title : str
    place : int
        Of the column.
    texts : list of str
        As they are written, one a line.
    """

    title: str
    place: int
    texts: list[str] = field(default_factory=list)

    def numbers(self, path: Path) -> NDArray[np.float64] | None:
        """The numbers that they are, (lines,); None for names.

        Raises
        ------
        TaskError
            If one is not finite.
        """
        try:
            values = np.array(self.texts, np.float64)
        except ValueError:
            return None
        if not np.isfinite(values).all():
            wrong = self.texts[int(np.flatnonzero(~np.isfinite(values))[0])]
            raise TaskError(f"{path}: a label is {wrong!r}; give finite numbers, or names")
        return values


class Labels(NamedTuple):
    """What a table's labels are.

    Parameters
    ----------
    y, targets
        See `Sequences`.
    names : tuple of str
        Of classes or labels.
    several : bool
        The targets are labels, any of which may hold.
    told : str
        What they were taken for; empty if there are none.
    """

    y: NDArray[np.int64] | None = None
    targets: NDArray[np.float64] | None = None
    names: tuple[str, ...] = ()
    several: bool = False
    told: str = ""


def labels_of(columns: list[LabelColumn], lines: NDArray[np.int64], path: Path) -> Labels:
    """Read the labels of sequences of so many `lines` each.

    Raises
    ------
    TaskError
        If a number is not finite, there are too many classes, or one of several columns holds names.
    """
    if not columns:
        return Labels()
    starts = np.cumsum(lines) - lines
    of_steps = not all(
        len(set(column.texts[start : start + count])) == 1
        for column in columns
        for start, count in zip(starts, lines, strict=True)
    )
    each = "step" if of_steps else "sequence"
    if len(columns) > 1:
        values = np.stack([_several(column, path) for column in columns], axis=1)
        targets = _arranged(values, starts, lines, np.nan, of_steps=of_steps)
        if np.isin(values, (0, 1)).all():
            names = tuple(column.title.partition("_")[2] for column in columns)
            told = f"{count(len(names), 'label')} for each {each}, any of which may hold: {listed(names)}"
            return Labels(None, targets, names, several=True, told=told)
        return Labels(None, targets, told=f"{count(len(columns), 'real target')} for each {each}")
    [column] = columns
    numbers, title = column.numbers(path), repr(column.title)
    if numbers is not None and (numbers != np.round(numbers)).any():
        targets = _arranged(numbers[:, None], starts, lines, np.nan, of_steps=of_steps)
        told = f"column {title} holds real targets, one for each {each}, for it has numbers with fractions"
        return Labels(None, targets, told=told)
    # The numbers 1, 2, 10 in this order, names in the alphabet's.
    classes = sorted(set(column.texts), key=str if numbers is None else lambda name: (float(name), name))
    if len(classes) > MOST_CLASSES:
        raise TaskError(
            f"{path}: {len(classes):,} different labels in column {title}, more than {MOST_CLASSES:,} "
            "classes; give real targets a decimal point, or fewer classes"
        )
    index = {name: label for label, name in enumerate(classes)}
    codes = np.array([index[text] for text in column.texts], np.int64)
    y = _arranged(codes, starts, lines, UNLABELLED, of_steps=of_steps)
    told = f"{count(len(classes), 'class')} in column {title}, one for each {each}: {listed(classes)}"
    return Labels(y, None, tuple(classes), told=told)


def _several(column: LabelColumn, path: Path) -> NDArray[np.float64]:
    values = column.numbers(path)
    if values is None:
        raise TaskError(
            f"{path}: column {column.title!r} holds names, and is one of several columns of labels; give 0 "
            "and 1, or real targets"
        )
    return values


def _arranged(
    values: NDArray[Any],
    starts: NDArray[np.int64],
    lines: NDArray[np.int64],
    missing: float,
    *,
    of_steps: bool,
) -> NDArray[Any]:
    """Values of lines (lines, ...) as those of sequences, or of their steps, `missing` behind their ends."""
    if not of_steps:
        return values[starts]
    arranged = np.full((len(lines), int(lines.max()), *values.shape[1:]), missing, values.dtype)
    for row, start, number in zip(arranged, starts, lines, strict=True):
        row[:number] = values[start : start + number]
    return arranged


def listed(names: list[str] | tuple[str, ...]) -> str:
    """Return names as a sentence lists them."""
    return ", ".join(names[:SHOWN]) + (f", ... {names[-1]}" if len(names) > SHOWN else "")
