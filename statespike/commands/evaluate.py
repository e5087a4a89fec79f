"""`statespike evaluate`: accuracy of a network on a task."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table

from quantize.errors import StatespikeError
from quantize.evaluate import Evaluation
from quantize.evaluate import evaluate as evaluate_network
from quantize.network import QuantizedNetwork
from quantize.scores import Classification, Regression, real_outputs
from quantize.words import count
from statespike.models.tasks.task import Sequences
from statespike.networks import class_names_of, integers_of, labels_for, network_for, sequences_of
from statespike.options import Data, Json, Limit, Logits, NetworkPath, TaskName
from statespike.output import progress, say, show, tell_clipping, write_json, write_logits

WIDEST_TABLE = 10
"""Classes of the largest confusion matrix that is printed; `--json` writes one of any size."""


class Arithmetic(StrEnum):
    """What computes the network."""

    FLOAT = "float"
    REFERENCE = "reference"


def evaluate(
    network: NetworkPath,
    task: TaskName = None,
    backend: Annotated[
        Arithmetic, typer.Option(help="real numbers of the checkpoint, or the integer reference")
    ] = Arithmetic.REFERENCE,
    data: Data = None,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="only what `train` leaves out of your data as its test set")
    ] = False,
    limit: Limit = None,
    logits: Logits = None,
    json: Json = None,
) -> None:
    """Measure the accuracy of a network on a task's test set, class by class.

    A network of one output gives a value: its error is measured instead.

    Example: statespike evaluate smnist-gsu smnist-sample --backend reference
    """
    asked = sequences_of(task, data, limit, held_out=held_out)
    read = network_for if backend is Arithmetic.FLOAT else integers_of
    found = read(network, task, data)
    if backend is Arithmetic.FLOAT and isinstance(found, QuantizedNetwork):
        raise StatespikeError(f"{network} holds integers only; give its checkpoint for --backend float")
    sequences = labels_for(asked, found)
    class_names = class_names_of(found) or asked.class_names
    with progress() as bars:
        bar = bars.add_task("evaluating", total=len(sequences))
        result = evaluate_network(
            found, sequences.inputs, sequences.lengths, lambda done: bars.update(bar, completed=done)
        )
    score = score_of(sequences, result, lambda: real_outputs(found, result.logits))
    speed = f"{result.sequences_per_second:.0f} sequences a second"
    on = f"on {count(len(sequences), 'sequence')} ({backend.value}, {speed})"
    if score is None:
        say(f"no labels {on}")
    elif isinstance(score, Regression):
        say(
            f"mean squared error {score.mean_squared:.6g}, mean absolute error {score.mean_absolute:.6g} in "
            f"the unit of y {on}"
        )
    else:
        say(f"accuracy {score.accuracy:.2%} {on}")
        say(f"macro F1 {score.macro_f1:.2%}, Cohen's kappa {score.kappa:.3f}")
        classes = len(score.confusion)
        if classes <= WIDEST_TABLE:
            numbers = tuple(str(label) for label in range(classes))
            names = class_names if len(class_names) == classes else numbers
            show(_confusion(score, names))
            show(_shares(score, names))
    if result.clipping is not None:
        tell_clipping(result.clipping)
    write_logits(logits, result.logits)
    write_json(
        json,
        {
            "network": str(network),
            "task": asked.name,
            "class_names": list(class_names),
            "accuracy": None,
            "n": len(sequences),
            "backend": backend.value,
            "images_per_second": result.sequences_per_second,
            "clipping": None if result.clipping is None else result.clipping.figures(),
            **(score.figures() if score is not None else {}),
        },
    )


def score_of(
    sequences: Sequences, result: Evaluation, outputs: Callable[[], NDArray[np.float64]]
) -> Classification | Regression | None:
    """How good the answers are; None without labels.

    A network of one output tells no classes apart: its output is a value, and labels are what it should be.

    Raises
    ------
    StatespikeError
        When real values are given for a network that tells classes apart, or labels that it does not know.
    """
    if sequences.labels_steps:
        raise StatespikeError(
            "labels are those of steps, and the network answers once a sequence; give one a sequence"
        )
    classes = result.logits.shape[1]
    if classes == 1:
        targets = sequences.targets
        if targets is None and sequences.y is not None:
            targets = sequences.y[:, None].astype(np.float64)
        return None if targets is None else Regression.of(targets, outputs())
    if sequences.targets is not None:
        raise StatespikeError(
            f"y holds real numbers, and the network tells {classes} classes apart; give labels from 0 on"
        )
    return None if sequences.y is None else Classification.of(sequences.y, result.predictions, classes)


def _confusion(score: Classification, names: tuple[str, ...]) -> Table:
    """Rows: the classes that were given; columns: what they were taken for."""
    table = Table("taken for", *names, box=SIMPLE_HEAD)
    for name, counts in zip(names, score.confusion, strict=True):
        table.add_row(f"class {name}", *(str(count) for count in counts))
    return table


def _shares(score: Classification, names: tuple[str, ...]) -> Table:
    """Sensitivity, predictivity and F1 of each class."""
    table = Table("class", "sensitivity", "predictivity", "F1", box=SIMPLE_HEAD)
    for name, *shares in zip(names, score.sensitivity, score.predictivity, score.f1, strict=True):
        table.add_row(name, *("-" if np.isnan(share) else f"{share:.2%}" for share in shares))
    return table
