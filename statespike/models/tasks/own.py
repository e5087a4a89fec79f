"""A user's own labelled sequences: what every reader of files returns, and the task that it makes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantize.words import count
from statespike.models.tasks.split import drawn, held_out
from statespike.models.tasks.task import CALIBRATION_SEQUENCES, UNLABELLED, Sequences, Task, TaskError

HELD_OUT_EVERY = 10
SETS = ("training", "validation", "test")
"""Names of the sets 0, 1 and 2."""


@dataclass(frozen=True)
class OwnData:
    """Sequences as they were read.

    Parameters
    ----------
    source : str
        The file or folder, as a sentence names it.
    name : str
        What a network that is trained on them says it was trained on.
    sequences : Sequences
    class_names : tuple of str
        In the order of the labels; empty where labels are numbers alone.
    sets : int64 array (sequences,), optional
        0 trains, 1 chooses the epoch, 2 tests, if the files themselves say so.
    notes : tuple of str
        Sentences on what was taken, and what was assumed.
    several_labels : bool
        Targets are 0 and 1, for labels of which several may hold.
    """

    source: str
    name: str
    sequences: Sequences
    class_names: tuple[str, ...] = ()
    sets: NDArray[np.int64] | None = None
    notes: tuple[str, ...] = ()
    several_labels: bool = False

    @property
    def output(self) -> str:
        """What a network's outputs for them are, one of `quantize.kinds.OUTPUTS`."""
        if self.sequences.targets is None:
            return "classification"
        return "multi_label" if self.several_labels else "regression"

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """The label of each sequence; None where there are targets, or labels of steps."""
        return None if self.sequences.labels_steps else self.sequences.y

    @property
    def tested(self) -> NDArray[np.bool_]:
        """Which sequences are the test set, (sequences,): of each class, or of all, every tenth is drawn."""
        labels = np.zeros(len(self.sequences), np.int64) if self.labels is None else self.labels
        return held_out(labels, HELD_OUT_EVERY, least=1)

    def part(self, number: int) -> Sequences:
        """The sequences of one of the sets that the files name."""
        assert self.sets is not None
        return self.sequences.take(np.flatnonzero(self.sets == number))

    def to_evaluate(self, *, held_out: bool = False) -> tuple[Sequences, str]:
        """The test set that the files name, else all sequences; or only what training holds out.

        Returns
        -------
        Sequences, and a sentence that says which.
        """
        if self.sets is not None:
            return self.part(2), f"{self.source}: only the test set that it names"
        if held_out:
            return own_task(self).test, f"{self.source}: only what training holds out as its test set"
        return self.sequences, (
            f"{self.source}: all {count(len(self.sequences), 'sequence')}; --held-out takes only what "
            "training leaves out as its test set"
        )

    def to_calibrate(self) -> Sequences:
        """The sequences that choose number formats; where there are labels none that would test."""
        usable = np.arange(len(self.sequences))
        if self.sets is not None:
            usable = np.flatnonzero(self.sets == 0)
        elif self.sequences.y is not None or self.sequences.targets is not None:
            usable = np.flatnonzero(~self.tested)
        return self.sequences.take(usable[drawn(len(usable), CALIBRATION_SEQUENCES)])


def own_task(data: OwnData) -> Task:
    """Make a task of labelled sequences, in the sets that the files name.

    If they name none, a tenth of every class is the test set and the other sequences train. What is drawn
    follows from the labels alone, whatever order they stand in.

    Raises
    ------
    TaskError
        When there are no labels, too few sequences, or a class that lacks sequences to train or to test.
    """
    sequences, source = data.sequences, data.source
    if sequences.y is None and sequences.targets is None:
        raise TaskError(f"{source}: no labels; training needs one for every sequence")
    if len(sequences) < HELD_OUT_EVERY:
        raise TaskError(
            f"{source}: training needs {HELD_OUT_EVERY} sequences or more, and here "
            f"{'is' if len(sequences) == 1 else 'are'} {len(sequences)}; give more of them"
        )
    if sequences.labels_steps and sequences.y is not None and sequences.y.max() == UNLABELLED:
        raise TaskError(
            f"{source}: no step has a label, all are {UNLABELLED}; give labels from 0 on where answers count"
        )
    labels = data.labels
    classes = _outputs(sequences) if labels is None else _check_classes(labels, data)
    sets, notes = data.sets, data.notes
    if sets is None:
        sets = np.where(data.tested, 2, 0)
        share = "a tenth" if labels is None else "a tenth of every class"
        notes = (*notes, f"{source}: {share}, drawn with a fixed seed, is the test set")
    elif labels is not None:
        _check_sets(labels, sets, classes, data)
    parts = [sequences.take(np.flatnonzero(sets == number)) for number in range(len(SETS))]
    train, validation, test = parts
    return Task(
        data.name,
        features=sequences.inputs.shape[2],
        classes=classes,
        load_train=lambda: train,
        load_test=lambda: test,
        load_calibration=lambda: train.take(drawn(len(train), CALIBRATION_SEQUENCES)),
        load_validation=(lambda: validation) if len(validation) else None,
        output=data.output,
        class_names=data.class_names,
        source=data.source,
        notes=notes,
    )


def _outputs(sequences: Sequences) -> int:
    """Return the outputs of a network for targets, or for labels of steps."""
    if sequences.targets is not None:
        return int(sequences.targets.shape[-1])
    assert sequences.y is not None
    return int(sequences.y.max()) + 1


def _check_classes(labels: NDArray[np.int64], data: OwnData) -> int:
    """Return the number of classes, each of which has sequences to train and to test."""
    found, counts = np.unique(labels, return_counts=True)
    absent = np.flatnonzero(found != np.arange(len(found)))
    if len(absent):
        raise TaskError(
            f"{data.source}: no sequence of class {absent[0]}, though labels go to {found[-1]}; "
            "number the classes from 0 without gaps"
        )
    if len(found) < 2:
        raise TaskError(
            f"{data.source}: all labels are {_name(0, data)}; give sequences of two or more classes"
        )
    if counts.min() < 2:
        raise TaskError(
            f"{data.source}: one sequence of class {_name(int(counts.argmin()), data)}; "
            "give two or more, to train and to test"
        )
    return len(found)


def _check_sets(labels: NDArray[np.int64], sets: NDArray[np.int64], classes: int, data: OwnData) -> None:
    for number, title in enumerate(SETS):
        missing = np.setdiff1d(np.arange(classes), labels[sets == number])
        if len(missing) and (number != 1 or (sets == 1).any()):
            raise TaskError(
                f"{data.source}: no {title} sequence of class {_name(int(missing[0]), data)}; "
                "give at least one of every class in each set"
            )


def _name(label: int, data: OwnData) -> str:
    return repr(data.class_names[label]) if data.class_names else str(label)
