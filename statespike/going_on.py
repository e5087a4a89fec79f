"""A sequence on a board that goes on over several calls of `statespike run --live`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from quantize.answers import answers_within
from quantize.formats import Integers
from quantize.session import Session
from quantize.states import States, write_states
from quantize.words import count
from statespike.library.board import Board
from statespike.live import pieces_of_lines, said_of
from statespike.output import say

REFERENCE = "reference "
"""How the names of the reference's entries in a file of states begin."""


@dataclass
class Listened:
    """What came of the lines of a call.

    Parameters
    ----------
    classes : int
    begun : int
        Steps of the open sequence before this call.
    steps, differing : int
        Steps of this call, and logits that are not the reference's.
    position : int
        Steps of the sequence that is open at the end; 0 if none is.
    checked : bool
        Whether the reference was asked.
    answers : list of (classes,)
    """

    classes: int
    begun: int
    checked: bool
    steps: int = 0
    differing: int = 0
    position: int = 0
    answers: list[Integers] = field(default_factory=list)

    @property
    def logits(self) -> Integers:
        """(answers, classes)."""
        return np.array(self.answers, dtype=np.int64).reshape(-1, self.classes)

    def figures(self) -> dict[str, Any]:
        """For a JSON file."""
        return {
            "steps_before": self.begun,
            "steps": self.steps,
            "open_steps": self.position,
            "answers": len(self.answers),
            "logits": self.logits.tolist(),
            "bit_exact": self.differing == 0 if self.checked else None,
        }


def go_on(
    board: Board, lines: Iterable[str], *, check: bool, earlier: States | None, save_state: Path | None
) -> Listened:
    """Give a board the steps of some lines, and tell its answers as they come.

    An empty line ends a sequence. At the end of the lines the last one stays open if it is saved, else it
    ends.

    Parameters
    ----------
    board : Board
    lines : iterable of str
        A step a line.
    check : bool
        Compare with the integer reference, whose states are saved too.
    earlier : mapping, optional
        What was saved then.
    save_state : Path, optional
    """
    network, session = board.network, Session(board.network)
    if earlier is not None:
        session.restore(
            {
                name.removeprefix(REFERENCE): value
                for name, value in earlier.items()
                if name.startswith(REFERENCE)
            }
        )
    listened = Listened(network.classes, board.position, check)
    for x, ended in pieces_of_lines(lines, network, most=network.answer_stride):
        ends = save_state is None if ended is None else ended
        position = board.position
        answer = board.feed(x, ended=ends)
        # Also unasked: a later call may want to compare.
        expected = session.feed(x, ended=ends)
        listened.steps += len(x)
        listened.answers.extend(answer.logits)
        listened.differing += int(np.count_nonzero(expected != answer.logits)) if check else 0
        places = answers_within(position, len(x), network.answer_stride, ended=ends)
        for place, logits in zip(places, answer.logits, strict=True):
            say(f"step {position + place + 1}: {said_of(network, logits)}")
    listened.position = board.position
    if check:
        verdict = f"{listened.differing} of {count(listened.logits.size, 'logit')} differ from"
        say(f"{verdict if listened.differing else 'all logits equal'} the integer reference")
    if save_state is not None:
        reference = {f"{REFERENCE}{name}": value for name, value in session.saved().items()}
        write_states(save_state, board.saved() | reference)
        say(f"wrote {save_state}: the sequence is open behind step {listened.position}")
    return listened
