"""Training a classifier: AdamW, one cycle of the learning rate, the weights of the last epoch."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from quantize.calibration import Precision
from quantize.checkpoint import Checkpoint, read_checkpoint
from quantize.errors import StatespikeError
from statespike.models.network import Network
from statespike.models.recipe import Recipe
from statespike.models.report import TrainingReport
from statespike.models.resume import load_state, save_state
from statespike.models.rounded import RoundedNetwork
from statespike.models.tasks.task import Sequences, Task, TaskError

EVALUATION_BATCH = 100
SELECTION = "weights after the last epoch; the test set was only watched"
SLOW_PARAMETERS = ("log_dt", "log_A_real", "A_imag")

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]


@dataclass(frozen=True)
class EpochResult:
    """What an epoch gave: mean training loss, accuracy on the test set (0 to 1), sequences a second."""

    epoch: int
    loss: float
    accuracy: float
    sequences_per_second: float


def train(
    task: Task,
    recipe: Recipe,
    *,
    log: Path | None = None,
    resume: Path | None = None,
    on_epoch: Callable[[EpochResult], None] | None = None,
) -> Checkpoint:
    """Train a network and return the checkpoint of its last epoch.

    Parameters
    ----------
    task : Task
    recipe : Recipe
    log : Path, optional
        Text file of the run, one line for every hundred batches and every epoch.
    resume : Path, optional
        State file, written after every epoch. If it exists, the run goes on from it and ends with the same
        weights as one that was never interrupted.
    on_epoch : callable, optional
        Called after every epoch, when the state is already on disk.

    Raises
    ------
    StatespikeError
        When the labels are missing, the first weights are of another network, the state file does not belong
        to the run, or the loss is not finite.
    """
    _check(task, recipe)
    torch.manual_seed(recipe.seed)
    network = Network(recipe.network_config(task.features, task.classes), **recipe.network_options)
    if recipe.start:
        network.load_checkpoint(read_checkpoint(Path(recipe.start)))
    trained: nn.Module = network
    if recipe.quantize:
        trained = RoundedNetwork.calibrated(network, recipe.quantize, task.calibration)
    optimizer = AdamW(parameter_groups(network, recipe))
    sequences = task.train.take(slice(recipe.limit or None))
    batches = math.ceil(len(sequences) / recipe.batch)
    peaks = [recipe.rate, recipe.state_space_rate]
    schedule = OneCycleLR(optimizer, peaks, epochs=recipe.epochs, steps_per_epoch=batches)
    first, accuracy = 0, None
    if resume is not None and resume.exists():
        first = load_state(resume, task.name, recipe, network, optimizer, schedule)
    with TrainingReport(log, first > 0, recipe.epochs, batches) as report:
        report.line(recipe.command(task.name))
        report.line(
            f"{network.parameter_count} parameters, {len(sequences)} training sequences, {_versions()}"
        )
        for epoch in range(first + 1, recipe.epochs + 1):
            report.begin_epoch(epoch)
            started = time.monotonic()
            trained.train()
            for inputs, labels, lengths in shuffled_batches(sequences, recipe, epoch - 1):
                loss = cross_entropy(trained(inputs, lengths), labels)
                if not torch.isfinite(loss):
                    raise StatespikeError(
                        f"the loss became {loss.item()} in epoch {epoch}; train with a lower --rate"
                    )
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                report.batch(loss.item())
            speed = len(sequences) / (time.monotonic() - started)
            result = EpochResult(epoch, report.mean_loss, evaluate(trained, task.test), speed)
            report.end_epoch(result.accuracy, len(task.test), speed)
            accuracy = result.accuracy
            if resume is not None:
                save_state(resume, task.name, recipe, epoch, network, optimizer, schedule)
            if on_epoch is not None:
                on_epoch(result)
    if accuracy is None:  # the state file was that of a finished run
        accuracy = evaluate(trained, task.test)
    return network.to_checkpoint(_provenance(task, recipe, accuracy))


def _check(task: Task, recipe: Recipe) -> None:
    if task.train.y is None or task.test.y is None:
        raise TaskError(f"task {task.name}: training needs labels; give an array y")
    for name in ("epochs", "batch", "rate", "state_space_rate"):
        value = getattr(recipe, name)
        if not value > 0:
            raise StatespikeError(f"{name} is {value}; it must be greater than 0")
    if recipe.limit < 0:
        raise StatespikeError(f"limit is {recipe.limit}; give a number of sequences, or 0 for all")
    if recipe.quantize:
        Precision(recipe.quantize)
        if recipe.pole_sets or recipe.trained_input:
            raise StatespikeError(
                "shared poles and trained inputs are folded before they are rounded; "
                "train for --quantize without --pole-sets and --trained-input"
            )
        if not recipe.start:
            raise StatespikeError("--quantize fine-tunes a trained network; name its checkpoint with --start")


def parameter_groups(network: Network, recipe: Recipe) -> list[dict[str, Any]]:
    """Split the parameters: time steps and poles learn slowly and do not decay towards zero."""
    slow = [p for name, p in network.named_parameters() if name.endswith(SLOW_PARAMETERS)]
    other = [p for name, p in network.named_parameters() if not name.endswith(SLOW_PARAMETERS)]
    return [
        {"params": other, "lr": recipe.rate},
        {"params": slow, "lr": recipe.state_space_rate, "weight_decay": 0.0},
    ]


def shuffled_batches(sequences: Sequences, recipe: Recipe, epochs_done: int) -> Iterator[Batch]:
    """Yield (x, y, lengths) in an order that only the seed and the number of finished epochs decide."""
    order = np.random.default_rng((recipe.seed, epochs_done)).permutation(len(sequences))
    for start in range(0, len(order), recipe.batch):
        yield as_tensors(sequences.take(order[start : start + recipe.batch]))


def as_tensors(sequences: Sequences) -> Batch:
    """Return x (B, T, F), y (B,) and lengths (B,) or None; y is -1 where there are no labels."""
    y = np.full(len(sequences), -1) if sequences.y is None else sequences.y
    lengths = None if sequences.lengths is None else torch.from_numpy(sequences.lengths)
    return torch.from_numpy(sequences.x), torch.from_numpy(y), lengths


@torch.no_grad()
def evaluate(network: nn.Module, sequences: Sequences) -> float:
    """Return the accuracy, 0 to 1, on labelled sequences; leaves the network in evaluation mode."""
    network.eval()
    correct = 0
    for start in range(0, len(sequences), EVALUATION_BATCH):
        inputs, labels, lengths = as_tensors(sequences.take(slice(start, start + EVALUATION_BATCH)))
        correct += int((network(inputs, lengths).argmax(1) == labels).sum())
    return correct / len(sequences)


def _provenance(task: Task, recipe: Recipe, accuracy: float) -> dict[str, Any]:
    return {
        "task": task.name,
        "seed": recipe.seed,
        "epochs": recipe.epochs,
        "test_accuracy": {"accuracy": accuracy, "n": len(task.test)},
        "command": recipe.command(task.name),
        "selection": SELECTION,
        "recipe": asdict(recipe),
        "versions": _versions(),
    }


def _versions() -> str:
    return f"torch {torch.__version__}, numpy {np.__version__}, {torch.get_num_threads()} thread(s)"
