"""`statespike cost`: what networks take of FPGAs, side by side."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from hdl.devices.devices import find_device
from statespike.library.circuits import cost as cost_of
from statespike.library.networks import network_file
from statespike.networks import integers_of
from statespike.options import Json, Seeds
from statespike.output import cycles_of, new_table, progress, say, show, write_json

RESOURCES = {
    "lut": "look-up tables",
    "ff": "flip-flops",
    "bram": "block memories",
    "spram": "single-port memories",
    "dsp": "multipliers",
}
COLUMNS = 80
"""Width of a table."""
TITLE_WIDTH, NUMBER_WIDTH, GAP = 22, 9, 3
"""Columns of the titles, of a figure, and between two columns of the table."""


def cost(
    networks: Annotated[
        list[Path],
        typer.Argument(
            metavar="NETWORK",
            help="checkpoints, quantised networks, or names of shipped ones",
            parser=network_file,
            show_default=False,
        ),
    ],
    device: Annotated[
        list[str] | None,
        typer.Option(metavar="DEVICE", help="FPGA; may be given again  [default: up5k]", show_default=False),
    ] = None,
    pnr: Annotated[bool, typer.Option("--pnr", help="measure too: synthesise, place and route")] = False,
    seeds: Seeds = 3,
    json: Json = None,
) -> None:
    """Estimate what networks take of an FPGA, side by side.

    --pnr puts the measured figures beside the estimates. Of a network that does not fit,
    it is the smallest circuit, and what the device is short of.

    Example: statespike cost smnist-gsu smnist-binary_s4d --device up5k
    """
    devices = [find_device(name).name for name in device or ["up5k"]]
    chosen_seeds = range(1, seeds + 1) if pnr else ()
    doing = "placing and routing" if pnr else "planning"
    results: list[dict[str, Any]] = []
    for path in networks:
        network = integers_of(path)
        for name in devices:
            with progress() as bars:
                bars.add_task(f"{doing} {path.stem} on {name}", total=None)
                results.append({"network": str(path)} | cost_of(network, name, seeds=chosen_seeds))
    for table in _tables(results):
        show(table)
    if any(result["cycles_follow_data"] for result in results):
        say("cycles a step: the most, where they follow the data")
    measured = "; measured: the slowest seed's" if any("measured" in result for result in results) else ""
    say(f"clock: planned for this kind of build{measured}; steps a second: at that clock")
    write_json(json, {"costs": results})


def _tables(results: list[dict[str, Any]]) -> Iterator[Table]:
    """Figures down, networks across; a new table where the next network would pass column 80."""
    shown: list[dict[str, Any]] = []
    room = COLUMNS - TITLE_WIDTH
    for result in results:
        width = max(len(Path(result["network"]).stem), len(result["device"]), NUMBER_WIDTH) + GAP
        width *= 2 if "measured" in result else 1
        if shown and width > room:
            yield _table(shown)
            shown, room = [], COLUMNS - TITLE_WIDTH
        shown.append(result)
        room -= width
    yield _table(shown)


def _table(results: list[dict[str, Any]]) -> Table:
    """One table; what was measured in a column of its own."""
    table = new_table("")
    for result in results:
        place = f"{Path(result['network']).stem}\n{result['device']}"
        table.add_column(f"{place}\nestimated", justify="right")
        if "measured" in result:
            table.add_column(f"{place}\nmeasured", justify="right")

    def row(title: str, estimate: str, measured: str = "") -> None:
        cells = []
        for result in results:
            cells.append(estimate.format(**result, cycles=cycles_of(result)))
            if "measured" in result:
                cells.append(measured.format(**result, slowest=min(result["fmax_mhz"])))
        table.add_row(title, *cells)

    for key, title in RESOURCES.items():
        row(title, f"{{estimate[{key}]}}", f"{{measured[{key}]}}")
    row("cycles a step", "{cycles}")
    row("multiplications a step", "{multiplications_per_step}")
    row("clock MHz", "{clock_mhz:g}", "{slowest:.1f}")
    row("steps a second", "{steps_per_second:.0f}", "{measured_steps_per_second:.0f}")
    if any(result["shortfall"] for result in results):
        cells = []
        for result in results:
            cells.append("\n".join(result["shortfall"]) or "nothing")
            cells += [""] if "measured" in result else []
        table.add_row("short of", *cells)
    return table
