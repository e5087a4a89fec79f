"""Jobs and results as files, for simulators that run in a process of their own."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from quantize.errors import StatespikeError
from sim.ports import Field, Ports
from sim.stimulus import Stimulus
from sim.trace import Run


def save_job(path: Path, stimulus: Stimulus, ports: Ports, watchdog: int, record: bool = False) -> None:
    """Write what a simulation needs to the file `path` (.npz)."""
    pace = {
        "input_gaps": stimulus.input_gaps,
        "output_stalls": stimulus.output_stalls,
        "seed": stimulus.seed,
        "reset_after": stimulus.reset_after,
        "reset_wait": stimulus.reset_wait,
    }
    np.savez(
        path,
        steps=np.concatenate([np.asarray(sequence, dtype=np.int64) for sequence in stimulus.sequences]),
        lengths=np.array(stimulus.lengths),
        settings=json.dumps({"pace": pace, "ports": asdict(ports), "watchdog": watchdog, "record": record}),
    )


def load_job(path: Path) -> tuple[Stimulus, Ports, int, bool]:
    """Stimulus, ports, watchdog and wish for a recording, of a file that `save_job` wrote."""
    with np.load(path) as file:
        sequences = np.split(file["steps"], np.cumsum(file["lengths"])[:-1])
        settings = json.loads(str(file["settings"]))
    description = settings["ports"]
    taps = description.pop("taps")
    ports = Ports(taps=taps, **{name: Field(**place) for name, place in description.items()})
    return Stimulus(sequences, **settings["pace"]), ports, settings["watchdog"], settings["record"]


def save_run(path: Path, run: Run | StatespikeError) -> None:
    """Write a result, or the error that it ended with, to the file `path` (.npz)."""
    if isinstance(run, StatespikeError):
        np.savez(path, error=str(run))
        return
    arrays: dict[str, Any] = {f"tap_{name}": values for name, values in run.taps.items()}
    if run.ends is not None:
        arrays["ends"] = run.ends
    if run.recording is not None:
        arrays["recording"] = run.recording
    np.savez(
        path,
        logits=run.logits,
        overruns=run.overruns,
        step_cycles=run.step_cycles,
        answer_cycles=run.answer_cycles,
        lengths=np.array(run.lengths),
        settings=json.dumps({"backend": run.backend, "cycles": run.cycles, "seconds": run.seconds}),
        **arrays,
    )


def load_run(path: Path) -> Run:
    """The result in a file that `save_run` wrote.

    Raises
    ------
    StatespikeError
        The error that the simulation ended with.
    """
    with np.load(path) as file:
        if "error" in file:
            raise StatespikeError(str(file["error"]))
        return Run(
            **json.loads(str(file["settings"])),
            logits=file["logits"],
            overruns=file["overruns"],
            ends=file.get("ends"),
            taps={name.removeprefix("tap_"): file[name] for name in file.files if name.startswith("tap_")},
            step_cycles=file["step_cycles"],
            answer_cycles=file["answer_cycles"],
            lengths=tuple(int(length) for length in file["lengths"]),
            recording=file.get("recording"),
        )
