"""One run of a check: some of the sequences through the circuit, beside the reference."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from quantize.formats import Integers
from quantize.jobs import ALONE
from quantize.network import QuantizedNetwork
from quantize.trace import Trace
from sim.backends.base import Prepared
from sim.compare import Comparison, compare
from sim.pace import FULL_SPEED, PAUSED_STEPS, Pace, Varied
from sim.stimulus import Stimulus
from sim.trace import Run


@dataclass(frozen=True)
class Part:
    """Sequences of one run.

    Parameters
    ----------
    u : (sequences, steps, features) in the input format
    valid : (sequences,)
        Steps of each that the circuit is given.
    start : int
        Number of the first one among all that are checked.
    """

    u: Integers
    valid: Integers
    start: int

    def stimulus(self, pace: Pace, reset_after: int | None = None) -> Stimulus:
        """The sequences, to be played at a pace."""
        return Stimulus(
            [sequence[:length] for sequence, length in zip(self.u, self.valid, strict=True)],
            input_gaps=pace.input_gaps,
            output_stalls=pace.output_stalls,
            seed=pace.seed + self.start,
            reset_after=reset_after,
        )

    def beginning(self, steps: int) -> "Part":
        """The first sequences, of about so many steps."""
        first = next(parts_of(self.valid, steps))
        return replace(self, u=self.u[first], valid=self.valid[first])


@dataclass(frozen=True)
class Outcome:
    """Outcome of one run; its taps are not kept. See `sim.check.Check`."""

    comparison: Comparison
    logits: Integers
    steps: int
    cycles: int
    cycles_per_step: float
    seconds: float
    saturations: dict[str, int]


def measured(pace: Pace | Varied) -> Pace:
    """Pace of the runs whose cycles count."""
    return FULL_SPEED if isinstance(pace, Varied) else pace


def outcome(
    part: Part, reference: QuantizedNetwork, pace: Pace | Varied, prepared: Callable[[], Prepared]
) -> Outcome:
    """Play a part, and its first sequences again with pauses, if the pace says so.

    Parameters
    ----------
    part : Part
    reference : QuantizedNetwork
    pace : Pace or Varied
    prepared : callable
        Gives the compiled circuit; called when the input has been found good.
    """
    with ALONE:
        trace = reference.compute(part.u, part.valid)
        play = prepared()
    run = play(part.stimulus(measured(pace)))
    comparison = compare(trace, run)
    if isinstance(pace, Varied) and comparison.bit_exact:
        comparison = _joined(comparison, _again(part, reference, pace.pauses(), play))
    return Outcome(
        comparison=_placed(comparison, part.start),
        logits=_logits(run, trace),
        steps=sum(run.lengths),
        cycles=run.cycles,
        cycles_per_step=run.cycles_per_step,
        seconds=run.seconds,
        saturations=trace.saturations,
    )


def parts_of(lengths: Integers, steps: int) -> Iterator[slice]:
    """Successive sequences of about so many steps, at least one."""
    start = 0
    for end in range(1, len(lengths) + 1):
        if end == len(lengths) or lengths[start : end + 1].sum() > steps:
            yield slice(start, end)
            start = end


def _again(part: Part, reference: QuantizedNetwork, pace: Pace, play: Prepared) -> Comparison:
    """The first sequences of a part with pauses, and a reset in the middle of one."""
    again = part.beginning(PAUSED_STEPS)
    with ALONE:
        trace = reference.compute(again.u, again.valid)
    return compare(trace, play(again.stimulus(pace, reset_after=_half(part.valid[0], part.u))))


def _logits(run: Run, trace: Trace) -> Integers:
    """The circuit's answers in the shape of the reference's, if they are as many."""
    return run.logits if trace.logits.ndim == 2 else run.answers_by_sequence(trace.logits.shape[1])


def _half(length: int, u: Integers) -> int:
    """Beats of half a sequence, of a long one's beginning; one short of a step where a step has several."""
    features = u.shape[2]
    return int(min(length // 2 + 1, 8)) * features - (features > 1)


def _joined(one: Comparison, other: Comparison) -> Comparison:
    """Two comparisons of the same sequences as one; the first difference is the first one's, if any."""
    return Comparison(
        compared_values=one.compared_values + other.compared_values,
        mismatches=one.mismatches + other.mismatches,
        first_mismatch=one.first_mismatch or other.first_mismatch,
    )


def _placed(comparison: Comparison, first_sequence: int) -> Comparison:
    """The comparison with its sequence counted from the beginning of all."""
    first = comparison.first_mismatch
    if first is None:
        return comparison
    return replace(comparison, first_mismatch=replace(first, sequence=first.sequence + first_sequence))
