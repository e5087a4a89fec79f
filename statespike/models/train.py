"""Training a classifier: AdamW, one cycle of the learning rate, the weights of the best validated epoch."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from quantize.answered import Answered
from quantize.checkpoint import Checkpoint, read_checkpoint
from quantize.configuration import NetworkConfig, parameter_count
from quantize.errors import StatespikeError
from quantize.scores import Regression, score_answers
from statespike.models import network_file
from statespike.models.losses import LOSSES, Scale, answered
from statespike.models.network import Network
from statespike.models.recipe import Recipe
from statespike.models.report import TrainingReport
from statespike.models.resume import Progress, load_state, save_state
from statespike.models.rounded import RoundedNetwork
from statespike.models.tasks.task import Sequences, Task
from statespike.models.training_sets import (
    Batch,
    as_tensors,
    check_task,
    class_weights,
    shuffled_batches,
    training_sets,
)
from statespike.models.units import Unit

EVALUATION_BATCH = 100
LAST_EPOCH = "weights after the last epoch"
BEST_EPOCH = "weights of the epoch with the best validation"
INHERITED = "its first weights were those of another training"
MOST_PARAMETERS = 1 << 28
"""Of a network: with the optimiser's two averages and the gradient, 4 GB."""
TEST_SET = {False: "the test set was not used", True: "the test set was used once"}
SLOW_PARAMETERS = ("log_dt", "log_A_real", "A_imag")


@dataclass(frozen=True)
class EpochResult:
    """What an epoch gave: mean training loss, accuracy on the validation set (0 to 1), sequences a second.

    The accuracy is None without a validation set; `measure` as of a `Score`.
    """

    epoch: int
    loss: float
    accuracy: float | None
    sequences_per_second: float
    measure: str = "accuracy"


@dataclass(frozen=True)
class Score:
    """Accuracy, 0 to 1, on n sequences; of values the share of their variance that is explained, at most 1.

    `measure` tells which.
    """

    accuracy: float
    n: int
    measure: str = "accuracy"

    def figures(self) -> dict[str, Any]:
        """Return what a checkpoint keeps of it."""
        figures: dict[str, Any] = {"accuracy": self.accuracy, "n": self.n}
        return figures if self.measure == "accuracy" else figures | {"measure": self.measure}


def measure_of(config: NetworkConfig) -> str:
    """What the scores of a training are."""
    return "explained variance" if config.output == "regression" else "accuracy"


def train(
    task: Task,
    recipe: Recipe,
    *,
    log: Path | None = None,
    resume: Path | None = None,
    on_epoch: Callable[[EpochResult], None] | None = None,
    test: bool = True,
    bars: bool = True,
    inherited: Checkpoint | None = None,
) -> Checkpoint:
    """Train a network and return the checkpoint of the epoch that validated best, the last one if none was.

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
    test : bool
        Measure the accuracy on the test set at the end. A search leaves it for its finalists.
    bars : bool
        Show the batches of each epoch on a terminal.
    inherited : Checkpoint, optional
        Of a network of any size, whose tensors are the first weights as far as they reach. The checkpoint
        tells so beside its command, which does not.

    Raises
    ------
    StatespikeError
        When the labels are missing, the first weights are of another network, the state file does not belong
        to the run, or the loss is not finite.
    """
    check_task(task, recipe)
    torch.manual_seed(recipe.seed)
    config = recipe.network_config(task.features, task.classes, task.output)
    _require_size(config)
    network = Network(config, **recipe.network_options)
    scale = Scale.of(task.train, task.output)
    if inherited is not None:
        network.inherit(inherited)
    if recipe.start:
        network.load_checkpoint(read_checkpoint(network_file(recipe.start)))
        if scale is not None:
            scale.out_of(network)
    trained: Network | RoundedNetwork = network
    if recipe.quantize:
        trained = RoundedNetwork.calibrated(network, recipe.quantize, task.calibration)
    optimizer = AdamW(parameter_groups(network, recipe))
    sequences, validation = training_sets(task, recipe)
    if scale is not None:
        sequences, validation = scale.applied(sequences), scale.applied(validation) if validation else None
    loss_of = _loss_function(task, recipe, trained, class_weights(sequences, task.classes, recipe.balance))
    batches = math.ceil(len(sequences) / recipe.batch)
    peaks = [recipe.rate, recipe.state_space_rate]
    schedule = OneCycleLR(optimizer, peaks, epochs=recipe.epochs, steps_per_epoch=batches)
    progress = Progress(0, 0, 0.0, {})
    if resume is not None and resume.exists():
        progress = load_state(resume, task.name, recipe, network, optimizer, schedule)
    measure = measure_of(config)
    with TrainingReport(
        log, progress.epochs > 0, recipe.epochs, batches, bars=bars, measure=measure
    ) as report:
        report.line(recipe.command(task.source or task.name))
        report.line(
            f"{network.parameter_count} parameters, {len(sequences)} training sequences, {_versions()}"
        )
        for epoch in range(progress.epochs + 1, recipe.epochs + 1):
            report.begin_epoch(epoch)
            # What dropout draws follows from the epoch as well, so that a resumed run draws the same.
            torch.manual_seed(recipe.seed + epoch)
            started = time.monotonic()
            trained.train()
            for batch in shuffled_batches(sequences, recipe, epoch - 1, task.augment):
                loss = loss_of(batch)
                if not torch.isfinite(loss):
                    raise StatespikeError(
                        f"the loss became {loss.item()} in epoch {epoch}; train with a lower --rate"
                    )
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                report.batch(loss.item())
            _require_finite(network, epoch)
            speed = len(sequences) / (time.monotonic() - started)
            accuracy = None if validation is None else evaluate(trained, validation)
            report.end_epoch(accuracy, 0 if validation is None else len(validation), speed)
            progress.take(epoch, accuracy or 0.0, network)
            if resume is not None:
                save_state(resume, task.name, recipe, progress, network, optimizer, schedule)
            if on_epoch is not None:
                on_epoch(EpochResult(epoch, report.mean_loss, accuracy, speed, measure))
        network.load_state_dict(progress.weights)
        tested = None
        if test:
            test_set = task.test if scale is None else scale.applied(task.test)
            tested = Score(evaluate(trained, test_set), len(test_set), measure)
            report.end(progress.best, tested.accuracy, tested.n)
        if scale is not None:
            scale.into(network)
    validated = None if validation is None else Score(progress.accuracy, len(validation), measure)
    provenance = _provenance(task, recipe, tested, validated, progress)
    if inherited is not None:
        provenance["selection"] += f"; {INHERITED}"
    return network.to_checkpoint(provenance)


def _loss_function(
    task: Task, recipe: Recipe, trained: Network | RoundedNetwork, weights: torch.Tensor | None
) -> Callable[[Batch], torch.Tensor]:
    """The mean loss of a batch, as a function, with what the recipe adds for activity."""
    stride = trained.config.answer_stride
    units = [part for part in trained.modules() if isinstance(part, Unit)] if recipe.activity_penalty else []
    for unit in units:
        unit.counts_activity = True

    def loss_of(batch: Batch) -> torch.Tensor:
        inputs, labels, lengths = batch
        answers, wanted = answered(trained(inputs, lengths), labels, lengths, inputs.shape[1], stride)
        loss = LOSSES[task.output](answers, wanted, weights, recipe.label_smoothing)
        shares = [unit.activity for unit in units if unit.activity is not None]
        return loss + recipe.activity_penalty * torch.stack(shares).mean() if shares else loss

    return loss_of


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread of PyTorch: more of them change the last digits of weights."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _require_size(config: NetworkConfig) -> None:
    """Refuse a network that would fill the memory, before anything of it is made."""
    layer = replace(config, layers=1, array=config.arrays[0])
    parameters = parameter_count(layer) * config.layers
    if parameters > MOST_PARAMETERS:
        raise StatespikeError(
            f"a network of {config.layers:,} layers, {config.channels:,} channels and {config.modes:,} modes "
            f"has about {parameters:.1e} parameters, more than {MOST_PARAMETERS:,}, the most that are "
            "trained here; choose smaller sizes"
        )


def _require_finite(network: Network, epoch: int) -> None:
    """Refuse weights, and statistics of the data, that are no numbers any more."""
    for name, tensor in network.state_dict().items():
        if not torch.isfinite(tensor).all():
            raise StatespikeError(
                f"{name} is not finite after epoch {epoch}; train with a lower --rate, or scale the data "
                "to values about 1"
            )


def parameter_groups(network: Network, recipe: Recipe) -> list[dict[str, Any]]:
    """Split the parameters: time steps and poles learn slowly and do not decay towards zero."""
    slow = [p for name, p in network.named_parameters() if name.endswith(SLOW_PARAMETERS)]
    other = [p for name, p in network.named_parameters() if not name.endswith(SLOW_PARAMETERS)]
    return [
        {"params": other, "lr": recipe.rate},
        {"params": slow, "lr": recipe.state_space_rate, "weight_decay": 0.0},
    ]


@torch.no_grad()
def evaluate(network: Network | RoundedNetwork, sequences: Sequences) -> float:
    """Return the accuracy, 0 to 1, on labelled sequences; leaves the network in evaluation mode.

    Of values it is the explained share of their variance, at most 1. All answers count that have a label.
    """
    network.eval()
    config = network.config
    parts = []
    for start in range(0, len(sequences), EVALUATION_BATCH):
        inputs, labels, lengths = as_tensors(sequences.take(slice(start, start + EVALUATION_BATCH)))
        logits = network(inputs, lengths)
        parts.append(answered(logits, labels, lengths, inputs.shape[1], config.answer_stride))
    outputs, wanted = (torch.cat(each).numpy() for each in zip(*parts, strict=True))
    every = np.zeros(len(outputs), dtype=np.int64)
    score = score_answers(config.output, Answered(outputs, wanted, every, every > 0))
    return score.explained if isinstance(score, Regression) else score.accuracy


def _provenance(
    task: Task, recipe: Recipe, tested: Score | None, validated: Score | None, progress: Progress
) -> dict[str, Any]:
    return {
        "task": task.name,
        "class_names": list(task.class_names),
        "seed": recipe.seed,
        "epochs": recipe.epochs,
        "test_accuracy": None if tested is None else tested.figures(),
        "validation_accuracy": None if validated is None else validated.figures(),
        "chosen_epoch": progress.best,
        "command": recipe.command(task.source or task.name),
        "selection": f"{_chosen_by(validated)}; {TEST_SET[tested is not None]}",
        "recipe": asdict(recipe),
        "versions": _versions(),
    }


def _chosen_by(validated: Score | None) -> str:
    return LAST_EPOCH if validated is None else f"{BEST_EPOCH} {validated.measure}"


def _versions() -> str:
    return f"torch {torch.__version__}, numpy {np.__version__}, {torch.get_num_threads()} thread(s)"
