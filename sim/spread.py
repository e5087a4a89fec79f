"""A check whose runs are played elsewhere, by processes that make and compile the circuit for themselves."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from amaranth.lib.wiring import Component

from hdl.toolchain.verilog import rtlil_text
from quantize.errors import StatespikeError
from quantize.formats import Integers
from quantize.jobs import Run, in_order
from quantize.network import QuantizedNetwork
from sim.backends import backend
from sim.backends.base import Prepared
from sim.backends.cxxrtl import Cxxrtl
from sim.check import Check, gathered, prepare, runs_of, valid_of
from sim.pace import Pace, Varied
from sim.part import Outcome, Part, outcome

BACKEND = Cxxrtl.name
"""What plays the runs: a library that a process compiles once."""


@dataclass(frozen=True)
class Circuit:
    """All that a process needs to make a circuit.

    Parameters
    ----------
    make : callable
        Makes it; can be pickled.
    sha256 : str
        Of the RTLIL that must come of it.
    steps : int
        Simulated in all, for which it is worth compiling.
    """

    make: Callable[[], Component]
    sha256: str
    steps: int


@dataclass(frozen=True)
class Work:
    """One run, and all that it depends on."""

    circuit: Circuit
    reference: QuantizedNetwork
    pace: Pace | Varied
    part: Part


def spread(
    make: Callable[[], Component],
    reference: QuantizedNetwork,
    u: Integers,
    lengths: Integers | None,
    pace: Pace | Varied,
    run: Run,
    play: Callable[[Work], Outcome],
    on_progress: Callable[[int], None] = lambda done: None,
) -> Check:
    """Run sequences through a circuit as `sim.check.check` does; the runs, and all counts, are the same.

    Parameters
    ----------
    make : callable
        See `Circuit`.
    reference, u, lengths, pace, on_progress
        See `sim.check.check`.
    run : Run
        Where the runs are played.
    play : callable
        `played` with a folder, which the other processes can import.

    Raises
    ------
    StatespikeError
        See `sim.check.check`; and if another process makes another circuit.
    """
    valid = valid_of(u, lengths)
    circuit = Circuit(make, _digest(make()), int(valid.sum()))
    began = time.perf_counter()
    outcomes = list(
        in_order(
            run,
            play,
            runs_of(valid),
            lambda chosen: Work(circuit, reference, pace, Part(u[chosen], valid[chosen], chosen.start)),
            on_progress,
        )
    )
    return gathered(outcomes, BACKEND, time.perf_counter() - began, run.at_once)


def played(work: Work, folder: Path) -> Outcome:
    """Play one run in this process, with a circuit that is compiled for its first run.

    Parameters
    ----------
    work : Work
    folder : Path
        Keeps compiled circuits as long as the process lives.

    Raises
    ------
    StatespikeError
        If the circuit is another one here, a tool is missing, or the circuit does not answer.
    """
    return outcome(work.part, work.reference, work.pace, lambda: _compiled(work.circuit, folder))


_known: dict[tuple[str, int, Path], Prepared] = {}


def _compiled(circuit: Circuit, folder: Path) -> Prepared:
    """The compiled circuit; asked for by one thread at a time, see `sim.part.outcome`."""
    key = circuit.sha256, circuit.steps, folder
    if key not in _known:
        if _digest(circuit.make()) != circuit.sha256:
            raise StatespikeError(
                "another circuit of the same network is made here; install the version of Amaranth that the "
                "command runs with"
            )
        _known[key] = prepare(circuit.make(), backend(BACKEND), folder, circuit.steps)
    return _known[key]


def _digest(circuit: Component) -> str:
    return hashlib.sha256(rtlil_text(circuit).encode()).hexdigest()
