"""What a task is: labelled sequences for training, testing and calibration."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quantize.answered import UNLABELLED as UNLABELLED
from quantize.errors import StatespikeError
from statespike.models.tasks.computed import Computed

CALIBRATION_SEQUENCES = 128
"""Training sequences that choose the number formats."""


class TaskError(StatespikeError):
    """Data that is missing or cannot be used."""


def refuse_files(name: str, data: Path | None) -> None:
    """Say that a task is drawn, if somebody names files for it.

    Raises
    ------
    TaskError
    """
    if data is not None:
        raise TaskError(f"task {name} is drawn by its rule, not read from {data}; leave --data out")


@dataclass(frozen=True)
class Sequences:
    """A set of sequences.

    Parameters
    ----------
    inputs : float32 array (sequences, steps, features), or `Computed`
    y : int64 array (sequences,) or (sequences, steps), optional
        Labels, one a sequence or one a step; a step with `UNLABELLED` counts nowhere.
    lengths : int64 array (sequences,), optional
        Valid steps of each sequence; all of them when not given.
    targets : float64 array (sequences, outputs) or (sequences, steps, outputs), optional
        In the place of labels, what each output should be, once a sequence or at each step: real values in
        their unit, or 0 and 1 where several labels may hold at once. A nan counts nowhere.
    """

    inputs: NDArray[np.float32] | Computed
    y: NDArray[np.int64] | None = None
    lengths: NDArray[np.int64] | None = None
    targets: NDArray[np.float64] | None = None

    @property
    def x(self) -> NDArray[np.float32]:
        """The inputs, float32 (sequences, steps, features), all in memory."""
        return np.asarray(self.inputs, np.float32)

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def labels_steps(self) -> bool:
        """Whether labels or targets are those of steps."""
        return (self.y is not None and self.y.ndim == 2) or (
            self.targets is not None and self.targets.ndim == 3
        )

    def take(self, chosen: slice | NDArray[np.intp]) -> "Sequences":
        """Return the chosen sequences: a slice or an array of indices."""
        return Sequences(
            self.inputs[chosen],
            None if self.y is None else self.y[chosen],
            None if self.lengths is None else self.lengths[chosen],
            None if self.targets is None else self.targets[chosen],
        )


Augmentation = Callable[[Sequences, np.random.Generator], Sequences]
"""Varies training sequences; what it draws comes from the generator alone."""


@dataclass(frozen=True)
class Task:
    """A named task whose sets are read when they are first asked for.

    Parameters
    ----------
    name : str
    features, classes : int
        Inputs of a step, and outputs.
    load_train, load_test, load_calibration : callables that return `Sequences`
    load_validation : callable, optional
        Returns the sequences that choose an epoch; without one they are drawn from the training set.
    augment : callable, optional
        Applied to every batch in training.
    output : str
        What the outputs are, one of `quantize.kinds.OUTPUTS`: "classification" has labels `y`, the
        others have `targets`.
    class_names : tuple of str
        Empty where classes are numbers alone.
    source : str
        The path of a user's own data; empty for a task of the registry.
    notes : tuple of str
        Sentences on what was taken from files, and what was assumed.
    """

    name: str
    features: int
    classes: int
    load_train: Callable[[], Sequences]
    load_test: Callable[[], Sequences]
    load_calibration: Callable[[], Sequences]
    load_validation: Callable[[], Sequences] | None = None
    augment: Augmentation | None = None
    output: str = "classification"
    class_names: tuple[str, ...] = ()
    source: str = ""
    notes: tuple[str, ...] = ()

    @cached_property
    def train(self) -> Sequences:
        """Sequences to train on."""
        return self.load_train()

    @cached_property
    def validation(self) -> Sequences | None:
        """Sequences that choose an epoch and train nothing; None when the task names none."""
        return None if self.load_validation is None else self.load_validation()

    @cached_property
    def test(self) -> Sequences:
        """Sequences that neither training nor calibration ever sees."""
        return self.load_test()

    @cached_property
    def calibration(self) -> Sequences:
        """A few training sequences, always the same ones."""
        return self.load_calibration()
