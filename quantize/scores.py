"""How good a network's answers are: of classes, or of real values."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantize.answered import Answered
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
    explained: float = float("nan")
    """Share of the targets' variance that the values explain, at most 1; nan for constant targets."""

    @classmethod
    def of(cls, targets: NDArray[np.floating], values: NDArray[np.floating]) -> "Regression":
        """Compare values with targets, both of one shape."""
        error = values - targets
        squared, variance = float((error**2).mean()), float(np.var(targets, axis=0).mean())
        explained = 1 - squared / variance if variance > 0 else float("nan")
        return cls(squared, float(np.abs(error).mean()), explained)

    def figures(self) -> dict[str, Any]:
        """All of it for a JSON file."""
        return {
            "mean_squared_error": self.mean_squared,
            "root_mean_squared_error": self.mean_squared**0.5,
            "mean_absolute_error": self.mean_absolute,
            "explained_variance": _defined(self.explained),
        }


@dataclass(frozen=True)
class MultiLabel:
    """What a network gets right of labels of which several may hold: those with a logit above 0.

    Parameters
    ----------
    right, missed, wrong : (labels,)
        How often a label was told rightly, was not told, and was told wrongly.
    accuracy : float
        Share of all labels, of all answers, that are right, told or not, 0 to 1.
    exact : float
        Share of the answers with all of their labels right, 0 to 1.
    """

    right: Integers
    missed: Integers
    wrong: Integers
    accuracy: float
    exact: float

    @classmethod
    def of(cls, targets: NDArray[np.floating], logits: NDArray[Any]) -> "MultiLabel":
        """Compare logits with targets of 0 and 1, both (answers, labels)."""
        holds, told = targets > 0.5, logits > 0
        equal = holds == told
        return cls(
            (holds & told).sum(0),
            (holds & ~told).sum(0),
            (~holds & told).sum(0),
            float(equal.mean()),
            float(equal.all(1).mean()),
        )

    @property
    def f1(self) -> NDArray[np.float64]:
        """Harmonic mean of sensitivity and predictivity of each label; nan for one neither given nor told."""
        return _ratio(2 * self.right, 2 * self.right + self.missed + self.wrong)

    @property
    def macro_f1(self) -> float:
        """Mean F1 over the labels that were given or told."""
        return float(np.nanmean(self.f1)) if np.isfinite(self.f1).any() else float("nan")

    def figures(self) -> dict[str, Any]:
        """All of it for a JSON file, None for what is not defined."""
        return {
            "accuracy": self.accuracy,
            "exact_match": self.exact,
            "macro_f1": _defined(self.macro_f1),
            "f1": [_defined(value) for value in self.f1],
        }


Score = Classification | MultiLabel | Regression


def score_answers(output: str, answered: Answered) -> Score:
    """How good answers are, by what the outputs are (`quantize.kinds.OUTPUTS`).

    Raises
    ------
    StatespikeError
        If labels are none of the network's classes, or targets none of its outputs.
    """
    outputs, wanted = answered.outputs, answered.wanted
    if output == "classification":
        if wanted.ndim != 1:
            raise StatespikeError(
                f"y holds real numbers, and the network tells {outputs.shape[1]} classes apart; "
                "give labels from 0 on"
            )
        return Classification.of(wanted, outputs.argmax(1), outputs.shape[1])
    targets = wanted[:, None].astype(np.float64) if wanted.ndim == 1 else wanted
    if targets.shape[1] != outputs.shape[1]:
        raise StatespikeError(
            f"y holds {targets.shape[1]} values for an answer, and the network has {outputs.shape[1]} outputs"
        )
    return MultiLabel.of(targets, outputs) if output == "multi_label" else Regression.of(targets, outputs)


def by_place(output: str, answered: Answered) -> list[float | None]:
    """Accuracy, or mean absolute error of values, of the sequences' first answers, second ones, and so on."""
    found: list[float | None] = []
    for place in range(int(answered.place.max(initial=-1)) + 1):
        here = answered.take(answered.place == place)
        if not len(here.outputs):
            found.append(None)
            continue
        score = score_answers(output, here)
        found.append(score.mean_absolute if isinstance(score, Regression) else score.accuracy)
    return found


def output_of(network: Checkpoint | QuantizedNetwork) -> str:
    """What a network's outputs are; a classifier of one class is taken for one of values."""
    if isinstance(network, Checkpoint):
        output, classes = network.config.output, network.config.classes
    else:
        output, classes = network.output, network.classes
    return "regression" if output == "classification" and classes == 1 else output


def real_outputs(network: Checkpoint | QuantizedNetwork, logits: NDArray[Any]) -> NDArray[np.float64]:
    """Return what a network's logits are as real numbers."""
    if isinstance(network, Checkpoint):
        return logits.astype(np.float64)
    return network.decoder.real(logits)


def _ratio(part: Integers, whole: Integers) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
