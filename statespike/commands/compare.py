"""`statespike compare`: what each kind of neuron reaches on a task, and what it costs on FPGAs."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import TaskID

from hdl.devices.devices import find_device
from quantize.files import write_whole
from statespike.comparison import WIDTHS, as_markdown, points, shipped_kinds
from statespike.comparison import compare as compare_on
from statespike.markdown import put_table, require_place
from statespike.models.tasks.registry import load_task
from statespike.options import Json, Limit
from statespike.output import Bars, progress, say, write_json
from statespike.page.charts import scatter
from statespike.page.document import standalone


class BuildKind(StrEnum):
    """How the circuits that are compared are built."""

    SMALL = "small"
    STREAMED = "streamed"


def compare(
    task: Annotated[str, typer.Option(metavar="TASK,...", help="tasks that networks ship for")] = "digits",
    device: Annotated[str, typer.Option(metavar="DEVICE,...", help="FPGAs")] = "up5k,ecp5-25k",
    build: Annotated[
        BuildKind, typer.Option(help="build of all circuits; streamed ones are for the ECP5")
    ] = BuildKind.SMALL,
    data: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="where the tasks' files are", show_default=False),
    ] = None,
    limit: Limit = None,
    svg: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="draw accuracy against look-up tables on the first device",
            show_default=False,
        ),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="write each task's table into its place on a Markdown page",
            show_default=False,
        ),
    ] = None,
    json: Json = None,
) -> None:
    """Compare the kinds of neurons: shipped networks of equal size, all in the same kind of build.

    Accuracy in floating point and in integers without retraining, the circuit of 8 bits, its energy as a
    model's range, and the papers' accountings. Energies are those of a mean test sequence.

    Example: statespike compare --task digits --device up5k --limit 100
    """
    devices = [find_device(name) for name in device.split(",")]
    asked = [(name, load_task(name, data), shipped_kinds(name)) for name in task.split(",")]
    if page is not None:
        for name, *_ in asked:
            require_place(page, name)  # what is wrong is said before long work
    results: dict[str, list[dict[str, Any]]] = {}
    with progress() as bars:
        for name, found, networks in asked:
            test = found.test if limit is None else found.test.take(slice(limit))
            bar = bars.add_task(name, total=len(networks))
            rows = results[name] = []
            tell = partial(_tell, bars, bar)
            for one in networks:
                rows += compare_on(
                    one, found, test, devices, streamed=build is BuildKind.STREAMED, on_progress=tell
                )
                bars.advance(bar)
    for name, rows in results.items():
        say(f"{name}, {rows[0]['sequences']} test sequences, {build.value} builds\n")
        say(f"{as_markdown(rows)}\n")
        if page is not None:
            put_table(page, name, as_markdown(rows))
    say("resources are estimates, clocks planned; energy is a model's range, not measured")
    if svg is not None:
        name, rows = next(iter(results.items()))
        width = f"{WIDTHS[0]} bits"
        title = f"{name} on {devices[0].name}, {width}: accuracy in % against look-up tables"
        write_whole(svg, standalone(scatter(points(rows, devices[0].name, width), title)).encode())
    write_json(json, {"build": build.value, "tasks": results})


def _tell(bars: Bars, bar: TaskID, doing: str) -> None:
    bars.update(bar, description=doing)
