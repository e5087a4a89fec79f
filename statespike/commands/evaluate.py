"""`statespike evaluate`: accuracy of a network on a task."""

from enum import StrEnum
from typing import Annotated

import typer

from quantize.errors import StatespikeError
from quantize.evaluate import evaluate as evaluate_network
from quantize.load import load
from quantize.network import QuantizedNetwork
from quantize.words import count
from statespike.networks import integers_of, sequences_of
from statespike.options import Data, Json, Limit, Logits, NetworkPath, TaskName
from statespike.output import progress, say, write_json, write_logits


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
    limit: Limit = None,
    logits: Logits = None,
    json: Json = None,
) -> None:
    """Measure the accuracy of a network on a task's test set.

    Example: statespike evaluate smnist-gsu smnist-sample --backend reference
    """
    sequences = sequences_of(task, data, limit)
    found = load(network) if backend is Arithmetic.FLOAT else integers_of(network, task, data)
    if backend is Arithmetic.FLOAT and isinstance(found, QuantizedNetwork):
        raise StatespikeError(f"{network} holds integers only; give its checkpoint for --backend float")
    with progress() as bars:
        bar = bars.add_task("evaluating", total=len(sequences))
        result = evaluate_network(
            found, sequences.x, sequences.lengths, lambda done: bars.update(bar, completed=done)
        )
    accuracy = result.accuracy(sequences.y)
    score = "no labels" if accuracy is None else f"accuracy {accuracy:.2%}"
    say(
        f"{score} on {count(len(sequences), 'sequence')} ({backend.value}, "
        f"{result.sequences_per_second:.0f} sequences a second)"
    )
    write_logits(logits, result.logits)
    write_json(
        json,
        {
            "network": str(network),
            "task": task,
            "accuracy": accuracy,
            "n": len(sequences),
            "backend": backend.value,
            "images_per_second": result.sequences_per_second,
        },
    )
