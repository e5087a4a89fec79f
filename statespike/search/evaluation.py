"""From a trial to its outcome: a short training, rounding and an estimate."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hdl.devices.devices import find_device
from hdl.devices.resources import Resources
from hdl.energy.step import step_energy
from hdl.planning.planner import BUILDS, Plan, plan_network
from quantize.checkpoint import Checkpoint, checkpoint_bytes, read_checkpoint
from quantize.convert import quantise
from quantize.errors import StatespikeError
from quantize.evaluate import evaluate
from quantize.files import scratch_folder
from quantize.inputs import input_format
from quantize.network import QuantizedNetwork
from quantize.shared import with_shared_formats
from quantize.words import per_second
from statespike.models.tasks.registry import load_task, own_path
from statespike.models.tasks.split import drawn
from statespike.models.tasks.task import Sequences, Task
from statespike.models.train import one_thread, train
from statespike.models.training_sets import training_sets
from statespike.search.trial import Outcome, Result, Trial

VALIDATION_EVERY = 5
"""Training sequences of which one measures the error, in a task that names none for it."""
NO_BUILD = 1.0
"""What a candidate misses whose network has no build of the kind that it asks for, as a share."""


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
    try:
        with one_thread():
            checkpoint = _trained(trial, task)
            network = quantised(trial, checkpoint, task)
            result = replace(_scored(trial, task, network), versions=checkpoint.provenance["versions"])
        return Outcome(planned(result, network, trial), checkpoint_bytes(checkpoint))
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
    start = None
    if trial.weights:
        with scratch_folder() as folder:
            file = folder / "start.safetensors"
            file.write_bytes(trial.weights)
            start = read_checkpoint(file)
    return train(task, _recipe(trial), test=trial.effort.test, bars=False, inherited=start)


def quantised(trial: Trial, checkpoint: Checkpoint, task: Task) -> QuantizedNetwork:
    """The integers of a trial's checkpoint, in its formats; one set for all layers of a folded circuit."""
    samples = task.calibration
    x = np.asarray(samples.x, np.float64)
    network = quantise(checkpoint, x, input_format(x), trial.specification.precision, samples.lengths)
    return with_shared_formats(network) if trial.specification.build == "folded" else network


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


def plan_of(trial: Trial, network: QuantizedNetwork, *, oversize: bool = False) -> Plan:
    """The circuit of a trial's integers: as fast as fits, or the smallest that makes the steps asked for.

    Raises
    ------
    StatespikeError
        If there is none; with `oversize` only if the network has no build of the kind.
    """
    specification = trial.specification
    device = find_device(trial.device).at(specification.clock_mhz or None)
    build = BUILDS[specification.build]
    rate = trial.least_steps_per_second
    plan = plan_network(network, device, oversize=oversize, **build)
    reached = not plan.shortfall and plan.steps_per_second >= rate
    if not rate or (oversize and not reached):
        return plan
    return plan_network(network, device, rate=rate, **build)


def planned(result: Result, network: QuantizedNetwork, trial: Trial) -> Result:
    """The result with the figures of the circuit.

    Of a network that has no build of its kind they are those of its best circuit, which the result lacks.
    """
    specification, rate = trial.specification, trial.least_steps_per_second
    none = ""
    try:
        plan = plan_of(trial, network, oversize=True)
    except StatespikeError as error:
        if specification.build == "any":
            raise
        none = str(error)
        plan = plan_of(
            replace(trial, specification=replace(specification, build="any")), network, oversize=True
        )
    lacks = (none,) if none else tuple(plan.shortfall)
    if plan.steps_per_second < rate:
        lacks += (f"{per_second(plan.steps_per_second)} steps a second where {rate:g} are asked for",)
    return replace(
        result,
        estimate=plan.estimate.as_dict(),
        cycles=plan.cycles_per_step,
        steps_per_second=plan.steps_per_second,
        energy_uj=_energy(network, plan, trial.rate),
        lacks=lacks,
        excess=max(_excess(plan, rate), NO_BUILD if none else 0.0),
    )


def _energy(network: QuantizedNetwork, plan: Plan, rate: float | None) -> Mapping[str, float]:
    """Energy of a step; of a circuit that is too slow for the rate, when it works all the time."""
    if plan.device.power is None:
        return {}
    reached = None if rate is None or plan.steps_per_second < rate else rate
    energy = step_energy(network, plan, plan.device.power, clock_mhz=plan.clock_mhz, rate=reached)
    return {"low": energy.microjoules.low, "high": energy.microjoules.high}


def _excess(plan: Plan, rate: float) -> float:
    """How far a plan exceeds its device, or misses a rate, as a share; 0 if it does neither."""
    shares = [0.0, rate / plan.steps_per_second - 1]
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
    return max(shares)
