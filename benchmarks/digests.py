"""The digests of planned circuits: whether a change of the code left every circuit as it was.

    python -m benchmarks.digests --json before.json
    python -m benchmarks.digests --against before.json

Each shipped network is quantised to 8 bits and planned as fast as fits on each device. A row has its schedule
and the SHA-256 of its RTLIL, portable and mapped to the device's own cells: equal digests mean the same
circuit, to the letter. With `--against` the command names every row that differs, and exits with status 1.
"""

import hashlib
import json as json_format
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.command import command
from hdl.devices.devices import find_device
from hdl.emit.generate import convert
from hdl.planning.planner import plan_network
from quantize.checkpoint import read_checkpoint
from quantize.convert import Precision
from quantize.network import QuantizedNetwork
from statespike.models import ZOO
from statespike.models.tasks.registry import load_task
from statespike.networks import quantise_checkpoint
from statespike.output import progress, say, write_json

MODELS = ("binary_s4d", "gsu", "gsu_lean", "prf", "s4d", "sigmoid", "spiking_ssm", "tanh")
NETWORKS = [f"digits-{model}" for model in MODELS]
NETWORKS += [f"smnist-{model}" for model in ("binary_s4d", "gsu", "gsu_lean", "prf", "s4d")]
DEVICES = ("up5k", "hx8k", "ecp5-25k", "ecp5-85k")
TASKS = {"smnist": "smnist-sample"}
"""Tasks whose data the project ships a part of."""


def digest(text: str | None) -> str | None:
    """SHA-256 of a text."""
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()


def load(name: str) -> QuantizedNetwork:
    """A shipped network in integers of 8 bits."""
    task = name.partition("-")[0]
    samples = load_task(TASKS.get(task, task), None).calibration
    return quantise_checkpoint(read_checkpoint(ZOO / f"{name}.safetensors"), samples, Precision()).network


def row_of(network: QuantizedNetwork, device: str) -> dict[str, Any]:
    """What identifies a network's circuit on a device."""
    plan = plan_network(network, find_device(device), oversize=True)
    circuit = convert(network, plan, synthesis=True)
    return {
        "fits": not plan.shortfall,
        "cycles_per_step": plan.cycles_per_step,
        "estimate": plan.estimate.as_dict(),
        "portable": digest(circuit.rtlil),
        "mapped": digest(circuit.mapped),
    }


def run(
    networks: Annotated[
        list[str] | None, typer.Argument(metavar="NETWORK...", help="shipped networks of digits and smnist")
    ] = None,
    device: Annotated[list[str] | None, typer.Option(metavar="DEVICE", help="may be given again")] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="write the rows")] = None,
    against: Annotated[
        Path | None, typer.Option(metavar="FILE", help="earlier rows, to compare with")
    ] = None,
) -> None:
    """Compute the digests of planned circuits, and compare them with earlier ones."""
    earlier = {} if against is None else json_format.loads(against.read_text())["rows"]
    chosen, devices = networks or NETWORKS, device or DEVICES
    rows: dict[str, dict[str, Any]] = {}
    with progress() as bars:
        bar = bars.add_task("planning", total=len(chosen) * len(devices))
        for name in chosen:
            network = load(name)
            for on in devices:
                rows[f"{name} on {on}"] = row_of(network, on)
                write_json(json, {"rows": rows})
                bars.advance(bar)
    differing = [name for name, row in rows.items() if name in earlier and row != earlier[name]]
    for name in differing:
        keys = ", ".join(key for key in rows[name] if rows[name][key] != earlier[name].get(key))
        say(f"{name}: differs in {keys}")
    say(f"{len(rows)} circuits, {len(rows.keys() & earlier.keys())} compared, {len(differing)} differ")
    if differing:
        raise typer.Exit(1)


if __name__ == "__main__":
    command(run)
