"""`statespike cost`: what networks take of FPGAs, side by side."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from hdl.devices.devices import find_device
from quantize.words import per_second
from statespike.library.circuits import cost as cost_of
from statespike.library.circuits import plan as plan_network
from statespike.models import network_file
from statespike.networks import integers_of, name_of, observation_of, tell_smaller
from statespike.options import Folded, Json, Rate, Seeds
from statespike.output import cycles_of, new_table, note, progress, say, say_prose, show, write_json

RESOURCES = {
    "lut": "look-up tables",
    "ff": "flip-flops",
    "bram": "block memories",
    "spram": "single-port memories",
    "dsp": "multipliers",
}
FIGURES: dict[str, Callable[[dict[str, Any]], str]] = {
    "accuracy": lambda one: "-" if one["accuracy"] is None else f"{one['accuracy']:.1%}",
    "activity": lambda one: (
        "-" if one["activity"] is None else "\n".join(f"{share:.0%}" for share in one["activity"])
    ),
    "energy uJ": lambda one: (
        "not modelled"
        if one["energy_from"] == "not modelled"
        else f"{one['energy_uj']['low']:.3g} to\n{one['energy_uj']['high']:.3g}"
    ),
    "  of a": lambda one: one["energy_uj"]["per"],
    "paper's count uJ": lambda one: _microjoules(one["accountings"]["paper"]),
    "everything's uJ": lambda one: _microjoules(one["accountings"]["everything"]),
}
"""Title of a row -> what it shows of a result."""
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
    rate: Rate = None,
    folded: Folded = False,
    pnr: Annotated[bool, typer.Option("--pnr", help="measure too: synthesise, place and route")] = False,
    seeds: Seeds = 3,
    json: Json = None,
) -> None:
    """Estimate what networks take of an FPGA, side by side.

    Energy is the range of a model, not a measurement. Two more figures use the papers' prices: one for the
    operations of the mixers, one for all operations.

    With --pnr measured figures are shown beside the estimates. For a network that does not fit, the
    smallest circuit is shown, and what the device lacks.

    Example: statespike cost smnist-gsu smnist-binary_s4d --device up5k
    """
    devices = [find_device(name).name for name in device or ["up5k"]]
    chosen_seeds = range(1, seeds + 1) if pnr else ()
    doing = "placing and routing" if pnr else "planning"
    results: list[dict[str, Any]] = []
    for path in networks:
        network = integers_of(path, shared_formats=folded)
        observed = observation_of(network)
        if observed is None:
            note(
                f"{name_of(path)}: the sequences of its task are not at hand, so accuracy, activity and the "
                "papers' accountings are left out, and energies are those of a step"
            )
        for name in devices:
            with progress() as bars:
                bars.add_task(f"{doing} {path.stem} on {name}", total=None)
                plan = plan_network(network, name, rate=rate, oversize=True, folded=folded or None)
                costs = cost_of(network, plan=plan, seeds=chosen_seeds, observed=observed)
                results.append({"network": str(path)} | costs)
            tell_smaller(network, plan, rate)
    for table in _tables(results):
        show(table)
    if any(result["cycles_follow_data"] for result in results):
        say("cycles a step: the most, where they follow the data")
    for result in results:
        if result["schedule"]["folded"]:
            say(f"{Path(result['network']).stem} on {result['device']}: one block serves all layers in turn")
    measured = "; measured: the slowest seed's" if any("measured" in result for result in results) else ""
    say(f"clock: planned for this kind of build{measured}; steps a second: at that clock")
    for line in _about_energy(results):
        say_prose(line)
    write_json(json, {"costs": results})


def _about_energy(results: list[dict[str, Any]]) -> Iterator[str]:
    """What the figures of energy are, and of how many sequences."""
    unmodelled = sorted({one["device"] for one in results if one["energy_from"] == "not modelled"})
    if len(unmodelled) < len({one["device"] for one in results}):
        yield "energy: a model's range at that clock, not measured; see docs/energy.md"
    if unmodelled:
        names = ", ".join(unmodelled)
        yield f"energy is not modelled for {names}: no measured currents of such a part are known"
    counts = sorted({one["observed_sequences"] for one in results if one["observed_sequences"]})
    if counts:
        yield (
            "accuracy, activity: integers on the first "
            f"{' or '.join(map(str, counts))} test sequences of the network's task; energies and the papers' "
            "accountings are a mean sequence's"
        )


def _microjoules(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.3g}"


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
            speed = per_second(result["steps_per_second"])
            cells.append(estimate.format(**result, cycles=cycles_of(result), speed=speed))
            if "measured" in result:
                reached = per_second(result["measured_steps_per_second"])
                cells.append(measured.format(**result, slowest=min(result["fmax_mhz"]), speed=reached))
        table.add_row(title, *cells)

    for key, title in RESOURCES.items():
        row(title, f"{{estimate[{key}]}}", f"{{measured[{key}]}}")
    row("cycles a step", "{cycles}")
    row("multiplications a step", "{multiplications_per_step}")
    row("clock MHz", "{clock_mhz:g}", "{slowest:.1f}")
    if any(result.get("untimed") for result in results):
        row("not timed by the tools", "", "{untimed}")
    row("steps a second", "{speed}", "{speed}")
    for title, figure in FIGURES.items():
        cells = [text for one in results for text in [figure(one), *([""] if "measured" in one else [])]]
        table.add_row(title, *cells)
    if any(result["shortfall"] for result in results):
        cells = []
        for result in results:
            cells.append("\n".join(result["shortfall"]) or "nothing")
            cells += [""] if "measured" in result else []
        table.add_row("short of", *cells)
    return table
