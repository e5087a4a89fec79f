"""A network's answers beside what they should be: a row an answer, of all sequences."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantize.answers import answer_counts, answer_steps
from quantize.errors import StatespikeError
from quantize.formats import Integers

UNLABELLED = -1
"""In the place of a step's label: the step counts nowhere."""


@dataclass(frozen=True)
class Answered:
    """Answers that count.

    Parameters
    ----------
    outputs : (answers, classes)
    wanted : (answers,) labels, or (answers, classes) targets
    place : (answers,)
        Which of its sequence's answers it is, from 0.
    last : bool (answers,)
        It is its sequence's last one.
    """

    outputs: NDArray[Any]
    wanted: NDArray[Any]
    place: Integers
    last: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        logits: NDArray[Any],
        wanted: NDArray[Any],
        lengths: Integers | None,
        steps: int,
        stride: int | None,
        *,
        of_steps: bool,
    ) -> "Answered":
        """Put answers and labels, or targets, side by side; what has none is left out.

        Parameters
        ----------
        logits : (sequences, classes), or (sequences, answers, classes) with a stride
        wanted : (sequences,) or (sequences, steps) labels, or targets with an axis of outputs behind
        lengths : (sequences,), optional
        steps : int
            Of the longest sequence.
        stride : int or None
            See `quantize.answers`.
        of_steps : bool
            Labels or targets are those of steps; those of a sequence are those of each of its answers.

        Raises
        ------
        StatespikeError
            If they are those of steps, and the network answers once a sequence.
        """
        if of_steps and stride is None:
            raise StatespikeError(
                "y holds a label or value for each step, and the network answers once, at the end of a "
                "sequence; give one a sequence, or a network with the head every_step or running"
            )
        valid = np.full(len(logits), steps) if lengths is None else lengths
        places = answer_steps(valid, steps, stride)
        counts = answer_counts(valid, stride)
        if of_steps:
            at = places[(...,) + (None,) * (wanted.ndim - 2)]
            chosen = np.take_along_axis(wanted, at, axis=1)
        else:
            chosen = np.broadcast_to(wanted[:, None], (*places.shape, *wanted.shape[1:]))
        answers = logits[:, None] if stride is None else logits
        place = np.broadcast_to(np.arange(places.shape[1]), places.shape)
        counted = place < counts[:, None]
        if chosen.dtype.kind == "f":
            counted &= ~np.isnan(chosen).any(-1)
        elif of_steps:
            counted &= chosen != UNLABELLED
        last = place == counts[:, None] - 1
        return cls(answers[counted], chosen[counted], place[counted], last[counted])

    def take(self, chosen: NDArray[np.bool_]) -> "Answered":
        """Return some of them."""
        return Answered(self.outputs[chosen], self.wanted[chosen], self.place[chosen], self.last[chosen])
