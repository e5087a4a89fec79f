"""A network's circuit beside its integer reference, over any number of sequences."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from threading import Lock

import numpy as np
from amaranth.lib.wiring import Component

from quantize.files import scratch_folder
from quantize.formats import Integers
from quantize.network import QuantizedNetwork
from quantize.trace import Trace
from sim.backends.base import Backend, Prepared, cycles_of
from sim.compare import Comparison, Mismatch, compare
from sim.pace import FULL_SPEED, PAUSED_STEPS, Pace, Varied
from sim.ports import Ports, ports_of
from sim.stimulus import Stimulus
from sim.trace import Run

STEPS_AT_ONCE = 1 << 12
"""Steps of a run: enough that its beginning costs little, few enough that a hundred sequences keep many cores
busy. What all layers compute in them takes some megabytes."""


@dataclass(frozen=True)
class Check:
    """Outcome of a comparison over all sequences.

    Parameters
    ----------
    backend : str
    compared_values, mismatches : int
    first_mismatch : Mismatch or None
        As in `sim.compare.Comparison`, over all plays.
    logits : (sequences, classes), or (sequences, answers, classes) with a stride
        Of the circuit; see `quantize.trace.Trace`.
    steps, cycles : int
        Simulated in all.
    cycles_per_step : float
        Cycles between steps in the steady state.
    simulation_seconds : float
        Processor time of all simulations, without compiling.
    seconds : float
        Wall-clock time of simulations, reference and comparison, without compiling.
    jobs : int
        Simulations at the same time.
    saturations : dict of name to int
        Of the reference; see `quantize.trace.Trace`.
    """

    backend: str
    compared_values: int
    mismatches: int
    first_mismatch: Mismatch | None
    logits: Integers
    steps: int
    cycles: int
    cycles_per_step: float
    simulation_seconds: float
    seconds: float
    jobs: int
    saturations: dict[str, int]

    @property
    def bit_exact(self) -> bool:
        """Whether nothing differs."""
        return self.mismatches == 0

    @property
    def cycles_per_second(self) -> float:
        """Clock cycles that one core simulates in a second."""
        return self.cycles / max(self.simulation_seconds, 1e-9)


@dataclass(frozen=True)
class _Part:
    """Outcome of one run; its taps are not kept."""

    comparison: Comparison
    logits: Integers
    steps: int
    cycles: int
    cycles_per_step: float
    seconds: float
    saturations: dict[str, int]


def check(
    design: Callable[[], Component],
    reference: QuantizedNetwork,
    u: Integers,
    lengths: Integers | None,
    backend: Backend,
    pace: Pace | Varied = Varied(),
    folder: Path | None = None,
    on_progress: Callable[[int], None] = lambda done: None,
    jobs: int | None = None,
    on_recording: Callable[[Run, Ports], None] | None = None,
) -> Check:
    """Run sequences through a circuit and compare every value of every tap, and every logit.

    The sequences are cut into runs that do not depend on `jobs`, so neither does anything that is counted.

    Parameters
    ----------
    design : callable
        Makes the circuit, when the input has been found good; usually a `hdl.network.top.Network` with taps:
        without them only logits are compared.
    reference : QuantizedNetwork
        What the circuit has to compute.
    u : (sequences, steps, features) in the input format
    lengths : (sequences,), optional
        Valid steps of each sequence; all by default. The circuit is not given the others.
    backend : Backend
    pace : Pace or Varied
        How source and sink behave. `FULL_SPEED` plays nothing twice.
    folder : Path, optional
        Where compiled circuits are kept.
    on_progress : callable, optional
        Called with the number of sequences done.
    jobs : int, optional
        Simulations at the same time, by default one for each core of this process; always one if the backend
        is not concurrent.
    on_recording : callable, optional
        Called with one more run of the first sequence, of which the ports of every cycle are kept, and the
        ports.

    Raises
    ------
    StatespikeError
        If the input does not suit the network, a tool is missing, or the circuit does not answer.
    """
    valid = np.full(len(u), u.shape[1]) if lengths is None else lengths
    workers = (jobs or len(os.sched_getaffinity(0))) if backend.concurrent else 1
    with scratch_folder() as temporary:
        plays = _Plays(design, reference, u, valid, backend, pace, folder or temporary)
        parts = _simulated(plays.outcome, list(_parts(valid, STEPS_AT_ONCE)), workers, on_progress)
        seconds = time.perf_counter() - plays.ready_at
        if on_recording is not None:
            play, ports = plays.prepared
            on_recording(play(plays.stimulus(slice(0, 1), plays.measured), record=True), ports)
    steps = sum(part.steps for part in parts)
    return Check(
        backend=backend.name,
        compared_values=sum(part.comparison.compared_values for part in parts),
        mismatches=sum(part.comparison.mismatches for part in parts),
        first_mismatch=next(
            (part.comparison.first_mismatch for part in parts if not part.comparison.bit_exact), None
        ),
        logits=np.concatenate([part.logits for part in parts]),
        steps=steps,
        cycles=sum(part.cycles for part in parts),
        cycles_per_step=sum(part.cycles_per_step * part.steps for part in parts) / steps,
        simulation_seconds=sum(part.seconds for part in parts),
        seconds=seconds,
        jobs=workers,
        saturations={name: sum(part.saturations[name] for part in parts) for name in parts[0].saturations},
    )


class _Plays:
    """Runs of a circuit beside its reference, asked for by several threads.

    Parameters
    ----------
    design, reference, u, backend, pace
        As of `check`.
    valid : (sequences,)
    folder : Path
        Where compiled circuits are kept.

    Attributes
    ----------
    measured : Pace
        Of the runs whose cycles count.
    ready_at : float
        When the circuit was compiled, by `time.perf_counter`.
    """

    def __init__(
        self, design: Callable[[], Component], reference: QuantizedNetwork, u: Integers, valid: Integers,
        backend: Backend, pace: Pace | Varied, folder: Path,
    ):  # fmt: skip
        self.design, self.reference, self.u, self.valid = design, reference, u, valid
        self.backend, self.pace, self.folder = backend, pace, folder
        self.measured = FULL_SPEED if isinstance(pace, Varied) else pace
        self.ready_at = 0.0
        # The reference is parallel in itself, and must not be called twice at a time.
        self.one_at_a_time = Lock()

    @cached_property
    def prepared(self) -> tuple[Prepared, Ports]:
        """The compiled circuit, made when the first input has been found good."""
        circuit = self.design()
        # Twice, as most of them are played again with pauses where they are few.
        play = self.backend.prepare(circuit, self.folder, 2 * cycles_of(circuit, int(self.valid.sum())))
        self.ready_at = time.perf_counter()
        return play, ports_of(circuit)

    def stimulus(self, part: slice, pace: Pace, reset_after: int | None = None) -> Stimulus:
        """Some of the sequences, to be played at a pace."""
        return Stimulus(
            [sequence[:length] for sequence, length in zip(self.u[part], self.valid[part], strict=True)],
            input_gaps=pace.input_gaps,
            output_stalls=pace.output_stalls,
            seed=pace.seed + part.start,
            reset_after=reset_after,
        )

    def outcome(self, part: slice) -> _Part:
        """Play some of the sequences, and the first of them again with pauses, if the pace says so."""
        with self.one_at_a_time:
            trace = self.reference.compute(self.u[part], self.valid[part])
            play, _ = self.prepared
        run = play(self.stimulus(part, self.measured))
        comparison = compare(trace, run)
        if isinstance(self.pace, Varied) and comparison.bit_exact:
            comparison = _joined(comparison, self._again(part, self.pace.pauses()))
        return _Part(
            comparison=_placed(comparison, part.start),
            logits=_logits(run, trace),
            steps=sum(run.lengths),
            cycles=run.cycles,
            cycles_per_step=run.cycles_per_step,
            seconds=run.seconds,
            saturations=trace.saturations,
        )

    def _again(self, part: slice, pace: Pace) -> Comparison:
        """The first sequences of a part with pauses, and a reset in the middle of one."""
        beginning = next(_parts(self.valid[part], PAUSED_STEPS))
        again = slice(part.start + beginning.start, part.start + beginning.stop)
        with self.one_at_a_time:
            trace = self.reference.compute(self.u[again], self.valid[again])
        play, _ = self.prepared
        reset_after = _half(self.valid[part.start], self.u)
        return compare(trace, play(self.stimulus(again, pace, reset_after=reset_after)))


def _logits(run: Run, trace: Trace) -> Integers:
    """The circuit's answers in the shape of the reference's, if they are as many."""
    return run.logits if trace.logits.ndim == 2 else run.answers_by_sequence(trace.logits.shape[1])


def _simulated(
    simulate: Callable[[slice], _Part], parts: list[slice], workers: int, on_progress: Callable[[int], None]
) -> list[_Part]:
    """Outcomes of all parts, in their order; the first error ends them all."""
    done = 0
    with ThreadPoolExecutor(workers) as pool:
        futures = {pool.submit(simulate, part): part for part in parts}
        try:
            for future in as_completed(futures):
                future.result()
                done += futures[future].stop - futures[future].start
                on_progress(done)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [future.result() for future in futures]


def _parts(lengths: Integers, steps: int) -> Iterator[slice]:
    """Successive sequences of about so many steps, at least one."""
    start = 0
    for end in range(1, len(lengths) + 1):
        if end == len(lengths) or lengths[start : end + 1].sum() > steps:
            yield slice(start, end)
            start = end


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
