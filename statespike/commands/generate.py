"""`statespike generate`: a network as Verilog with a manifest."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from boards.folder import MANIFEST
from boards.generate import DESIGN, convert
from boards.generate import generate as generate_folder
from hdl.parts import part
from hdl.plan import plan_network
from statespike.networks import integers_of
from statespike.options import Device, Json, NetworkPath, Seeds
from statespike.output import progress, say, show, write_json


def generate(
    network: NetworkPath,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="folder to write", show_default=False)
    ],
    device: Device = "up5k",
    pnr: Annotated[bool, typer.Option("--pnr", help="synthesise, place and route")] = False,
    seeds: Seeds = 3,
    json: Json = None,
) -> None:
    """Turn a network into Verilog for an FPGA, with a manifest of ports, schedule and resources.

    Example: statespike generate models/zoo/smnist-gsu.safetensors --device up5k -o build/gsu --pnr
    """
    integers = integers_of(network)
    plan = plan_network(integers, part(device))
    with progress() as bars:
        bars.add_task("generating, placing and routing" if pnr else "generating", total=None)
        manifest = generate_folder(
            convert(integers, plan, harness=pnr), output, seeds=range(1, seeds + 1) if pnr else ()
        )
    show(_summary(manifest))
    say(f"wrote {output / DESIGN} and {output / MANIFEST}")
    write_json(json, manifest)


def _summary(manifest: dict[str, Any]) -> Table:
    table = Table("", manifest["device"])
    for name in ("cycles_per_step", "latency_cycles", "multiplications_per_step", "multipliers"):
        table.add_row(name.replace("_", " "), str(manifest[name]))
    origin = "estimated" if manifest["resources_from"] == "estimate" else "in the netlist"
    for name, value in manifest["resources"].items():
        table.add_row(f"{name} {origin}", str(value))
    if manifest["fmax_mhz"]:
        table.add_row("fmax MHz, each seed", ", ".join(f"{value:.1f}" for value in manifest["fmax_mhz"]))
    return table
