"""What a training takes of a task: its sets, its batches, the weights of its classes."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from quantize.answered import UNLABELLED
from quantize.calibration import Precision
from quantize.configuration import POOLINGS
from quantize.errors import StatespikeError
from quantize.scores import check_labels
from statespike.models.recipe import Recipe, model_defaults
from statespike.models.tasks.split import held_out
from statespike.models.tasks.task import Augmentation, Sequences, Task, TaskError

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]

MOST_SEEDS = 1 << 32
"""Seeds that all random generators take."""


def training_sets(task: Task, recipe: Recipe) -> tuple[Sequences, Sequences | None]:
    """Return the sequences that train, and those that choose the epoch; None if none do.

    Raises
    ------
    StatespikeError
        When a label is none of the task's classes, or a class has no sequence to train on.
    """
    sequences = task.train.take(slice(recipe.limit or None))
    validation = task.validation if recipe.validation else None
    if recipe.validation and validation is None:
        drawn = held_out(_classes_of(sequences), recipe.validation, least=0, seed=recipe.seed)
        if drawn.any():
            validation = sequences.take(np.flatnonzero(drawn))
            sequences = sequences.take(np.flatnonzero(~drawn))
    if task.output != "classification":
        return sequences, validation
    for part in (sequences, validation, task.test):
        if part is not None and part.y is not None:
            check_labels(part.y[part.y != UNLABELLED] if part.y.ndim == 2 else part.y, task.classes)
    assert sequences.y is not None
    absent = np.setdiff1d(np.arange(task.classes), sequences.y)
    if len(absent):
        raise TaskError(
            f"task {task.name}: no sequence of class {absent[0]} is among the {len(sequences)} that train; "
            "give more, or a larger --limit"
        )
    return sequences, validation


def _classes_of(sequences: Sequences) -> NDArray[np.int64]:
    """What sequences are drawn by: their labels; nothing where those are of steps, or values."""
    if sequences.y is None or sequences.y.ndim > 1:
        return np.zeros(len(sequences), dtype=np.int64)
    return sequences.y


def class_weights(sequences: Sequences, classes: int, exponent: float) -> torch.Tensor | None:
    """Return the weight of each class in the loss, 1 / frequency**exponent, with a mean of 1 a sequence.

    None for an exponent of 0. A class without a sequence gets a weight of 0.
    """
    if not exponent:
        return None
    assert sequences.y is not None
    labels = sequences.y[sequences.y != UNLABELLED]
    counts = np.bincount(labels, minlength=classes)
    weights = np.where(counts > 0, np.maximum(counts, 1) / len(labels), np.inf) ** -exponent
    return torch.from_numpy(weights * len(labels) / (weights * counts).sum()).float()


def check_task(task: Task, recipe: Recipe) -> None:
    for part in (task.train, task.test):
        if task.output == "classification" and part.y is None:
            raise TaskError(
                f"task {task.name}: training tells classes apart; give labels, whole numbers from 0 on or "
                "names"
            )
        if task.output != "classification" and part.targets is None:
            raise TaskError(f"task {task.name}: training needs a target for every answer; give real values")
    if task.train.labels_steps and recipe.pooling in POOLINGS:
        raise StatespikeError(
            f"task {task.name} has a label or value for each step, and the head {recipe.pooling} answers "
            "once, at the end of a sequence; train with --head every_step or running"
        )
    if recipe.balance and task.output != "classification":
        raise StatespikeError(f"balance weighs classes, and the outputs of task {task.name} are none; give 0")
    if recipe.label_smoothing and task.output == "regression":
        raise StatespikeError(
            f"label_smoothing spreads labels, and the outputs of task {task.name} are values; give 0"
        )
    for name in ("epochs", "batch", "rate", "state_space_rate"):
        value = getattr(recipe, name)
        if not 0 < value < math.inf:
            raise StatespikeError(f"{name} is {value}; it must be greater than 0, and finite")
    if not 0 <= recipe.seed < MOST_SEEDS:
        raise StatespikeError(f"seed is {recipe.seed}; give a whole number from 0 to {MOST_SEEDS - 1}")
    if not 0 <= recipe.activity_penalty < math.inf:
        raise StatespikeError(
            f"activity_penalty is {recipe.activity_penalty}; it must be 0 or greater, and finite"
        )
    if recipe.activity_penalty and not model_defaults(recipe.model).surrogate:
        raise StatespikeError(
            f"activity_penalty counts spikes and ternary values, and the activations of {recipe.model} are "
            "real numbers; give 0, or another model"
        )
    for name in ("balance", "label_smoothing", "dropout"):
        value = getattr(recipe, name)
        if not 0 <= value <= 1 or (name == "dropout" and value == 1):
            title = "the exponent of the class weights" if name == "balance" else name
            raise StatespikeError(f"{title} is {value}; it must lie between 0 and 1")
    if recipe.validation < 0 or recipe.validation == 1:
        raise StatespikeError(
            f"validation is {recipe.validation}; give 0 for none, or at least 2: every how manieth sequence"
        )
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


def shuffled_batches(
    sequences: Sequences, recipe: Recipe, epochs_done: int, augment: Augmentation | None = None
) -> Iterator[Batch]:
    """Yield (x, y, lengths) in an order that only the seed and the number of finished epochs decide.

    So does what `augment` draws.
    """
    generator = np.random.default_rng((recipe.seed, epochs_done))
    order = generator.permutation(len(sequences))
    for start in range(0, len(order), recipe.batch):
        chosen = sequences.take(order[start : start + recipe.batch])
        yield as_tensors(chosen if augment is None else augment(chosen, generator))


def as_tensors(sequences: Sequences) -> Batch:
    """Return x (B, T, F), what is wanted, and lengths (B,) or None.

    That is labels (B,) or (B, T), `UNLABELLED` where there are none, or targets with an axis of outputs
    behind.
    """
    y = np.full(len(sequences), UNLABELLED) if sequences.y is None else sequences.y
    if sequences.targets is not None:
        y = sequences.targets.astype(np.float32)
    lengths = None if sequences.lengths is None else torch.from_numpy(sequences.lengths)
    return torch.from_numpy(sequences.x), torch.from_numpy(y), lengths
