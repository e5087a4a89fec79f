"""`statespike evaluate`: accuracy of a network on a task."""

from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Any

import numpy as np
import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from quantize.answered import Answered
from quantize.checkpoint import Checkpoint
from quantize.errors import StatespikeError, naming
from quantize.evaluate import REAL_NUMBERS_STAY, Evaluation
from quantize.evaluate import evaluate as evaluate_network
from quantize.jobs import HERE
from quantize.network import QuantizedNetwork
from quantize.scores import (
    Classification,
    MultiLabel,
    Regression,
    Score,
    by_place,
    output_of,
    real_outputs,
    score_answers,
)
from quantize.words import count, per_second
from statespike.models.tasks.task import Sequences
from statespike.networks import class_names_of, integers_of, labels_for, network_for, sequences_of
from statespike.options import Data, Json, Limit, Logits, NetworkPath, Scheduler, TaskName
from statespike.output import progress, say, show, tell_clipping, write_json, write_logits
from statespike.spreading import asked_workers, figures_of, tell_workers

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
    scheduler: Scheduler = None,
    logits: Logits = None,
    json: Json = None,
) -> None:
    """Measure the accuracy of a network on a task's test set, class by class.

    A network that gives values has an error, in the unit of y, and --logits then writes those values.
    One that answers again and again is measured over all of its answers, and at the end of sequences.

    Example: statespike evaluate smnist-gsu smnist-sample --backend reference
    """
    if scheduler is not None and backend is Arithmetic.FLOAT:
        raise StatespikeError(REAL_NUMBERS_STAY)
    asked = sequences_of(task, data, limit, held_out=held_out)
    read = network_for if backend is Arithmetic.FLOAT else integers_of
    found = read(network, task, data)
    if backend is Arithmetic.FLOAT and isinstance(found, QuantizedNetwork):
        raise StatespikeError(f"{network} holds integers only; give its checkpoint for --backend float")
    sequences = labels_for(asked, found)
    class_names = class_names_of(found) or asked.class_names
    with asked_workers(scheduler) as workers, progress() as bars:
        bar = bars.add_task("evaluating", total=len(sequences))
        result = evaluate_network(
            found,
            sequences.inputs,
            sequences.lengths,
            lambda done: bars.update(bar, completed=done),
            HERE if workers is None else workers,
        )
    output, stride = output_of(found), stride_of(found)
    if output == "regression":
        result = replace(result, logits=real_outputs(found, result.logits))
    with naming(asked.source):
        answered = answered_of(sequences, result, stride)
    speed = f"{per_second(result.sequences_per_second)} sequences a second"
    on = f"on {count(len(sequences), 'sequence')} ({backend.value}, {speed})"
    score = None
    if answered is None:
        say(f"no labels {on}")
    elif not len(answered.outputs):
        say(f"no step has a label {on}")
    else:
        with naming(asked.source):
            score = score_answers(output, answered)
        _tell(
            score, on if stride is None else f"of {count(len(answered.outputs), 'answer')} {on}", class_names
        )
    by_answer: dict[str, Any] = {}
    if score is not None and answered is not None and stride is not None:
        ends = score_answers(output, answered.take(answered.last)) if answered.last.any() else None
        if ends is not None:
            _tell(ends, "of the last answer of each sequence", class_names)
        by_answer = {
            "answers": len(answered.outputs),
            "at_end": None if ends is None else ends.figures(),
            "by_answer": by_place(output, answered),
        }
    if result.clipping is not None:
        tell_clipping(result.clipping)
    tell_workers(workers)
    # Values are written as such; of scores the integers, which `simulate` writes too.
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
            "scheduler": figures_of(scheduler, workers),
            "output": output,
            "stride": stride,
            "output_scale": 2.0**-found.decoder.fraction if isinstance(found, QuantizedNetwork) else 1.0,
            "clipping": None if result.clipping is None else result.clipping.figures(),
            **(score.figures() if score is not None else {}),
            **by_answer,
        },
    )


def stride_of(network: Checkpoint | QuantizedNetwork) -> int | None:
    """Steps between two answers of a network (`quantize.answers`)."""
    return network.config.answer_stride if isinstance(network, Checkpoint) else network.answer_stride


def score_of(
    sequences: Sequences, result: Evaluation, network: Checkpoint | QuantizedNetwork
) -> Score | None:
    """How good a network's logits are; None without labels."""
    output = output_of(network)
    if output == "regression":
        result = replace(result, logits=real_outputs(network, result.logits))
    answered = answered_of(sequences, result, stride_of(network))
    return None if answered is None or not len(answered.outputs) else score_answers(output, answered)


def answered_of(sequences: Sequences, result: Evaluation, stride: int | None) -> Answered | None:
    """The answers beside the labels or targets; None without those."""
    wanted = sequences.y if sequences.targets is None else sequences.targets
    if wanted is None:
        return None
    steps = sequences.x.shape[1]
    return Answered.of(
        result.logits, wanted, sequences.lengths, steps, stride, of_steps=sequences.labels_steps
    )


def _tell(score: Score, on: str, class_names: tuple[str, ...] = ()) -> None:
    """Say how good some answers are; classes have names, or numbers without."""
    if isinstance(score, Regression):
        say(
            f"mean squared error {score.mean_squared:.6g}, mean absolute error {score.mean_absolute:.6g} in "
            f"the unit of y {on}"
        )
    elif isinstance(score, MultiLabel):
        say(
            f"{score.accuracy:.2%} of the labels right, all of them in {score.exact:.2%} of the answers, {on}"
        )
        say(f"macro F1 {score.macro_f1:.2%}")
    else:
        say(f"accuracy {score.accuracy:.2%} {on}")
        say(f"macro F1 {score.macro_f1:.2%}, Cohen's kappa {score.kappa:.3f}")
        if len(score.confusion) <= WIDEST_TABLE:
            numbers = tuple(str(label) for label in range(len(score.confusion)))
            names = class_names if len(class_names) == len(numbers) else numbers
            show(_confusion(score, names))
            show(_shares(score, names))


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
