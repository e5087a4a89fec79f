"""What every backend offers, and the rules of a simulation that they share."""

from pathlib import Path
from typing import Protocol

from amaranth.lib.wiring import Component

from quantize.errors import StatespikeError
from sim.stimulus import Stimulus
from sim.trace import Run

WATCHDOG = 100_000
"""Cycles without any transfer after which a simulation is given up."""

DRAIN = 64
"""Cycles simulated after the last answer, in which anything more that comes out is caught."""


class Backend(Protocol):
    """One way to run a circuit.

    Members
    -------
    name : str
        As on the command line.
    """

    name: str

    def run(
        self, design: Component, stimulus: Stimulus, folder: Path | None = None, watchdog: int = WATCHDOG
    ) -> Run:
        """Simulate `design` from reset until it has answered every sequence of `stimulus`.

        Parameters
        ----------
        design : Component
            With ports `i` (stream of `Beat`), `o` (stream of `Logit`) and any number of `tap_<name>` (`Tap`).
        stimulus : Stimulus
        folder : Path or None
            Where compiled artefacts are kept for the next run of the same design; None keeps nothing.
        watchdog : int
            Cycles without any transfer after which the simulation is given up.

        Raises
        ------
        StatespikeError
            If a tool is missing, the design does not answer, or its answers have unequal numbers of logits.
        """
        ...


def stuck(watchdog: int, taken: int, beats: int, answered: int, sequences: int) -> StatespikeError:
    """The error of a simulation whose watchdog ran out, saying how far it got."""
    return StatespikeError(
        f"the circuit moved nothing for {watchdog} cycles: it had taken {taken} of {beats} beats "
        f"and answered {answered} of {sequences} sequences"
    )
