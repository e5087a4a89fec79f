"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from hdl.devices.devices import require_rate
from statespike.models import network_file
from statespike.models.tasks.registry import TASKS


def checked_rate(rate: float | None) -> float | None:
    """The steps a second of an option, refused if no circuit can be asked for them."""
    require_rate(rate)
    return rate


_NETWORK = typer.Argument(
    metavar="NETWORK",
    help="checkpoint or quantised network (.safetensors), or the name of a shipped one",
    parser=network_file,
    show_default=False,
)
NetworkPath = Annotated[Path, _NETWORK]
OptionalNetworkPath = Annotated[Path | None, _NETWORK]
TaskName = Annotated[
    str | None,
    typer.Argument(
        metavar="TASK", help=f"{', '.join(TASKS)}, or the path of data of your own", show_default=False
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="data of your own (.npz, .csv, a folder of WAV files or records), or where the task's files are",
        show_default=False,
    ),
]
Limit = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="only the first N sequences", show_default=False)
]
Json = Annotated[
    Path | None,
    typer.Option(
        "--json", metavar="FILE", help="write the figures as JSON; - is standard output", show_default=False
    ),
]
Logits = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="write the logits as a .npy array", show_default=False),
]
DeviceName = Annotated[str, typer.Option(metavar="DEVICE", help="FPGA: up5k, hx8k, ecp5-25k, ...")]
Rate = Annotated[
    float | None,
    typer.Option(
        metavar="STEPS_PER_S",
        help="the smallest circuit that makes so many steps a second at the planned clock, not the best",
        callback=checked_rate,
        show_default=False,
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="of a Dask scheduler, tcp://host:port, whose workers do the work instead",
        show_default=False,
    ),
]
Folded = Annotated[
    bool,
    typer.Option("--folded", help="one block for all layers in turn: small, and slower by their number"),
]
Seeds = Annotated[int, typer.Option(min=1, metavar="N", help="place and route with so many seeds")]
FromState = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="go on with the sequence that --save-state left", show_default=False),
]
