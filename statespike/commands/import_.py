"""`statespike import`: another program's trained network as a checkpoint."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from quantize.checkpoint import Checkpoint, write_checkpoint
from quantize.configuration import DISCRETISATIONS, MODELS, NORM_POSITIONS, POOLINGS
from quantize.errors import StatespikeError
from quantize.words import count
from statespike.library.networks import import_network
from statespike.models.importers.agreement import agreement, read_logits
from statespike.models.importers.options import Options
from statespike.models.importers.registry import IMPORTERS
from statespike.models.tasks.registry import TASKS
from statespike.options import Json
from statespike.output import note, say, write_json


def import_(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="state dict or training checkpoint: .pt, .pth, .ckpt or .safetensors",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="checkpoint to write", show_default=False)
    ],
    layout: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="LAYOUT",
            help="; ".join(f"{name}: {importer.description}" for name, importer in IMPORTERS.items())
            + "  [default: found by the tensors]",
            show_default=False,
        ),
    ] = "",
    norm_position: Annotated[
        str,
        typer.Option(help=" or ".join(NORM_POSITIONS) + ", else the layout's usual one", show_default=False),
    ] = "",
    pooling: Annotated[str, typer.Option(help=" or ".join(POOLINGS), show_default=False)] = "",
    discretisation: Annotated[str, typer.Option(help=" or ".join(DISCRETISATIONS), show_default=False)] = "",
    model: Annotated[
        str,
        typer.Option(help="where the tensors suit several: " + ", ".join(MODELS), show_default=False),
    ] = "",
    encoder: Annotated[
        str, typer.Option(help="linear or token, where the shape suits both", show_default=False)
    ] = "",
    weights: Annotated[
        str,
        typer.Option(metavar="NAME", help="which of several sets of weights, `ema` say", show_default=False),
    ] = "",
    check: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.npz",
            help="compare with your own logits: x, logits, and perhaps lengths",
            show_default=False,
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="TASK", help="what it was trained on, for its calibration samples", show_default=False
        ),
    ] = None,
    json: Json = None,
) -> None:
    """Turn another program's trained network into a checkpoint.

    The layout is recognised by the tensors. What they do not show is assumed, and reported. With --check
    nothing is written unless the network computes the logits that you give.

    Example: statespike import ckpt.pth -o s4d.safetensors
    """
    if task is not None and task not in TASKS:
        raise StatespikeError(f"unknown task {task!r}; choose one of {', '.join(TASKS)}, or leave --task out")
    for option, value, allowed in (
        ("--norm-position", norm_position, NORM_POSITIONS), ("--pooling", pooling, POOLINGS),
        ("--discretisation", discretisation, DISCRETISATIONS), ("--model", model, MODELS),
        ("--encoder", encoder, ("linear", "token")),
    ):  # fmt: skip
        if value and value not in allowed:
            raise StatespikeError(f"{option} is {value!r}; choose one of {', '.join(allowed)}")
    options = Options(model, pooling, discretisation, norm_position, encoder, weights)
    imported = import_network(file, layout=layout, task=task, options=options)
    checked = None if check is None else _checked(imported.checkpoint, check)
    for sentence in imported.notes:
        note(sentence)
    write_checkpoint(output, imported.checkpoint)
    config = imported.checkpoint.config
    say(
        f"wrote {output}: {config.model}, {count(config.layers, 'layer')} of "
        f"{count(config.channels, 'channel')} and {count(config.modes, 'mode')}, {config.norm_position} "
        f"{config.norm} norms, {count(config.features, 'feature')}, {count(config.classes, 'class')}"
    )
    if checked is not None:
        say(f"the logits of {check} are its own: they differ by {checked:.1e} of the largest")
    write_json(
        json,
        {
            "file": str(file),
            "output": str(output),
            "layout": imported.layout,
            "notes": list(imported.notes),
            "checked_difference": checked,
            "config": asdict(config),
        },
    )


def _checked(checkpoint: Checkpoint, path: Path) -> float:
    """How far the network's logits are from an author's own; an error if that is too far."""
    x, logits, lengths = read_logits(path)
    found = agreement(checkpoint, x, logits, lengths)
    if found.agrees:
        return found.difference
    if found.alternatives:
        ways = [
            " ".join(f"--{name.replace('_', '-')} {value}" for name, value in changes.items())
            for changes in found.alternatives[:2]
        ]
        advice = f"they agree with {' or with '.join(ways)}"
    else:
        advice = "no other norm position, pooling, model or discretisation makes them agree"
    raise StatespikeError(
        f"{path}: the imported network's logits differ from yours by {found.difference:.2g} of the largest; "
        f"{advice}; nothing was written"
    )
