"""How fast simulators run one design: Amaranth's own, CXXRTL and Verilator, in one run on one core.

    python -m benchmarks.simulation
    python -m benchmarks.simulation digits-gsu digits --json simulation.json

Speeds are in processor time, without compiling. Every run is compared with the integer reference.
"""

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from benchmarks.command import command
from hdl.devices.devices import find_device
from hdl.network.top import Network
from hdl.planning.planner import plan_network
from quantize.errors import StatespikeError
from sim.backends import backend
from sim.compare import compare
from sim.stimulus import Stimulus
from statespike.models import ZOO
from statespike.networks import integers_of, sequences_of
from statespike.options import Data, DeviceName, Json
from statespike.output import new_table, progress, show, write_json

OWN = "amaranth"
"""Amaranth's own simulator, with which the others are compared."""
NAMES = {OWN: "Amaranth's own", "cxxrtl": "CXXRTL", "verilated": "Verilator"}


def measure(
    network: Path, task: str | None, data: Path | None, device: str, own_steps: int, sequences: int
) -> dict[str, Any]:
    """Figures of all simulators.

    Parameters
    ----------
    network, task, data, device
        As on the command line of `statespike simulate`.
    own_steps : int
        Steps of the first sequence that Amaranth's simulator is given.
    sequences : int
        Whole sequences that the others are given.

    Raises
    ------
    StatespikeError
        If a tool is missing, or a run differs from the reference.
    """
    integers = integers_of(network, task, data)
    found = sequences_of(task, data, sequences).sequences
    u = integers.inputs(found.x)
    plan = plan_network(integers, find_device(device))
    rows: list[dict[str, Any]] = []
    own = 0.0
    with progress() as bars, tempfile.TemporaryDirectory(prefix="statespike-") as temporary:
        bar = bars.add_task("simulating", total=len(NAMES))
        for name in NAMES:
            given = u[:1, :own_steps] if name == OWN else u
            run = backend(name).run(
                Network(integers, plan, taps=True), Stimulus(list(given)), Path(temporary)
            )
            outcome = compare(integers.compute(given), run)
            if not outcome.bit_exact:
                raise StatespikeError(f"{NAMES[name]} differs from the reference: {outcome.first_mismatch}")
            own = own or run.cycles_per_second
            rows.append(
                {
                    "simulator": name,
                    "sequences": len(given),
                    "steps": sum(run.lengths),
                    "compared_values": outcome.compared_values,
                    "cycles": run.cycles,
                    "seconds": run.seconds,
                    "cycles_per_second": run.cycles_per_second,
                    "ratio": run.cycles_per_second / own,
                    "seconds_per_sequence": run.seconds * u.shape[1] / sum(run.lengths),
                }
            )
            bars.advance(bar)
    return {"network": network.name, "device": device, "cycles_per_step": plan.cycles_per_step, "rows": rows}


def table_of(result: dict[str, Any]) -> Table:
    """A simulator a row."""
    title = "{network} for {device}, {cycles_per_step} cycles a step".format(**result)
    table = new_table("simulator", title=title)
    for column in ("cycles", "seconds", "cycles a second", "times Amaranth's", "seconds a sequence"):
        table.add_column(column, justify="right")
    for row in result["rows"]:
        table.add_row(
            NAMES[row["simulator"]],
            f"{row['cycles']:,}",
            f"{row['seconds']:.2f}",
            f"{row['cycles_per_second']:,.0f}",
            f"{row['ratio']:.0f}",
            f"{row['seconds_per_sequence']:.2f}",
        )
    return table


def run(
    network: Annotated[Path, typer.Argument(metavar="NETWORK")] = ZOO / "smnist-gsu.safetensors",
    task: Annotated[str, typer.Argument(metavar="TASK")] = "smnist-sample",
    data: Data = None,
    device: DeviceName = "up5k",
    steps: Annotated[int, typer.Option(min=1, help="of a sequence, for Amaranth's own simulator")] = 40,
    sequences: Annotated[int, typer.Option(min=1, help="for the others")] = 4,
    json: Json = None,
) -> None:
    """Run one design by every simulator and compare their speeds."""
    result = measure(network, task, data, device, steps, sequences)
    show(table_of(result))
    write_json(json, result)


if __name__ == "__main__":
    command(run)
