"""A network's circuit beside its integer reference, over any number of sequences."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from amaranth.lib.wiring import Component

from quantize.files import scratch_folder
from quantize.formats import Integers
from quantize.jobs import InThreads, in_order
from quantize.network import QuantizedNetwork
from sim.backends.base import Backend, Prepared, cycles_of
from sim.compare import Mismatch
from sim.pace import Pace, Varied
from sim.part import Outcome, Part, measured, outcome, parts_of
from sim.ports import Ports, ports_of
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
        Wall-clock time of simulations, reference and comparison, without compiling; of workers, with it.
    jobs : int
        Simulations at the same time, or workers that took part.
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
    valid = valid_of(u, lengths)
    run = InThreads((jobs or len(os.sched_getaffinity(0))) if backend.concurrent else 1)
    with scratch_folder() as temporary:
        compiled = _Compiled(design, backend, folder or temporary, int(valid.sum()))
        outcomes = list(
            in_order(
                run,
                lambda part: outcome(part, reference, pace, lambda: compiled.play),
                runs_of(valid),
                lambda chosen: Part(u[chosen], valid[chosen], chosen.start),
                on_progress,
            )
        )
        seconds = time.perf_counter() - compiled.ready_at
        if on_recording is not None:
            first = Part(u[:1], valid[:1], 0)
            on_recording(compiled.play(first.stimulus(measured(pace)), record=True), compiled.ports)
    return gathered(outcomes, backend.name, seconds, run.at_once)


def valid_of(u: Integers, lengths: Integers | None) -> Integers:
    """Valid steps of each sequence (sequences,)."""
    return np.full(len(u), u.shape[1]) if lengths is None else lengths


def runs_of(valid: Integers) -> list[slice]:
    """The sequences of each run."""
    return list(parts_of(valid, STEPS_AT_ONCE))


def gathered(outcomes: list[Outcome], backend: str, seconds: float, jobs: int) -> Check:
    """All runs, in the order of their sequences, as one outcome; see `Check`."""
    steps = sum(one.steps for one in outcomes)
    return Check(
        backend=backend,
        compared_values=sum(one.comparison.compared_values for one in outcomes),
        mismatches=sum(one.comparison.mismatches for one in outcomes),
        first_mismatch=next(
            (one.comparison.first_mismatch for one in outcomes if not one.comparison.bit_exact), None
        ),
        logits=np.concatenate([one.logits for one in outcomes]),
        steps=steps,
        cycles=sum(one.cycles for one in outcomes),
        cycles_per_step=sum(one.cycles_per_step * one.steps for one in outcomes) / steps,
        simulation_seconds=sum(one.seconds for one in outcomes),
        seconds=seconds,
        jobs=jobs,
        saturations={
            name: sum(one.saturations[name] for one in outcomes) for name in outcomes[0].saturations
        },
    )


class _Compiled:
    """A circuit that is made and compiled when it is first asked for.

    Attributes
    ----------
    ready_at : float
        When it was, by `time.perf_counter`.
    """

    def __init__(self, design: Callable[[], Component], backend: Backend, folder: Path, steps: int):
        self._design, self._backend, self._folder, self._steps = design, backend, folder, steps
        self.ready_at = 0.0

    @cached_property
    def _made(self) -> tuple[Prepared, Ports]:
        circuit = self._design()
        play = prepare(circuit, self._backend, self._folder, self._steps)
        self.ready_at = time.perf_counter()
        return play, ports_of(circuit)

    @property
    def play(self) -> Prepared:
        """What plays it."""
        return self._made[0]

    @property
    def ports(self) -> Ports:
        """Its ports."""
        return self._made[1]


def prepare(circuit: Component, backend: Backend, folder: Path, steps: int) -> Prepared:
    """Compile a circuit for so many steps in all; twice, as most are played again with pauses if few."""
    return backend.prepare(circuit, folder, 2 * cycles_of(circuit, steps))
