"""A circuit whose stream is paused and continued, beside the same session of the integer reference."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from amaranth.lib.wiring import Component
from numpy.typing import NDArray

from hdl.toolchain.verilog import rtlil_text
from quantize.answers import answers_within
from quantize.errors import StatespikeError
from quantize.formats import Integers
from quantize.network import QuantizedNetwork
from quantize.session import Session
from sim.backends.base import cycles_of
from sim.backends.compiled import play
from sim.backends.cxxrtl import Cxxrtl
from sim.check import Check
from sim.compare import compare_piece
from sim.pace import FULL_SPEED, Pace
from sim.ports import ports_of
from sim.stimulus import Stimulus

CIRCUIT, DESIGN = "circuit", "design"
"""Names of a saved circuit's entries, beside those of `quantize.session`: its words, and what it is."""


class CircuitSession:
    """A sequence that a circuit is given in pieces; compiled by CXXRTL, whose designs can be saved.

    Parameters
    ----------
    network : QuantizedNetwork
        The reference.
    design : Component
        The network's circuit; with taps, every value is compared.
    folder : Path
        Where the compiled circuit is kept.

    Attributes
    ----------
    reference : Session
    """

    def __init__(self, network: QuantizedNetwork, design: Component, folder: Path):
        self.reference = Session(network)
        self._ports = ports_of(design)
        self._circuit, self._folder = design, folder
        self._library: Path | None = None
        self._design = hashlib.sha256(rtlil_text(design).encode()).hexdigest()
        self._state: Integers | None = None

    def compute(self, u: Integers, *, ended: bool = False, pace: Pace = FULL_SPEED) -> Check:
        """Give the circuit and the reference the next steps u (steps, beats), and compare all values.

        Parameters
        ----------
        u : (steps, beats)
        ended : bool
            The sequence ends with them.
        pace : Pace

        Raises
        ------
        StatespikeError
            If the steps do not suit the network, or the circuit does not answer.
        """
        if self._library is None:  # compiled for as long as the first piece is
            cycles = cycles_of(self._circuit, len(u))
            self._library = Cxxrtl().library(self._circuit, self._folder, cycles)
        network, position = self.reference.network, self.reference.position
        trace = self.reference.compute(u, ended=ended)
        run = play(
            self._library,
            self._ports,
            Cxxrtl.name,
            Stimulus(
                [u], pace.input_gaps, pace.output_stalls, pace.seed, goes_on=position > 0, open_end=not ended
            ),
            state=self._state,
        )
        self._state = run.state
        comparison = compare_piece(
            trace, run, answers_within(position, len(u), network.answer_stride, ended=ended)
        )
        return Check(
            backend=run.backend,
            compared_values=comparison.compared_values,
            mismatches=comparison.mismatches,
            first_mismatch=comparison.first_mismatch,
            logits=run.logits.reshape(-1, network.classes),
            steps=len(u),
            cycles=run.cycles,
            cycles_per_step=run.cycles_per_step,
            simulation_seconds=run.seconds,
            seconds=run.seconds,
            jobs=1,
            saturations=trace.saturations,
        )

    def saved(self) -> dict[str, NDArray[np.generic]]:
        """The session as arrays for `numpy.savez`; see `restore`."""
        entries = self.reference.saved() | {DESIGN: np.array(self._design)}
        return entries if self._state is None else entries | {CIRCUIT: self._state}

    def restore(self, saved: Mapping[str, NDArray[np.generic]]) -> None:
        """Go on where a session of the same circuit was saved.

        Raises
        ------
        StatespikeError
            If it was another network's or another circuit's, or something is missing.
        """
        self.reference.restore(saved)
        begun = self.reference.position > 0
        if DESIGN not in saved or (begun and CIRCUIT not in saved):
            raise StatespikeError("the saved session has no circuit's state; save it from a simulation")
        if str(saved[DESIGN]) != self._design:
            raise StatespikeError(
                "the saved session is of another circuit; take the device that it was saved with"
            )
        self._state = np.asarray(saved[CIRCUIT], dtype=np.int64) if begun else None
