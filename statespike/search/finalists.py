"""What becomes of a candidate that was chosen: a full training, and its files."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from quantize.checkpoint import read_checkpoint
from quantize.errors import StatespikeError
from quantize.file import save_network
from quantize.files import write_whole
from quantize.network import QuantizedNetwork
from statespike.search.evaluation import quantised, task_of
from statespike.search.explore import Candidate, Run, known_or_run
from statespike.search.store import Store
from statespike.search.trial import Effort, Trial


def finish(store: Store, run: Run, trial: Trial, seeds: Iterable[int], epochs: int) -> list[Candidate]:
    """Train a specification in full with several seeds, from random weights, and measure the test set.

    Parameters
    ----------
    store : Store
    run : callable
        See `statespike.search.explore.Run`.
    trial : Trial
        Of the specification, as a search made it.
    seeds : iterable of int
    epochs : int
        On all training sequences.
    """
    effort = Effort(epochs=epochs, sequences=0, validation=0, batch=trial.effort.batch, test=True)
    trials = [replace(trial, seed=seed, effort=effort, start="", weights=b"") for seed in seeds]
    results = known_or_run(trials, store, run).by_key
    return [Candidate(one, results[one.key]) for one in trials]


@dataclass(frozen=True)
class Written:
    """Files of a candidate, and its integers."""

    checkpoint: Path
    network: Path
    integers: QuantizedNetwork


def write(store: Store, candidate: Candidate, folder: Path) -> Written:
    """Write a candidate's checkpoint and its network of integers into a folder, TASK-ID.

    Raises
    ------
    StatespikeError
        If the candidate could not be trained or quantised.
    """
    trial, result = candidate.trial, candidate.result
    if result.failure:
        raise StatespikeError(f"candidate {candidate.identifier} has no network: {result.failure}")
    name = f"{Path(trial.task).stem}-{candidate.identifier}"
    checkpoint, network = folder / f"{name}.safetensors", folder / f"{name}-integers.safetensors"
    write_whole(checkpoint, store.checkpoint(trial))
    integers = quantised(trial, read_checkpoint(checkpoint), task_of(trial))
    save_network(integers, network)
    return Written(checkpoint, network, integers)
