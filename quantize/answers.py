"""When a network answers: once, at the end of a sequence, or after every so many steps and at its end.

A stride of None stands for the former. With a stride, an answer follows the steps `stride`, `2 stride`, ...
(from 1), and the last step of a sequence has an answer in any case, so every sequence has at least one.
"""

from collections.abc import Sequence

import numpy as np

from quantize.formats import Integers


def answer_counts(lengths: Integers, stride: int | None) -> Integers:
    """Answers of sequences of so many steps, (sequences,)."""
    lengths = np.asarray(lengths)
    return np.ones_like(lengths) if stride is None else -(-lengths // stride)


def answer_steps(lengths: Integers, steps: int, stride: int | None) -> Integers:
    """Steps, from 0, that answers follow: (sequences, answers of a sequence of `steps` steps).

    A shorter sequence has fewer answers; its last one stands in the place of those that it lacks.
    """
    ends = np.asarray(lengths)[:, None] - 1
    if stride is None:
        return ends
    regular = stride * np.arange(1, -(-steps // stride) + 1) - 1
    return np.minimum(regular, ends)


def answers_within(position: int, steps: int, stride: int | None, *, ended: bool) -> Integers:
    """Which of a sequence's next `steps` steps, from 0, answers follow.

    Parameters
    ----------
    position : int
        Steps of the sequence before them.
    ended : bool
        The sequence ends with them.
    """
    places = np.arange(steps)
    follows = np.zeros(steps, bool) if stride is None else (position + places + 1) % stride == 0
    return np.flatnonzero(follows | (ended & (places == steps - 1)))


def stacked_answers(answers: Sequence[Integers]) -> Integers:
    """The answers to each sequence, (answers, classes) each, as one array (sequences, most answers, classes).

    As in `answer_steps`, the last one of a sequence stands in the place of those that it lacks.
    """
    most = np.arange(max(len(found) for found in answers))
    return np.stack([found[np.minimum(most, len(found) - 1)] for found in answers])
