"""How good a network's answers are: of classes, or of real values."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantize.checkpoint import Checkpoint
from quantize.errors import StatespikeError
from quantize.formats import Integers
from quantize.network import QuantizedNetwork


def check_labels(labels: Integers, classes: int) -> None:
    """Let only labels of a network's classes pass.

    Raises
    ------
    StatespikeError
        When a label is none of them.
    """
    wrong = labels[(labels < 0) | (labels >= classes)]
    if len(wrong):
        raise StatespikeError(
            f"label {int(wrong[0])} is none of the network's {classes} classes, 0 to {classes - 1}; "
            "give the labels that it was trained on"
        )


@dataclass(frozen=True)
class Classification:
    """What a classifier gets right.

    Parameters
    ----------
    confusion : (classes, classes)
        Sequences of each class (row) that were taken for each class (column).
    """

    confusion: Integers

    @classmethod
    def of(cls, labels: Integers, predictions: Integers, classes: int) -> "Classification":
        """Compare predictions with labels.

        Raises
        ------
        StatespikeError
            When a label is none of the network's classes.
        """
        check_labels(labels, classes)
        pairs = np.bincount(labels * classes + predictions, minlength=classes**2)
        return cls(pairs.reshape(classes, classes).astype(np.int64))

    @cached_property
    def total(self) -> int:
        """Sequences."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Share of right predictions, 0 to 1."""
        return float(np.trace(self.confusion) / self.total)

    @property
    def sensitivity(self) -> NDArray[np.float64]:
        """Share of each class that was recognised, 0 to 1; nan for a class without sequences."""
        return _ratio(np.diag(self.confusion), self.confusion.sum(1))

    @property
    def predictivity(self) -> NDArray[np.float64]:
        """Share of the predictions of each class that were right, 0 to 1; nan where there were none."""
        return _ratio(np.diag(self.confusion), self.confusion.sum(0))

    @property
    def f1(self) -> NDArray[np.float64]:
        """Harmonic mean of sensitivity and predictivity; nan for a class neither given nor predicted."""
        return _ratio(2 * np.diag(self.confusion), self.confusion.sum(0) + self.confusion.sum(1))

    @property
    def macro_f1(self) -> float:
        """Mean F1 over the classes that were given or predicted."""
        return float(np.nanmean(self.f1))

    @property
    def kappa(self) -> float:
        """Cohen's kappa: agreement beyond chance, 1 when all is right; nan when chance alone agrees fully."""
        chance = float((self.confusion.sum(0) * self.confusion.sum(1)).sum() / self.total**2)
        return (self.accuracy - chance) / (1 - chance) if chance < 1 else float("nan")

    def figures(self) -> dict[str, Any]:
        """All of it for a JSON file, None for what is not defined."""
        return {
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "kappa": _defined(self.kappa),
            "sensitivity": [_defined(value) for value in self.sensitivity],
            "predictivity": [_defined(value) for value in self.predictivity],
            "confusion": self.confusion.tolist(),
        }


@dataclass(frozen=True)
class Regression:
    """How far real values are from what they should be, in the unit of the targets."""

    mean_squared: float
    mean_absolute: float

    @classmethod
    def of(cls, targets: NDArray[np.floating], values: NDArray[np.floating]) -> "Regression":
        """Compare values with targets, both of one shape."""
        error = values - targets
        return cls(float((error**2).mean()), float(np.abs(error).mean()))

    def figures(self) -> dict[str, Any]:
        """All of it for a JSON file."""
        return {"mean_squared_error": self.mean_squared, "mean_absolute_error": self.mean_absolute}


def real_outputs(network: Checkpoint | QuantizedNetwork, logits: NDArray[Any]) -> NDArray[np.float64]:
    """Return what a network's logits are as real numbers."""
    if isinstance(network, Checkpoint):
        return logits.astype(np.float64)
    return network.decoder.real(logits)


def _ratio(part: Integers, whole: Integers) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
