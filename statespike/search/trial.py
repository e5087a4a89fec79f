"""A trial: from a specification to figures, by a short training, rounding and an estimate.

The outcome depends on the trial alone, so it may run anywhere, again, and more than once.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from hdl.devices.devices import Device, find_device
from hdl.devices.resources import Resources
from hdl.energy.step import step_energy
from hdl.planning.planner import Plan, plan_network
from quantize.checkpoint import Checkpoint, checkpoint_bytes
from quantize.convert import quantise
from quantize.errors import StatespikeError
from quantize.evaluate import evaluate
from quantize.inputs import input_format
from quantize.network import QuantizedNetwork
from statespike.models.tasks.registry import load_task, own_path
from statespike.models.tasks.split import drawn
from statespike.models.tasks.task import Sequences, Task
from statespike.models.train import one_thread, train, training_sets
from statespike.search.space import Specification

VERSION = 2
"""Of what a trial does; another one makes earlier results those of other trials."""
SHOWN = 8
"""Digits of a trial's key that tell it from the others of a study."""
VALIDATION_EVERY = 5
"""Training sequences of which one measures the error, in a task that names none for it."""


@dataclass(frozen=True)
class Effort:
    """How much a trial costs.

    Parameters
    ----------
    epochs : int
        Of the training.
    sequences : int
        The first so many of the training set; all for 0.
    validation : int
        Most sequences that measure the error; all for 0.
    batch : int
        Sequences an update.
    test : bool
        Measure the test set too: of finalists alone, so that nothing is chosen by it.
    """

    epochs: int = 4
    sequences: int = 1000
    validation: int = 500
    batch: int = 32
    test: bool = False


@dataclass(frozen=True)
class Trial:
    """Everything that decides an outcome.

    Parameters
    ----------
    specification : Specification
    seed : int
        Of the training.
    task : str
    device : str
    effort : Effort
    rate : float or None
        Steps a second that the circuit must make.
    data : str
        Where the task's files are, or data of one's own; empty for the task's own place.
    data_sha256 : str
        Of a file of one's own. Of a folder there is none: it is taken to stay as it is.
    """

    specification: Specification
    seed: int
    task: str
    device: str
    effort: Effort = field(default_factory=Effort)
    rate: float | None = None
    data: str = ""
    data_sha256: str = ""

    @property
    def key(self) -> str:
        """Name of the trial by its content, 64 hexadecimal digits; where its files lie is none of it."""
        content = asdict(self) | {"version": VERSION}
        del content["data"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """The trial as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Trial":
        """A trial of JSON values."""
        parts = {
            "specification": Specification(**values["specification"]),
            "effort": Effort(**values["effort"]),
        }
        return cls(**dict(values) | parts)


@dataclass(frozen=True)
class Result:
    """What became of a trial.

    Parameters
    ----------
    failure : str
        Why there are no figures, in a sentence; empty otherwise.
    error : float
        Share of the validation sequences that the integers take for another class.
    validation : int
        How many those were.
    test_error, tested : float and int
        The same of the test set; nothing is tested unless the trial's effort says so.
    estimate : dict
        Cells of the device by kind, see `hdl.devices.resources.Resources`; empty of a failure.
    cycles, steps_per_second : int, float
        A step's cycles, and the speed at the planned clock.
    energy_uj : dict
        Microjoules of a step, "low" and "high", at the planned clock or at the trial's rate; empty where the
        device's energy is not modelled. See `hdl.energy.step`.
    lacks : tuple of str
        What the device is short of, or the speed, in words; nothing if the candidate can be built.
    excess : float
        How far the worst shortage goes, as a share of what there is; 0 if nothing is short.
    versions : str
        Of what trained it.
    """

    failure: str = ""
    error: float = 1.0
    validation: int = 0
    test_error: float | None = None
    tested: int = 0
    estimate: Mapping[str, int] = field(default_factory=dict)
    cycles: int = 0
    steps_per_second: float = 0.0
    energy_uj: Mapping[str, float] = field(default_factory=dict)
    lacks: tuple[str, ...] = ()
    excess: float = 0.0
    versions: str = ""

    @property
    def feasible(self) -> bool:
        """Whether it has figures, fits the device and meets the rate."""
        return not (self.failure or self.lacks)

    def as_json(self) -> dict[str, Any]:
        """The result as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Result":
        """A result of JSON values."""
        return cls(**dict(values) | {"lacks": tuple(values["lacks"])})


@dataclass(frozen=True)
class Candidate:
    """A trial and its result."""

    trial: Trial
    result: Result

    @property
    def identifier(self) -> str:
        """What a user calls it."""
        return self.trial.key[:SHOWN]

    def as_json(self) -> dict[str, Any]:
        """The candidate as JSON values."""
        return {
            "id": self.identifier,
            "key": self.trial.key,
            "trial": self.trial.as_json(),
            "result": self.result.as_json(),
        }


@dataclass(frozen=True)
class Outcome:
    """A result, and the trained checkpoint as the bytes of its file; empty if there is none."""

    result: Result
    checkpoint: bytes = b""


def evaluate_trial(trial: Trial) -> Outcome:
    """Train, quantise, evaluate and plan a specification, with one thread.

    What cannot be trained, quantised or planned is an outcome of its own. An error in the task's data, which
    all trials have in common, is raised.

    Raises
    ------
    StatespikeError
        If the task's data are missing or others than the trial says.
    """
    task = _task_of(trial)
    device = find_device(trial.device)
    try:
        with one_thread():
            checkpoint = _trained(trial, task)
            network = quantised(trial, checkpoint, task)
            result = replace(_scored(trial, task, network), versions=checkpoint.provenance["versions"])
        return Outcome(planned(result, network, device, trial.rate), checkpoint_bytes(checkpoint))
    except StatespikeError as error:
        return Outcome(Result(failure=str(error)))


def digest_of(task: str, data: Path | None) -> str:
    """Digest of a file of a user's own sequences; empty for folders, and for the files of a task."""
    own = own_path(task, data)
    return hashlib.sha256(own.read_bytes()).hexdigest() if own is not None and own.is_file() else ""


def task_of(trial: Trial) -> Task:
    """The task as it is named."""
    return load_task(trial.task, trial.data or None)


def _task_of(trial: Trial) -> Task:
    """The task, its own validation set no larger than the trial says.

    Raises
    ------
    StatespikeError
        See `evaluate_trial`.
    """
    if digest_of(trial.task, Path(trial.data) if trial.data else None) != trial.data_sha256:
        raise StatespikeError(
            f"{trial.data or trial.task} is not the file that the search began with; restore it, or begin "
            "another study"
        )
    task = task_of(trial)
    if task.train.y is None or task.train.y.ndim != 1:
        raise StatespikeError(
            f"task {task.name} has no label for each sequence, and a search counts wrong ones; give whole "
            "numbers y (sequences,)"
        )
    own = task.validation
    if own is None or not trial.effort.validation:
        return task
    part = own.take(drawn(len(own), trial.effort.validation))
    return replace(task, load_validation=lambda: part)


def _recipe(trial: Trial) -> Any:
    effort = trial.effort
    return trial.specification.recipe(
        seed=trial.seed,
        epochs=effort.epochs,
        batch=effort.batch,
        limit=effort.sequences,
        validation=VALIDATION_EVERY,
    )


def _trained(trial: Trial, task: Task) -> Checkpoint:
    return train(task, _recipe(trial), test=trial.effort.test, bars=False)


def quantised(trial: Trial, checkpoint: Checkpoint, task: Task) -> QuantizedNetwork:
    """The integers of a trial's checkpoint, in its formats."""
    samples = task.calibration
    x = np.asarray(samples.x, np.float64)
    return quantise(checkpoint, x, input_format(x), trial.specification.precision, samples.lengths)


def _scored(trial: Trial, task: Task, network: QuantizedNetwork) -> Result:
    """The errors of the integers."""
    _, validation = training_sets(task, _recipe(trial))
    if validation is None:
        raise StatespikeError(
            f"task {task.name} has too few training sequences to hold some out for validation; give more"
        )
    if trial.effort.validation:
        validation = validation.take(drawn(len(validation), trial.effort.validation))
    error = _error(network, validation)
    if not trial.effort.test:
        return Result(error=error, validation=len(validation))
    return Result(
        error=error,
        validation=len(validation),
        test_error=_error(network, task.test),
        tested=len(task.test),
    )


def _error(network: QuantizedNetwork, sequences: Sequences) -> float:
    accuracy = evaluate(network, sequences.x, sequences.lengths).accuracy(sequences.y)
    if accuracy is None:
        raise StatespikeError("the sequences that measure the error have no labels; give an array y")
    return 1.0 - accuracy


def planned(result: Result, network: QuantizedNetwork, device: Device, rate: float | None) -> Result:
    """The result with the figures of the circuit: as fast as fits, or the smallest that makes the rate."""
    plan = plan_network(network, device, oversize=True)
    lacks = tuple(plan.shortfall)
    if rate is not None and plan.steps_per_second < rate:
        lacks += (f"{plan.steps_per_second:.0f} steps a second where {rate:g} are asked for",)
    elif rate is not None and not lacks:
        plan = plan_network(network, device, rate=rate)
    return replace(
        result,
        estimate=plan.estimate.as_dict(),
        cycles=plan.cycles_per_step,
        steps_per_second=plan.steps_per_second,
        energy_uj=_energy(network, plan, rate),
        lacks=lacks,
        excess=_excess(plan, rate),
    )


def _energy(network: QuantizedNetwork, plan: Plan, rate: float | None) -> Mapping[str, float]:
    """Energy of a step; of a circuit that is too slow for the rate, when it works all the time."""
    if plan.device.power is None:
        return {}
    reached = None if rate is None or plan.steps_per_second < rate else rate
    energy = step_energy(network, plan, plan.device.power, clock_mhz=plan.clock_mhz, rate=reached)
    return {"low": energy.microjoules.low, "high": energy.microjoules.high}


def _excess(plan: Plan, rate: float | None) -> float:
    """How far a plan exceeds its device, or misses a rate, as a share; 0 if it does neither."""
    shares = [0.0]
    if plan.shortfall:
        device = plan.device
        room = Resources(
            round(device.luts * device.fullest),
            device.flip_flops,
            device.block_rams,
            device.sprams,
            device.dsps,
        ).as_dict()
        shares += [needed / room[kind] - 1 for kind, needed in plan.estimate.as_dict().items() if room[kind]]
        # Logic cells, which hold look-up tables and flip-flops, may be short where neither is.
        shares.append(plan.logic_cells / room["lut"] - 1)
    if rate is not None:
        shares.append(rate / plan.steps_per_second - 1)
    return max(shares)
