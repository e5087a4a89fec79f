"""`statespike train`: a network from a task, with PyTorch."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from quantize.checkpoint import write_checkpoint
from quantize.configuration import ARRAY_NAMES, MODELS
from quantize.constants import THRESHOLD_PARTS
from quantize.errors import StatespikeError
from quantize.words import per_second
from statespike.models.recipe import Recipe
from statespike.models.tasks.registry import TASKS, load_task
from statespike.options import Json, Limit
from statespike.output import remark, say, write_json


def train(
    task: Annotated[
        str, typer.Argument(metavar="TASK", help=f"{', '.join(TASKS)}, or the path of data of your own")
    ],
    model: Annotated[str, typer.Option(help=", ".join(MODELS))] = Recipe.model,
    channels: Annotated[int, typer.Option(help="channels H of every layer")] = Recipe.channels,
    modes: Annotated[
        int, typer.Option(help="complex modes a channel, else the model's", show_default=False)
    ] = 0,
    layers: Annotated[int, typer.Option(help="residual blocks")] = Recipe.layers,
    discretisation: Annotated[str, typer.Option(help="zoh or bilinear")] = Recipe.discretisation,
    initialisation: Annotated[
        str, typer.Option(help="first poles: lin, inv or spread, else the model's", show_default=False)
    ] = "",
    pooling: Annotated[
        str,
        typer.Option(
            "--head", "--pooling", help="answers: mean or last step, once; every_step; or a running mean"
        ),
    ] = Recipe.pooling,
    stride: Annotated[int, typer.Option(help="steps between answers of a running mean")] = Recipe.stride,
    time_constant: Annotated[
        int, typer.Option(help="steps that a running mean looks back, a power of two")
    ] = Recipe.time_constant,
    surrogate: Annotated[
        str, typer.Option(help="surrogate gradient, arctan or arctan:4, else the model's", show_default=False)
    ] = "",
    norm: Annotated[str, typer.Option(help="of the blocks: batch or layer")] = Recipe.norm,
    norm_position: Annotated[
        str, typer.Option(help="pre, before a block, or post, after its sum")
    ] = Recipe.norm_position,
    array: Annotated[
        str, typer.Option(help=f"modes: {' or '.join(ARRAY_NAMES)}; or one for each layer, with commas")
    ] = Recipe.array,
    threshold: Annotated[
        float,
        typer.Option(metavar="SHARE", help="of a GSU's ternary values, of the largest one, in steps of 0.05"),
    ] = Recipe.twentieths / THRESHOLD_PARTS,
    pole_sets: Annotated[
        int, typer.Option(min=0, help="sets of poles that the channels share, 0: one a channel")
    ] = Recipe.pole_sets,
    trained_input: Annotated[
        bool, typer.Option("--trained-input", help="train the input matrix B, else it is 1")
    ] = Recipe.trained_input,
    epochs: Annotated[int, typer.Option(help="passes over the training set")] = Recipe.epochs,
    batch: Annotated[int, typer.Option(help="sequences an update")] = Recipe.batch,
    rate: Annotated[float, typer.Option(help="peak learning rate")] = Recipe.rate,
    state_space_rate: Annotated[
        float, typer.Option(help="peak learning rate of poles and time steps")
    ] = Recipe.state_space_rate,
    seed: Annotated[int, typer.Option(help="of first weights and order")] = Recipe.seed,
    quantize: Annotated[
        int, typer.Option(metavar="BITS", help="train for words of 3 to 8 bits; 0: for real numbers")
    ] = Recipe.quantize,
    validation: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="every Nth training sequence of a class chooses the epoch, unless the task names such "
            "sequences; 0: none do, the last epoch's weights are taken",
        ),
    ] = Recipe.validation,
    class_weights: Annotated[
        str,
        typer.Option(
            metavar="WEIGHTS",
            help="none: sequences count alike; balanced: classes do; P between 0 and 1: 1/frequency^P",
        ),
    ] = "none",
    label_smoothing: Annotated[
        float, typer.Option(help="share of a target that is spread over all classes")
    ] = Recipe.label_smoothing,
    dropout: Annotated[
        float, typer.Option(help="share of a block's channels that a training sequence goes without")
    ] = Recipe.dropout,
    activity_penalty: Annotated[
        float,
        typer.Option(metavar="L", help="added to the loss times the share of activations that are not zero"),
    ] = Recipe.activity_penalty,
    start: Annotated[
        Path | None,
        typer.Option(
            metavar="CHECKPOINT", help="to fine-tune, or the name of a shipped one; same network options"
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="PATH", help="where the task's files are, or data of your own")
    ] = None,
    limit: Limit = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="checkpoint to write")
    ] = None,
    log: Annotated[Path | None, typer.Option(metavar="FILE", help="text file of the run")] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="state file of each epoch; an existing one is continued"),
    ] = None,
    threads: Annotated[
        int, typer.Option(min=1, max=256, help="more than one changes the weights' last digits")
    ] = 1,
    json: Json = None,
) -> None:
    """Train a network on a task and write its checkpoint.

    Example: statespike train digits --model gsu --channels 8 -o gsu.safetensors
    """
    import torch

    from statespike.models.train import EpochResult
    from statespike.models.train import train as train_network

    torch.set_num_threads(threads)
    recipe = Recipe(
        model=model,
        channels=channels,
        modes=modes,
        layers=layers,
        discretisation=discretisation,
        initialisation=initialisation,
        pooling=pooling,
        stride=stride,
        time_constant=time_constant,
        surrogate=surrogate,
        norm=norm,
        norm_position=norm_position,
        array=array,
        twentieths=_twentieths(threshold),
        pole_sets=pole_sets,
        trained_input=trained_input,
        epochs=epochs,
        batch=batch,
        rate=rate,
        state_space_rate=state_space_rate,
        seed=seed,
        start=str(start or ""),
        quantize=quantize,
        validation=validation,
        balance=_exponent(class_weights),
        label_smoothing=label_smoothing,
        dropout=dropout,
        activity_penalty=activity_penalty,
        limit=limit or Recipe.limit,
    )
    history: list[dict[str, Any]] = []

    def tell(result: EpochResult) -> None:
        score = "" if result.accuracy is None else f"validation {result.measure} {result.accuracy:.2%}, "
        say(
            f"epoch {result.epoch}: training loss {result.loss:.4f}, {score}"
            f"{per_second(result.sequences_per_second)} sequences a second"
        )
        history.append({"epoch": result.epoch, "loss": result.loss, "validation_accuracy": result.accuracy})

    found_task = load_task(task, data)
    for line in found_task.notes:
        remark(line)
    target = output or _unnamed(
        f"{Path(found_task.name).stem}-{model}.safetensors", (start, resume, log, json)
    )
    checkpoint = train_network(found_task, recipe, log=log, resume=resume, on_epoch=tell)
    write_checkpoint(target, checkpoint)
    found = checkpoint.provenance
    say(
        f"test {found['test_accuracy'].get('measure', 'accuracy')} "
        f"{found['test_accuracy']['accuracy']:.2%} of "
        f"{found['test_accuracy']['n']} sequences, "
        f"{found['selection']} ({found['chosen_epoch']} of {found['epochs']})"
    )
    say(f"wrote {target}")
    kept = ("test_accuracy", "validation_accuracy", "chosen_epoch", "selection")
    write_json(json, {"output": str(target), "epochs": history, **{name: found[name] for name in kept}})


def _unnamed(name: str, others: Iterable[Path | None]) -> Path:
    """The checkpoint's file where the command names none: nothing that is there already is replaced."""
    target = Path(name)
    if target.exists():
        raise StatespikeError(f"{target} exists already; name the checkpoint to write with -o")
    if any(other is not None and other.resolve() == target.resolve() for other in others):
        raise StatespikeError(f"{target} would be the checkpoint, too; name the checkpoint to write with -o")
    return target


def _exponent(class_weights: str) -> float:
    """What `Recipe.balance` is for a --class-weights argument."""
    named = {"none": 0.0, "balanced": 1.0}
    try:
        return named[class_weights] if class_weights in named else float(class_weights)
    except ValueError:
        raise StatespikeError(
            f"--class-weights {class_weights!r} is unknown; give none, balanced or a number from 0 to 1"
        ) from None


def _twentieths(threshold: float) -> int:
    """A ternary threshold in the parts that a network keeps.

    Raises
    ------
    StatespikeError
        If it is between two of them.
    """
    parts = threshold * THRESHOLD_PARTS
    if not abs(parts - round(parts)) < 1e-9:
        raise StatespikeError(
            f"--threshold {threshold:g} is no whole number of twentieths; give 0.05, 0.1, 0.15 and so on"
        )
    return round(parts)
