"""What came out of a simulated circuit, and how long it took."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantize.errors import StatespikeError
from quantize.formats import Integers


@dataclass(frozen=True)
class Run:
    """Result of one simulation.

    Parameters
    ----------
    backend : str
        Name of the backend that made it.
    logits : int64 (answers, classes)
        Of all sequences, one after the other; a network that answers once has one answer a sequence.
    overruns : bool (answers,)
        Whether the circuit found a sequence too long.
    taps : dict of name to int64 (transfers,)
        Values of each tap in the order of their transfer.
    cycles : int
        Clock cycles from the first cycle after reset to the transfer of the last logit, both included.
    step_cycles : int64 (steps,)
        Cycle in which the first beat of each input step was taken, over all sequences.
    answer_cycles : int64 (answers,)
        Cycle in which the last logit of each answer was taken.
    lengths : tuple of int
        Steps of each sequence.
    seconds : float
        Processor time of the simulation alone, without building or compiling it.
    ends : bool (answers,), optional
        Whether an answer is the last one of its sequence; by default each of them is.
    recording : int64 (cycles, columns), optional
        The ports in every cycle, where they were kept; see `sim.recording`.
    state : int64 (words,), optional
        All registers and memories at the end, of a sequence that has not ended (`Stimulus.open_end`).
    """

    backend: str
    logits: Integers
    overruns: NDArray[np.bool_]
    taps: dict[str, Integers]
    cycles: int
    step_cycles: Integers
    answer_cycles: Integers
    lengths: tuple[int, ...]
    seconds: float
    ends: NDArray[np.bool_] | None = None
    recording: Integers | None = None
    state: Integers | None = None

    def answers_by_sequence(self, most: int) -> Integers:
        """Logits (sequences, most, classes); a last answer stands in the place of those that are not there.

        As in `quantize.answers.answer_steps`. A sequence without an answer has zeros, answers beyond the most
        are left out.
        """
        marks = np.ones(len(self.logits), dtype=np.bool_) if self.ends is None else self.ends
        result = np.zeros((len(self.lengths), most, self.logits.shape[1]), dtype=np.int64)
        for place, answers in enumerate(np.split(self.logits, np.flatnonzero(marks) + 1)[: len(result)]):
            if len(answers):
                result[place] = answers[np.minimum(np.arange(most), len(answers) - 1)]
        return result

    @property
    def cycles_per_second(self) -> float:
        """Simulated clock cycles per second of processor time."""
        return self.cycles / max(self.seconds, 1e-9)

    @property
    def cycles_per_step(self) -> float:
        """Cycles between steps, once the pipeline is full.

        The mean spacing of the first beats of successive steps over the second half of the longest sequence:
        in its first half, buffers still fill and take steps faster than the circuit works. With fewer than
        four steps there is no steady state, and it is all cycles over all steps.
        """
        longest = int(np.argmax(self.lengths))
        length = self.lengths[longest]
        if length < 4:
            return self.cycles / sum(self.lengths)
        start = sum(self.lengths[:longest])
        cycles = self.step_cycles[start + length // 2 : start + length]
        return float(cycles[-1] - cycles[0]) / (len(cycles) - 1)


def logits_by_answer(values: Sequence[int] | Integers, last: Sequence[bool] | NDArray[np.bool_]) -> Integers:
    """The flat list of logits, cut at each `last`, as an array (answers, classes).

    Raises
    ------
    StatespikeError
        If answers have different numbers of logits.
    """
    ends = np.flatnonzero(np.asarray(last, dtype=np.bool_)) + 1
    counts = np.diff(ends, prepend=0)
    for answer, count in enumerate(counts):
        if count != counts[0]:
            raise StatespikeError(
                f"answer {answer} of the circuit has {count} logits, answer 0 has {counts[0]}"
            )
    if len(values) != int(counts.sum()):
        raise StatespikeError(
            f"after its last answer, the circuit gave {len(values) - int(counts.sum())} logits more"
        )
    return np.asarray(values, dtype=np.int64).reshape(len(ends), counts[0] if len(counts) else 0)
