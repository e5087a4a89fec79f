"""What a simulation feeds a design, and when: sequences, gaps, stalls, a reset in mid-sequence.

Every backend plays a stimulus by the same rules, so equal designs give equal cycle counts everywhere. In
every clock cycle one number is drawn from each of two generators (`Dice`), `gap` and `stall`.

- A beat that was offered stays offered until it is taken. When none is offered, the next one is offered in
  this cycle unless `gap` comes up.
- The output is ready in this cycle unless `stall` comes up.
- With `reset_after=k`, the first `k` beats of the first sequence are fed, `reset_wait` cycles pass in which
  nothing is offered, the reset is held for one cycle in which nothing is offered or accepted, whatever came
  out is discarded, cycle 0 begins, and all sequences are fed from their beginning. The generators run on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from quantize.errors import StatespikeError
from quantize.formats import Integers

_MULTIPLIER = 6364136223846793005
_INCREMENT = 1442695040888963407
_MASK = (1 << 64) - 1


class Dice:
    """Seeded coin: a 64-bit linear congruential generator (Knuth's MMIX), the same as in the C++ driver.

    Parameters
    ----------
    probability : float
        Of each throw to come up; resolved to 2**-32.
    seed : int
        Any integer; different seeds give different throws.
    """

    def __init__(self, probability: float, seed: int):
        self.threshold = threshold(probability)
        self.state = (seed * _INCREMENT + _MULTIPLIER) & _MASK

    def throw(self) -> bool:
        """Whether this throw comes up; its upper 32 bits are compared with the threshold."""
        self.state = (self.state * _MULTIPLIER + _INCREMENT) & _MASK
        return (self.state >> 32) < self.threshold


def require_probabilities(**pauses: float) -> None:
    """Say which of some probabilities of a pause is none, or would never let anything pass.

    Raises
    ------
    StatespikeError
    """
    for name, probability in pauses.items():
        if not 0.0 <= probability < 1.0:
            raise StatespikeError(f"{name} is a probability below 1, not {probability}")


def threshold(probability: float) -> int:
    """The 32-bit number below which a throw comes up."""
    return round(probability * (1 << 32))


@dataclass(frozen=True)
class Beats:
    """A stimulus as the flat list of beats that a driver offers one after the other.

    Parameters
    ----------
    values : int64 (beats,)
    first, last : bool (beats,)
        The marks of each beat's step.
    starts : bool (beats,)
        The beat is the first of its step.
    """

    values: Integers
    first: NDArray[np.bool_]
    last: NDArray[np.bool_]
    starts: NDArray[np.bool_]


@dataclass(frozen=True)
class Stimulus:
    """Sequences to feed a design, and the pace of both its ends.

    Parameters
    ----------
    sequences : list of int arrays (steps, features)
        At least one sequence, each of at least one step; all have the same number of features.
    input_gaps : float
        Probability that the source pauses in a cycle in which it could offer a beat; 0 <= p < 1.
    output_stalls : float
        Probability that the sink is not ready in a cycle; 0 <= p < 1.
    seed : int
        Of gaps and stalls.
    reset_after : int or None
        Reset in mid-sequence after that many beats of the first sequence.
    reset_wait : int
        Cycles from the last of those beats to the reset, so that it may come at any moment of a step.
    goes_on, open_end : bool
        The first sequence lacks its `first`: it goes on with what a circuit has in its states. The last one
        lacks its `last`, so it can go on later.

    Raises
    ------
    StatespikeError
        If a sequence is empty or of another shape, a probability, `reset_after` or `reset_wait` out of range.
    """

    sequences: Sequence[NDArray[np.integer]]
    input_gaps: float = 0.0
    output_stalls: float = 0.0
    seed: int = 0
    reset_after: int | None = None
    reset_wait: int = 0
    goes_on: bool = False
    open_end: bool = False
    lengths: tuple[int, ...] = field(init=False)
    features: int = field(init=False)

    def __post_init__(self) -> None:
        if not self.sequences:
            raise StatespikeError("a stimulus needs at least one sequence")
        features = self.sequences[0].shape[-1]
        for index, sequence in enumerate(self.sequences):
            if sequence.ndim != 2 or sequence.shape[0] == 0 or sequence.shape[1] != features or not features:
                raise StatespikeError(
                    f"sequence {index} has shape {sequence.shape}; expected (at least one step, {features})"
                )
        require_probabilities(input_gaps=self.input_gaps, output_stalls=self.output_stalls)
        if self.reset_after is not None and not 0 <= self.reset_after <= self.sequences[0].size:
            raise StatespikeError(
                f"reset_after={self.reset_after} is outside the {self.sequences[0].size} beats of sequence 0"
            )
        if self.reset_wait < 0:
            raise StatespikeError(f"reset_wait is a number of cycles, not {self.reset_wait}")
        object.__setattr__(self, "lengths", tuple(len(sequence) for sequence in self.sequences))
        object.__setattr__(self, "features", features)

    def beats(self) -> Beats:
        """All sequences as one flat list of beats, in channel order, step after step."""
        steps = sum(self.lengths)
        starts = np.zeros((steps, self.features), dtype=np.bool_)
        starts[:, 0] = True
        first = np.zeros_like(starts)
        last = np.zeros_like(starts)
        ends = np.cumsum(self.lengths)
        last[ends - 1] = True
        first[ends - np.array(self.lengths)] = True
        first[0] &= not self.goes_on
        last[-1] &= not self.open_end
        values = np.concatenate([np.asarray(sequence, dtype=np.int64) for sequence in self.sequences])
        return Beats(values.reshape(-1), first.reshape(-1), last.reshape(-1), starts.reshape(-1))

    def dice(self) -> tuple[Dice, Dice]:
        """The generators of gaps and stalls."""
        return Dice(self.input_gaps, 2 * self.seed), Dice(self.output_stalls, 2 * self.seed + 1)
