"""What every backend offers, and the rules of a simulation that they share."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Protocol

from amaranth.lib.wiring import Component

from quantize.errors import StatespikeError
from quantize.files import scratch_folder
from sim.stimulus import Stimulus
from sim.trace import Run

WATCHDOG = 100_000
"""Cycles without any transfer after which a simulation is given up."""

QUIET = WATCHDOG // 4
"""Cycles without any transfer after which a circuit has worked off what it was given."""

DRAIN = 64
"""Cycles simulated after the last answer, in which anything more that comes out is caught."""

MANY_CYCLES = 10_000_000
"""What a simulation of unknown length is compiled for."""

SHORT_RUN = 30_000
"""Cycles that a model without optimisations simulates sooner than an optimised one is compiled."""

USUAL_PACE = 100
"""Cycles of a step of a design that does not tell its own."""


class Prepared(Protocol):
    """A design that is ready to run, any number of times."""

    def __call__(self, stimulus: Stimulus, watchdog: int = WATCHDOG, record: bool = False) -> Run:
        """Simulate from reset until every sequence of `stimulus` is answered.

        Parameters
        ----------
        stimulus : Stimulus
        watchdog : int
            Cycles without any transfer after which the simulation is given up.
        record : bool
            Keep the ports of every cycle; see `sim.recording`.

        Raises
        ------
        StatespikeError
            If the design does not answer, or its answers have unequal numbers of logits.
        """
        ...


class Backend(ABC):
    """One way to run a circuit.

    Members
    -------
    name : str
        As on the command line.
    concurrent : bool
        Threads can run one prepared design at the same time, and gain from it.
    """

    name: str
    concurrent = False

    @abstractmethod
    def prepare(self, design: Component, folder: Path, cycles: int = MANY_CYCLES) -> Prepared:
        """Compile a design, as far as the backend compiles anything.

        Parameters
        ----------
        design : Component
            With ports `i` (stream of `Beat`), `o` (stream of `Logit`) and any number of `tap_<name>` (`Tap`).
        folder : Path
            Where compiled artefacts are kept; what is prepared runs as long as they are there. They serve the
            next run of the same design.
        cycles : int
            About how many will be simulated: a compiler's optimisations have to be worth their time. The
            results are the same.

        Raises
        ------
        StatespikeError
            If a tool is missing or fails.
        """

    def run(
        self, design: Component, stimulus: Stimulus, folder: Path | None = None, watchdog: int = WATCHDOG
    ) -> Run:
        """Prepare a design and simulate it once; without a folder, nothing is kept."""
        with scratch_folder() as temporary:
            cycles = cycles_of(design, sum(stimulus.lengths))
            return self.prepare(design, folder or temporary, cycles)(stimulus, watchdog)


def cycles_of(design: Component, steps: int) -> int:
    """About how many cycles a design takes for so many steps."""
    return steps * getattr(design, "cycles_per_step", USUAL_PACE)


def stuck(watchdog: int, taken: int, beats: int, answered: int, sequences: int) -> StatespikeError:
    """The error of a simulation whose watchdog ran out, saying how far it got."""
    return StatespikeError(
        f"the circuit moved nothing for {watchdog} cycles: it had taken {taken} of {beats} beats "
        f"and answered {answered} of {sequences} sequences"
    )
