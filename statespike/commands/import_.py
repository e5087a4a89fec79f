"""`statespike import`: another program's trained network as a checkpoint."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from quantize.checkpoint import write_checkpoint
from quantize.configuration import DISCRETISATIONS, NORM_POSITIONS, POOLINGS, UNIT_TENSORS
from quantize.errors import StatespikeError
from statespike.models.importers.options import Options
from statespike.models.importers.registry import IMPORTERS, import_network
from statespike.models.tasks.registry import TASKS
from statespike.options import Json
from statespike.output import say, write_json


def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="state dict, .pt or .safetensors", show_default=False)
    ],
    kind: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="KIND",
            help="; ".join(f"{name}: {importer.description}" for name, importer in IMPORTERS.items()),
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="checkpoint to write", show_default=False)
    ],
    norm_position: Annotated[
        str,
        typer.Option(help=" or ".join(NORM_POSITIONS) + ", else the usual one of KIND", show_default=False),
    ] = "",
    pooling: Annotated[str, typer.Option(help=" or ".join(POOLINGS), show_default=False)] = "",
    discretisation: Annotated[str, typer.Option(help=" or ".join(DISCRETISATIONS), show_default=False)] = "",
    model: Annotated[
        str,
        typer.Option(help="where the tensors suit several: " + ", ".join(UNIT_TENSORS), show_default=False),
    ] = "",
    task: Annotated[
        str | None,
        typer.Option(
            metavar="TASK", help="what it was trained on, for its calibration samples", show_default=False
        ),
    ] = None,
    json: Json = None,
) -> None:
    """Turn another program's trained network into a checkpoint.

    Its sizes are read from the tensors.

    Example: statespike import ckpt.pth --from s4d -o s4d.safetensors
    """
    if task is not None and task not in TASKS:
        raise StatespikeError(f"unknown task {task!r}; choose one of {', '.join(TASKS)}, or leave --task out")
    provenance = {"imported_from": {"kind": kind, "file": file.name}} | ({"task": task} if task else {})
    options = Options(model, pooling, discretisation, norm_position)
    checkpoint = import_network(file, kind, options, provenance)
    write_checkpoint(output, checkpoint)
    config = checkpoint.config
    say(
        f"wrote {output}: {config.model}, {config.layers} layers of {config.channels} channels and "
        f"{config.modes} modes, {config.norm_position} {config.norm} norms, {config.features} features, "
        f"{config.classes} classes"
    )
    write_json(
        json,
        {"file": str(file), "output": str(output), "config": asdict(config)},
    )
