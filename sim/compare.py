"""Equality of a circuit's run with the integer reference, and the first place where they differ."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from quantize.answers import answer_counts, answer_steps
from quantize.errors import StatespikeError
from quantize.formats import Integers
from quantize.trace import Trace
from sim.trace import Run

LOGITS = "logits"
"""Layer name of a mismatch in the answers."""
OVERRUN, ENDS = "overrun", "ends"
"""Layer names of mismatches in an answer's marks."""
MARKS = (OVERRUN, ENDS)


class Reference(Protocol):
    """What is compared with: the trace that `QuantizedNetwork.compute` returns.

    Members
    -------
    logits : int64 (sequences, classes), or (sequences, answers, classes) with a stride
    answer_stride : int or None
        See `quantize.answers`; only asked for where sequences have several answers.
    overruns : bool (sequences,)
        Whether a sequence is longer than the network is made for.
    taps : mapping of name to int64 (sequences, steps, channels)
        In data-flow order. Steps beyond a sequence's length mean nothing.
    """

    @property
    def logits(self) -> Integers: ...
    @property
    def answer_stride(self) -> int | None: ...
    @property
    def overruns(self) -> NDArray[np.bool_]: ...
    @property
    def taps(self) -> Mapping[str, Integers]: ...


@dataclass(frozen=True)
class Mismatch:
    """One value that differs.

    Parameters
    ----------
    layer : str
        Name of the tap, "logits", "overrun", or "ends".
    sequence, step, channel : int
        From 0. For logits the step is the one that the answer follows and the channel is the class; marks are
        0 or 1.
    expected, got : int or None
        Of the reference and of the circuit; None where one of them has no value: a missing or an extra beat.
    """

    layer: str
    sequence: int
    step: int
    channel: int
    expected: int | None
    got: int | None

    def __str__(self) -> str:
        expected = "nothing" if self.expected is None else self.expected
        got = "nothing" if self.got is None else self.got
        return (
            f"layer {self.layer}, sequence {self.sequence}, step {self.step}, channel {self.channel}: "
            f"expected {expected}, got {got}"
        )


@dataclass(frozen=True)
class Comparison:
    """Outcome of a comparison.

    Parameters
    ----------
    compared_values : int
        Values of the reference that were looked for in the run; marks are none.
    mismatches : int
        Values that differ, beats that are missing and beats that are too many.
    first_mismatch : Mismatch or None
        The earliest in data-flow order: sequence, then step, then layer, then channel.
    """

    compared_values: int
    mismatches: int
    first_mismatch: Mismatch | None

    @property
    def bit_exact(self) -> bool:
        """Whether nothing differs."""
        return self.mismatches == 0


@dataclass(frozen=True)
class _Stream:
    """One tap (or the logits) on both sides; burst k belongs to step `places[k]` of all sequences."""

    layer: str
    expected: Integers
    got: Integers
    channels: int
    places: Integers

    def differences(self) -> Integers:
        """Indices at which expected and got differ, one being absent included."""
        common = min(len(self.expected), len(self.got))
        differing = np.flatnonzero(self.expected[:common] != self.got[:common])
        return np.concatenate([differing, np.arange(common, max(len(self.expected), len(self.got)))])


def compare(reference: Reference, run: Run, lengths: Sequence[int] | None = None) -> Comparison:
    """Compare every value of every tap, every logit, and the marks of every answer.

    Parameters
    ----------
    reference : Reference
    run : Run
        Its taps must be the reference's, or it has none (a design built without them): then only logits are
        compared.
    lengths : sequence of int, optional
        Steps of each sequence; by default those of the run.

    Raises
    ------
    StatespikeError
        If the two do not have the same taps or number of sequences.
    """
    lengths = list(run.lengths if lengths is None else lengths)
    if len(lengths) != len(reference.logits):
        raise StatespikeError(f"the run has {len(lengths)} sequences, its reference {len(reference.logits)}")
    if run.taps and set(run.taps) != set(reference.taps):
        raise StatespikeError(
            f"taps of the circuit: {', '.join(run.taps)}; of its reference: {', '.join(reference.taps)}"
        )
    return _outcome(list(_streams(reference, run, lengths)), lengths)


def compare_piece(trace: Trace, run: Run, answered: Integers) -> Comparison:
    """Compare every value of a piece of one sequence, as `quantize.session.Session` computes it.

    Parameters
    ----------
    trace : Trace
        Logits (answers, classes), taps (1, steps, H).
    run : Run
        Of the piece; with the same taps, or none.
    answered : (answers,)
        The steps of the piece, from 0, that answers follow.
    """
    [steps] = run.lengths
    streams = [
        _Stream(layer, values.reshape(-1), run.taps[layer], values.shape[-1], np.arange(steps))
        for layer, values in trace.taps.items()
        if layer in run.taps
    ]
    logits = trace.logits
    streams.append(_Stream(LOGITS, logits.reshape(-1), run.logits.reshape(-1), logits.shape[1], answered))
    return _outcome(streams, [steps])


def _outcome(streams: list[_Stream], lengths: list[int]) -> Comparison:
    differences = [stream.differences() for stream in streams]
    return Comparison(
        compared_values=sum(len(stream.expected) for stream in streams if stream.layer not in MARKS),
        mismatches=sum(len(indices) for indices in differences),
        first_mismatch=_first(streams, differences, lengths),
    )


def _streams(reference: Reference, run: Run, lengths: list[int]) -> Iterator[_Stream]:
    """Both sides of each tap in data-flow order, then the logits and their marks."""
    steps = np.arange(sum(lengths))
    for layer, values in reference.taps.items():
        if layer in run.taps:
            flat = np.concatenate([values[index, :length] for index, length in enumerate(lengths)])
            yield _Stream(layer, flat.reshape(-1), run.taps[layer], values.shape[-1], steps)
    starts: Integers = np.cumsum(lengths) - np.array(lengths)
    expected, got = reference.logits, run.logits
    stride = reference.answer_stride if expected.ndim == 3 else None
    counts = answer_counts(np.array(lengths), stride)
    found = np.arange(counts.max()) < counts[:, None]
    # The step that each answer follows.
    places: Integers = (starts[:, None] + answer_steps(np.array(lengths), max(lengths), stride))[found]
    answers = expected[:, : counts.max()][found] if expected.ndim == 3 else expected
    yield _Stream(LOGITS, answers.reshape(-1), got.reshape(-1), expected.shape[-1], places)
    overruns = np.repeat(reference.overruns, counts).astype(np.int64)
    yield _Stream(OVERRUN, overruns, run.overruns.astype(np.int64), 1, places)
    if run.ends is not None:
        ends = np.zeros(counts.sum(), dtype=np.int64)
        ends[np.cumsum(counts) - 1] = 1
        yield _Stream(ENDS, ends, run.ends.astype(np.int64), 1, places)


def _first(streams: list[_Stream], differences: list[Integers], lengths: list[int]) -> Mismatch | None:
    """The earliest difference of all streams."""
    found = []
    for order, (stream, indices) in enumerate(zip(streams, differences, strict=True)):
        if len(indices):
            burst, channel = divmod(int(indices[0]), stream.channels)
            # A beat too many belongs nowhere: it is told as one after the last step.
            place = int(stream.places[burst]) if burst < len(stream.places) else sum(lengths)
            found.append((place, order, channel, int(indices[0])))
    if not found:
        return None
    place, order, channel, index = min(found)
    stream = streams[order]
    ends = np.cumsum(lengths)
    sequence = min(int(np.searchsorted(ends, place, side="right")), len(lengths) - 1)
    return Mismatch(
        layer=stream.layer,
        sequence=sequence,
        step=place - int(ends[sequence] - lengths[sequence]),
        channel=channel,
        expected=int(stream.expected[index]) if index < len(stream.expected) else None,
        got=int(stream.got[index]) if index < len(stream.got) else None,
    )
