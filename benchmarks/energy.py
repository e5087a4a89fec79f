"""The energy model beside published currents: of the board it was fitted on, and of other people's designs.

    python -m benchmarks.energy
    python -m benchmarks.energy --page docs/energy.md

Each row is a design on the UP5K with a published power. The model gets what is published of its cells and its
clock, and assumes what is not. The residual is how far the figure lies outside the model's range.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.command import command
from benchmarks.results import markdown_table
from hdl.devices.devices import find_device
from hdl.devices.ice40 import CORE_VOLTS
from hdl.devices.power import PowerCosts, Range
from hdl.energy.model import TOGGLES, Load, power_uw
from statespike.markdown import put_table
from statespike.output import say, write_json

TABLE = "residuals"
COUNTER = Range(2 / 28, 2 / 28)
"""Changes a cycle of a counter's cell: two of 28."""
STILL = Range(0.0, 0.0)
BUSY = Range(0.85, 1.0)
"""Of a cell of a multiplier in logic."""


@dataclass(frozen=True)
class Published:
    """A design with a published power.

    Parameters
    ----------
    name : str
    microwatts : float
    clock_mhz : float
    load : Load
        What is known of it, and what is assumed where it is not.
    fitted : bool
        A coefficient follows from this row: that the model is right here says little.
    """

    name: str
    microwatts: float
    clock_mhz: float
    load: Load
    fitted: bool


def _microamperes(current: float) -> float:
    return current * CORE_VOLTS


def _counters(cells: int, current: float) -> Published:
    load = Load(cells, toggles=COUNTER)
    return Published(f"counters, {cells} cells, 12 MHz", _microamperes(current), 12, load, fitted=True)


def _oscillator(clock_mhz: float, current: float) -> Published:
    load = Load(32, toggles=COUNTER, oscillator=True)
    name = f"oscillator, 24-bit counter, {clock_mhz:g} MHz"
    return Published(name, _microamperes(current), clock_mhz, load, fitted=True)


MARLANN = Load(5280, multipliers=8, single_ports=4)
"""Its cells are not published: those of the part."""
PUBLISHED = [
    Published("configured, no clock", _microamperes(85.6), 0, Load(0, toggles=STILL), fitted=True),
    Published("10 kHz clock", _microamperes(96.3), 0.01, Load(0, toggles=STILL), fitted=False),
    *(_counters(*row) for row in ((32, 613.5), (60, 616.65), (116, 624.2), (228, 641.3))),
    *(_oscillator(*row) for row in ((48, 2184), (24, 1162), (12, 645), (6, 388.4))),
    Published(
        "8 x 8 product in logic, 208 cells, 12 MHz", _microamperes(996), 12, Load(208, toggles=BUSY),
        fitted=False,
    ),
    Published(
        "8 x 8 product in SB_MAC16, 72 cells, 12 MHz", _microamperes(882), 12,
        Load(72, multipliers=1, toggles=Range(2 / 28, 1.0)), fitted=True,
    ),
    Published("MARLANN idle, 12 MHz", _microamperes(2900), 12, Load(5280, toggles=STILL), fitted=True),
    Published("MARLANN loaded, 12 MHz", _microamperes(8700), 12, MARLANN, fitted=True),
    Published("MARLANN loaded, 20 MHz", _microamperes(14000), 20, MARLANN, fitted=False),
    Published(
        "SYNtzulu, 3,473 cells, 24 MHz", 9500, 24,
        Load(3473, multipliers=2, block_rams=17, single_ports=4, use=Range(0.0, 1.0)), fitted=True,
    ),
]  # fmt: skip


def rows(costs: PowerCosts) -> list[dict[str, Any]]:
    """Model and figure of every design, in milliwatts."""
    found = []
    for design in PUBLISHED:
        model = power_uw(costs, design.load, design.clock_mhz) * 1e-3
        figure = design.microwatts * 1e-3
        inside = model.low <= figure <= model.high
        nearest = model.high if figure > model.high else model.low
        found.append(
            {
                "design": design.name,
                "published_mw": figure,
                "low_mw": model.low,
                "high_mw": model.high,
                "residual": 0.0 if inside else (figure - nearest) / figure,
                "middle_off": model.middle / figure - 1,
                "fitted": design.fitted,
            }
        )
    return found


def as_markdown(found: list[dict[str, Any]]) -> str:
    """The table."""
    header = [
        "design",
        "used in the fit",
        "published mW",
        "model mW",
        "outside the range by",
        "middle is off by",
    ]
    lines = (
        [
            row["design"], "yes" if row["fitted"] else "no", f"{row['published_mw']:.3f}",
            f"{row['low_mw']:.3f} to {row['high_mw']:.3f}",
            f"{row['residual']:+.0%}" if row["residual"] else "-",
            f"{row['middle_off']:+.0%}",
        ]
        for row in found
    )  # fmt: skip
    return markdown_table(header, lines, names=2)


def run(
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="write the rows")] = None,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help=f"write the table into the place {TABLE} of a page")
    ] = None,
) -> None:
    """Compare the energy model with published figures."""
    costs = find_device("up5k").power
    assert costs is not None, "the UP5K is modelled"
    found = rows(costs)
    table = as_markdown(found)
    say(f"toggles assumed where none are published: {TOGGLES.low} to {TOGGLES.high} a cell and cycle\n")
    say(table)
    write_json(json, {"rows": found})
    if page is not None:
        put_table(page, TABLE, table)


if __name__ == "__main__":
    command(run)
