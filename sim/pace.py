"""How source and sink of a simulation behave."""

from dataclasses import dataclass

from sim.stimulus import require_probabilities


@dataclass(frozen=True)
class Pace:
    """How source and sink behave: probabilities of a pause in a cycle, and the seed they are drawn with.

    Raises
    ------
    StatespikeError
        If a probability is out of range.
    """

    input_gaps: float = 0.0
    output_stalls: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        require_probabilities(input_gaps=self.input_gaps, output_stalls=self.output_stalls)


FULL_SPEED = Pace()

PAUSED_STEPS = 1 << 9
"""Steps of a run that are played again with pauses: few beside `STEPS_AT_ONCE`."""


@dataclass(frozen=True)
class Varied:
    """Everything at full speed, and the beginning of every run again with pauses and a reset.

    The second play has at least one sequence of each run, and at most `PAUSED_STEPS` steps beside. Gaps are
    long, so that steps meet a circuit in every state; the reset comes in mid-sequence. What is measured is
    measured at full speed.
    """

    seed: int = 0

    def pauses(self) -> Pace:
        """Pace of the second play."""
        return Pace(input_gaps=0.9, output_stalls=0.5, seed=self.seed)
