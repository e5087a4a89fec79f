"""`statespike compare`: what each kind of neuron reaches on a task, and what it costs on FPGAs."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import TaskID

from hdl.devices.devices import find_device
from quantize.files import write_whole
from statespike.comparison import WIDTHS, as_markdown, caption, logic_by_part, points, shipped_kinds
from statespike.comparison import compare as compare_on
from statespike.markdown import put_table, require_place
from statespike.models.tasks.registry import load_task
from statespike.options import Json, Limit
from statespike.output import Bars, progress, say, write_json
from statespike.page.charts import scatter, stacked
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
    parts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="draw the first task's look-up tables by what they do",
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

    Accuracy in floating point and in integers without retraining, the circuit of 8 bits and what its parts
    take, its energy as a model's range, and the papers' accountings. Energies are those of a mean test
    sequence. Kinds that do not ship for a task are named.

    Example: statespike compare --task digits --device up5k --limit 100
    """
    devices = [find_device(name) for name in device.split(",")]
    asked = [(name, load_task(name, data), shipped_kinds(name)) for name in task.split(",")]
    if page is not None:
        for name, *_ in asked:
            require_place(page, name)  # what is wrong is said before long work
    results: dict[str, list[dict[str, Any]]] = {}
    tables: dict[str, str] = {}
    with progress() as bars:
        for name, found, shipped in asked:
            test = found.test if limit is None else found.test.take(slice(limit))
            bar = bars.add_task(name, total=len(shipped.found))
            rows = results[name] = []
            tell = partial(_tell, bars, bar)
            for one in shipped.found:
                rows += compare_on(
                    one, found, test, devices, streamed=build is BuildKind.STREAMED, on_progress=tell
                )
                bars.advance(bar)
            tables[name] = f"{caption(rows, len(found.test), shipped.missing)}\n\n{as_markdown(rows)}"
    for name, text in tables.items():
        say(f"{name}, {build.value} builds\n\n{text}\n")
        if page is not None:
            put_table(page, name, text)
    say("resources are estimates, clocks planned; energy is a model's range, not measured")
    if svg is not None:
        name, rows = next(iter(results.items()))
        width = f"{WIDTHS[0]} bits"
        title = f"{name} on {devices[0].name}, {width}: accuracy in % against look-up tables"
        write_whole(svg, standalone(scatter(points(rows, devices[0].name, width), title)).encode())
    if parts is not None:
        name, rows = next(iter(results.items()))
        bars_of = {
            f"{model}, {on.name}": each
            for on in devices
            for model, each in logic_by_part(rows, on.name).items()
        }
        title = f"{name}: estimated look-up tables by what they do"
        write_whole(parts, standalone(stacked(bars_of, title)).encode())
    missing = {name: shipped.missing for name, _, shipped in asked}
    write_json(json, {"build": build.value, "tasks": results, "not_shipped": missing})


def _tell(bars: Bars, bar: TaskID, doing: str) -> None:
    bars.update(bar, description=doing)
