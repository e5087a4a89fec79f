"""What a training tells while it runs: lines in a log file, a progress bar on a terminal."""

import re
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TextIO

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from quantize.errors import writing_to
from quantize.files import open_log

LOG_EVERY = 100
"""Batches."""

_BATCH = re.compile(r"epoch (\d+) batch (\d+)/(\d+) loss (\S+)")
_MEASURE = "(?:accuracy|explained variance)"
_TEST = re.compile(rf"weights of epoch \d+: test {_MEASURE} (\S+)")
_EPOCH = re.compile(rf"epoch (\d+)/(\d+) training loss (\S+)(?: (?:test|validation) {_MEASURE} (\S+))?")


@dataclass(frozen=True)
class LearningCurve:
    """What a log says about a training.

    Parameters
    ----------
    losses : tuple of (float, float)
        Epochs done, in fractions, and the mean loss of the hundred batches before; of the epoch before where
        epochs are shorter.
    accuracies : tuple of float
        After each epoch, 0 to 1, on the sequences that the log names: validation, or test in older ones;
        none where there was no validation.
    test_accuracy : float or None
        Of the weights that were taken; None as long as the training lasts.
    """

    losses: tuple[tuple[float, float], ...]
    accuracies: tuple[float, ...]
    test_accuracy: float | None


def read_log(path: Path) -> LearningCurve:
    """Read the log of a `TrainingReport`."""
    text = path.read_text(encoding="utf-8")
    epochs = _EPOCH.findall(text)
    losses = [
        (int(epoch) - 1 + int(batch) / int(batches), float(loss))
        for epoch, batch, batches, loss in _BATCH.findall(text)
    ] or [(int(epoch), float(loss)) for epoch, _, loss, _ in epochs]
    accuracies = tuple(float(accuracy) for *_, accuracy in epochs if accuracy)
    # Older logs watched the test set after every epoch, and the last one's weights were taken.
    tested = _TEST.findall(text) or [accuracy for accuracy in accuracies[-1:] if " test accuracy " in text]
    return LearningCurve(tuple(losses), accuracies, float(tested[-1]) if tested else None)


class TrainingReport:
    """A log of one line for every hundred batches and every epoch, and a bar an epoch on a terminal.

    Parameters
    ----------
    log : Path, optional
        Text file, begun anew unless `resumed`.
    resumed : bool
        Whether the run goes on from an earlier one, whose lines are kept.
    epochs, batches : int
        Length of the whole run and of an epoch.
    bars : bool
        Show the batches of each epoch on a terminal.
    measure : str
        What the scores are: accuracies, or of values the "explained variance".
    """

    def __init__(
        self,
        log: Path | None,
        resumed: bool,
        epochs: int,
        batches: int,
        *,
        bars: bool = True,
        measure: str = "accuracy",
    ) -> None:
        self._measure = measure
        self._epochs, self._batches = epochs, batches
        self._losses: list[float] = []
        self._file: TextIO | None = None
        self._place = str(log)
        if log is not None:
            self._file = open_log(log, goes_on=resumed)
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total} {task.fields[note]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not (bars and console.is_terminal),
        )

    def __enter__(self) -> "TrainingReport":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        if self._file is not None:
            with writing_to(self._place):
                self._file.close()

    def line(self, text: str) -> None:
        """Write one line to the log at once, so that it can be followed."""
        if self._file is not None:
            with writing_to(self._place):
                print(text, file=self._file, flush=True)

    def begin_epoch(self, epoch: int) -> None:
        """Start counting the batches of an epoch (from 1)."""
        self._epoch = epoch
        self._losses = []
        self._shown = self._bar.add_task(f"epoch {epoch}/{self._epochs}", total=self._batches, note="")

    def batch(self, loss: float) -> None:
        """Count a batch and its loss."""
        self._losses.append(loss)
        self._bar.update(self._shown, advance=1, note=f"loss {loss:.3f}")
        if len(self._losses) % LOG_EVERY == 0:
            recent = np.mean(self._losses[-LOG_EVERY:])
            self.line(f"epoch {self._epoch} batch {len(self._losses)}/{self._batches} loss {recent:.4f}")

    def end_epoch(self, accuracy: float | None, sequences: int, speed: float) -> None:
        """Write what the epoch gave: accuracy on so many validation sequences, training sequences a second.

        The accuracy is None without validation sequences.
        """
        score = (
            f"validation {self._measure} {accuracy:.4f} (n = {sequences}) " if accuracy is not None else ""
        )
        self.line(
            f"epoch {self._epoch}/{self._epochs} training loss {self.mean_loss:.4f} {score}{speed:.0f} "
            "sequences/s"
        )

    def end(self, epoch: int, accuracy: float, sequences: int) -> None:
        """Write what the weights of the chosen epoch reach on the test set."""
        self.line(f"weights of epoch {epoch}: test {self._measure} {accuracy:.4f} (n = {sequences})")

    @property
    def mean_loss(self) -> float:
        """Mean loss of the epoch so far."""
        return float(np.mean(self._losses))
