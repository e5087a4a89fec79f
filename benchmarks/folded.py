"""What one block for all layers saves: the smallest circuits with it and without, as synthesised.

    python -m benchmarks.folded smnist-gsu_lean smnist-binary_s4d smnist-gsu --json folded.json
    python -m benchmarks.folded --drawn 6 --device up5k --json deep.json

Networks are quantised to 8 bits; for the folded circuit all layers get one set of formats. Nothing is placed:
the figures are those of the netlist, without a wrapper. `--drawn LAYERS` takes a lean Gated Spiking Unit of
32 channels and 8 modes with drawn weights, which costs what a trained one does.
"""

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.command import command
from benchmarks.hardware import load
from benchmarks.results import markdown_table
from hdl.devices.devices import Device, find_device
from hdl.emit.generate import convert, generate
from hdl.planning.planner import plan_network
from quantize.network import QuantizedNetwork
from quantize.shared import with_shared_formats
from statespike.output import progress, say, write_json
from tests.networks import random_network

COLUMNS = {"lut": "LUT4", "ff": "flip-flops", "bram": "block memories", "spram": "SPRAM", "dsp": "DSP"}
SLOW = 1.0
"""Steps a second that every circuit makes: the planner then takes the smallest."""


def measured(name: str, network: QuantizedNetwork, device: Device, *, folded: bool) -> dict[str, Any]:
    """The smallest circuit of a kind, synthesised."""
    plan = plan_network(network, device, rate=SLOW, oversize=True, folded=folded)
    with tempfile.TemporaryDirectory() as folder:
        manifest = generate(convert(network, plan), Path(folder) / "build", synthesis=True)
    taken = {
        key: manifest[key] for key in ("resources", "estimate", "multipliers", "cycles_per_step", "shortfall")
    }
    return {"network": name, "device": device.name, "folded": folded} | taken


def as_markdown(rows: list[dict[str, Any]]) -> str:
    """A table of all rows."""
    header = ["network", "device, build", *COLUMNS.values(), "multipliers", "cycles a step"]
    lines = [
        [
            row["network"], f"{row['device']}, {'folded' if row['folded'] else 'a block a layer'}",
            *(f"{row['resources'][key]:,}" for key in COLUMNS), str(row["multipliers"]),
            f"{row['cycles_per_step']:,}",
        ]
        for row in rows
    ]  # fmt: skip
    return markdown_table(header, lines, names=2)


def run(
    networks: Annotated[
        list[str] | None, typer.Argument(metavar="NETWORK...", help="shipped networks")
    ] = None,
    drawn: Annotated[
        int | None, typer.Option(min=2, metavar="LAYERS", help="a lean Gated Spiking Unit with drawn weights")
    ] = None,
    device: Annotated[
        list[str] | None, typer.Option(metavar="DEVICE", help="may be given again  [default: up5k]")
    ] = None,
    only_folded: Annotated[bool, typer.Option("--only-folded", help="leave the other circuit out")] = False,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="results")] = None,
) -> None:
    """Synthesise the smallest circuits of networks, folded and not."""
    chosen = {name: load(name)[0] for name in networks or []}
    if drawn is not None:
        chosen[f"{drawn} drawn layers"] = random_network("gsu_lean", 32, 8, drawn, seed=drawn)
    rows: list[dict[str, Any]] = []
    with progress() as bars:
        bar = bars.add_task("synthesising", total=None)
        for name, network in chosen.items():
            for on in [find_device(each) for each in device or ["up5k"]]:
                for folded in (True,) if only_folded else (False, True):
                    bars.update(bar, description=f"{name} on {on.name}")
                    integers = with_shared_formats(network) if folded else network
                    rows.append(measured(name, integers, on, folded=folded))
                    write_json(json, {"rows": rows})
    say(as_markdown(rows))


if __name__ == "__main__":
    command(run)
