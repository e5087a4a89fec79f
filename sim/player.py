"""Plays a stimulus cycle by cycle and records what comes out: the rules of `sim.stimulus`, in Python.

Simulators that are driven from Python (Amaranth's own, cocotb) share this; the C++ driver does the same in
C++.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np

from sim.backends.base import DRAIN, stuck
from sim.ports import Ports
from sim.stimulus import Stimulus
from sim.trace import Run, logits_by_answer


class Phase(Enum):
    """Stage of a simulation: what is fed before a reset, the reset, the sequences, and the rest."""

    BEFORE_RESET = auto()
    RESET = auto()
    RUN = auto()
    DRAIN = auto()
    DONE = auto()


@dataclass
class Drive:
    """Input signals of one cycle.

    Members
    -------
    reset, valid, ready : bool
        For `rst`, `i.valid` and `o.ready`.
    payload : int
        For `i.payload`, packed.
    """

    reset: bool
    valid: bool
    ready: bool
    payload: int


class Player:
    """Source, sink, recorder and watchdog of one simulation.

    In every cycle, `drive()` tells the input signals; what the outputs are just before the clock's active
    edge goes to `observe()`. The simulation is over when `phase` is `Phase.DONE`.

    Parameters
    ----------
    stimulus : Stimulus
    ports : Ports
    watchdog : int
        Cycles without any transfer until `observe` raises.
    record : bool
        Keep the ports of every cycle.
    """

    def __init__(self, stimulus: Stimulus, ports: Ports, watchdog: int, record: bool = False):
        self.stimulus = stimulus
        self.ports = ports
        self.watchdog = watchdog
        self.record = record
        beats = stimulus.beats()
        self.payloads = ports.payloads(beats).tolist()
        self.starts = beats.starts.tolist()
        self.gap, self.stall = stimulus.dice()
        self._start(Phase.RUN if stimulus.reset_after is None else Phase.BEFORE_RESET)

    def _start(self, phase: Phase) -> None:
        self.phase = phase
        self.cycle = 0
        self.idle = 0
        self.taken = 0
        self.waited = 0
        self.offered = False
        self.limit = len(self.payloads)
        self.logits: list[int] = []
        self.logit_last: list[bool] = []
        self.overruns: list[bool] = []
        self.ends: list[bool] = []
        self.taps: list[list[int]] = [[] for _ in self.ports.taps]
        self.recording: list[list[int]] = []
        self.step_cycles: list[int] = []
        self.answer_cycles: list[int] = []
        if phase is Phase.BEFORE_RESET and self.stimulus.reset_after is not None:
            self.limit = self.stimulus.reset_after
            self.phase = phase if self.limit else Phase.RESET

    def drive(self) -> Drive:
        """Input signals of the next cycle."""
        gap, stall = self.gap.throw(), self.stall.throw()
        if self.phase is Phase.RESET:
            return Drive(reset=True, valid=False, ready=False, payload=0)
        self.offered = self.taken < self.limit and (self.offered or not gap)
        payload = self.payloads[self.taken] if self.offered else 0
        self.accepting = not stall
        return Drive(reset=False, valid=self.offered, ready=self.accepting, payload=payload)

    def observe(self, ready: bool, valid: bool, payload: int, taps: Collection[tuple[int, int]]) -> None:
        """Record the outputs of the cycle that `drive` prepared.

        Parameters
        ----------
        ready : bool
            `i.ready`.
        valid, payload : bool, int
            `o.valid` and `o.payload`.
        taps : (index, value) pairs
            The taps that are valid in this cycle.

        Raises
        ------
        StatespikeError
            If the watchdog runs out.
        """
        if self.phase is Phase.RESET:
            self._start(Phase.RUN)
            return
        self.idle += 1
        if self.record:
            self._record(ready, valid, payload, taps)
        for index, value in taps:
            self.taps[index].append(value)
            self.idle = 0
        if self.offered and ready:
            self._take()
        if valid and self.accepting:
            self._accept(payload)
        self.cycle += 1
        if self.phase is Phase.BEFORE_RESET and self.taken == self.limit:
            if self.waited == self.stimulus.reset_wait:
                self.phase = Phase.RESET
            self.waited += 1
        elif self.phase is Phase.DRAIN and self.cycle == self.answer_cycles[-1] + 1 + DRAIN:
            self.phase = Phase.DONE
        elif self.idle >= self.watchdog:
            answered, sequences = sum(self.ends), len(self.stimulus.lengths)
            raise stuck(self.watchdog, self.taken, len(self.payloads), answered, sequences)

    def _record(self, ready: bool, valid: bool, payload: int, taps: Collection[tuple[int, int]]) -> None:
        """Keep a row of `sim.recording.columns_of`."""
        offered = self.payloads[self.taken] if self.offered else 0
        row = [self.offered, ready, _signed(offered), valid, self.accepting, _signed(payload) if valid else 0]
        row += [0, 0] * len(self.ports.taps)
        for index, value in taps:
            row[6 + 2 * index : 8 + 2 * index] = [1, value]
        self.recording.append(row)

    def _take(self) -> None:
        if self.starts[self.taken]:
            self.step_cycles.append(self.cycle)
        self.taken += 1
        self.offered = False
        self.idle = 0

    def _accept(self, payload: int) -> None:
        self.logits.append(self.ports.logit.signed(payload))
        self.logit_last.append(bool(self.ports.logit_last.unsigned(payload)))
        self.idle = 0
        if not self.logit_last[-1]:
            return
        self.overruns.append(bool(self.ports.overrun.unsigned(payload)))
        self.ends.append(bool(self.ports.ends.unsigned(payload)))
        if self.phase is Phase.RUN:
            self.answer_cycles.append(self.cycle)
            if sum(self.ends) == len(self.stimulus.lengths):
                self.phase = Phase.DRAIN

    def run(self, backend: str, seconds: float) -> Run:
        """The record, once the simulation is over; `seconds` is how long it took."""
        return Run(
            backend=backend,
            logits=logits_by_answer(self.logits, self.logit_last),
            overruns=np.array(self.overruns, dtype=np.bool_),
            ends=np.array(self.ends, dtype=np.bool_),
            taps={
                name: np.array(values, dtype=np.int64)
                for name, values in zip(self.ports.taps, self.taps, strict=True)
            },
            cycles=self.answer_cycles[-1] + 1,
            step_cycles=np.array(self.step_cycles, dtype=np.int64),
            answer_cycles=np.array(self.answer_cycles, dtype=np.int64),
            lengths=self.stimulus.lengths,
            seconds=seconds,
            recording=np.array(self.recording, dtype=np.int64) if self.record else None,
        )


def _signed(payload: int) -> int:
    """The same 64 bits as a signed number."""
    return payload - (payload >> 63 << 64)
