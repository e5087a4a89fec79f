"""What trained networks reach on FPGAs: cycles against the roofline, clocks over seeds, cells, speed.

    python -m benchmarks.hardware --json hardware.json
    python -m benchmarks.hardware smnist-gsu digits-gsu --device up5k --json one.json --markdown one.md

Every network is quantised to 8 bits, planned as fast as fits, synthesised, and placed and routed with each
seed. Placing takes minutes; what the file already has of the very same circuits, made by the same tools, is
not done again, and each result is written as it comes. The tasks' files are looked for in the folder
STATESPIKE_DATA, or in ./data.
"""

import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.command import command
from benchmarks.results import earlier_rows, markdown_table
from hdl.devices.devices import Device, find_device
from hdl.emit.generate import Circuit, convert, generate
from hdl.planning.planner import Plan, plan_network
from quantize.checkpoint import read_checkpoint
from quantize.convert import Precision
from quantize.errors import StatespikeError
from quantize.files import write_whole
from quantize.network import QuantizedNetwork
from statespike.models import ZOO
from statespike.models.tasks.task import Sequences
from statespike.networks import calibration_of, quantise_checkpoint
from statespike.options import Seeds
from statespike.output import progress, say, write_json

NETWORKS = [f"{task}-{model}" for task in ("digits", "smnist", "spoken_digits")
            for model in ("gsu", "gsu_lean", "binary_s4d")]  # fmt: skip
DEVICES = ("up5k", "hx8k", "ecp5-25k", "ecp5-85k")
IDENTITY = ("network", "device", "seeds", "rtlil_sha256", "clock_mhz", "tools")
"""What makes an earlier result this one; the clock is the one that the placer was asked for."""


def load(name: str) -> tuple[QuantizedNetwork, Sequences]:
    """A shipped network in integers, and the sequences that chose its formats.

    Raises
    ------
    StatespikeError
        If there is none of that name, or the files of its task are missing.
    """
    path = ZOO / f"{name}.safetensors"
    if not path.exists():
        known = ", ".join(sorted(other.stem for other in ZOO.glob("*.safetensors")))
        raise StatespikeError(f"unknown network {name!r}; shipped are {known}")
    checkpoint = read_checkpoint(path)
    samples = calibration_of(checkpoint, None)
    return quantise_checkpoint(checkpoint, samples, Precision()).network, samples


def promised(name: str, network: QuantizedNetwork, samples: Sequences, plan: Plan) -> dict[str, Any]:
    """What a plan says before any tool is asked.

    `steps` are those of a mean sequence. Use counts the products that the circuit makes, efficiency those of
    the plain form, of which a circuit needs fewer: it may exceed 1.
    """
    steps = samples.x.shape[1] if samples.lengths is None else float(samples.lengths.mean())
    roofline = network.multiplications_per_step / plan.multipliers
    return {
        "network": name,
        "device": plan.device.name,
        "steps": steps,
        "cycles_per_step": plan.cycles_per_step,
        "multiplications_per_step": network.multiplications_per_step,
        "multipliers": plan.multipliers,
        "roofline_cycles_per_step": roofline,
        "use": roofline / plan.cycles_per_step,
        "efficiency": network.plain_multiplications_per_step / (plan.multipliers * plan.cycles_per_step),
        "shortfall": plan.shortfall,
    }


def measured(row: dict[str, Any], circuit: Circuit, jobs: int) -> dict[str, Any]:
    """The row with what synthesis, placing and routing found, or why they did not get there."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="statespike-") as temporary:
        try:
            found = generate(
                circuit, Path(temporary) / "build", seeds=row["seeds"], jobs=jobs, clock_mhz=row["clock_mhz"]
            )
        except StatespikeError as error:
            return row | {"error": str(error)}
    slowest = min(found["fmax_mhz"])
    speed = slowest * 1e6 / row["cycles_per_step"]
    return row | {
        "resources": found["resources"],
        "fmax_mhz": found["fmax_mhz"],
        "steps_per_second": speed,
        "sequences_per_second": speed / row["steps"],
        "seconds": round(time.monotonic() - started, 1),
    }


def tables(rows: list[dict[str, Any]]) -> list[str]:
    """Three tables of the networks: cycles, clocks with the speed at the slowest seed, and cells."""
    cycles, clocks, cells = [], [], []
    for row in rows:
        name = [row["network"], row["device"]]
        cycles.append([
            *name, f"{row['cycles_per_step']:,}", f"{row['roofline_cycles_per_step']:,.0f}",
            f"{row['use']:.0%}", f"{row['efficiency']:.2f}",
        ])  # fmt: skip
        if "resources" in row:
            seeds = ", ".join(f"{fmax:.1f}" for fmax in row["fmax_mhz"])
            clocks.append(
                [*name, seeds, f"{row['steps_per_second']:,.0f}", f"{row['sequences_per_second']:,.0f}"]
            )
            cells.append(
                name + [f"{row['resources'][kind]:,}" for kind in ("lut", "ff", "bram", "spram", "dsp")]
            )
        else:
            missing = "short of " + ", ".join(row["shortfall"]) if row["shortfall"] else row["error"]
            clocks.append([*name, missing, "", ""])
    return [
        markdown_table(["network", "device", *header], lines, names=2)
        for header, lines in (
            (["cycles a step", "roofline", "use", "efficiency"], cycles),
            (["MHz of each seed", "steps/s", "sequences/s"], clocks),
            (["LUT4", "flip-flops", "memories", "SPRAM", "multipliers"], cells),
        )
    ]


def as_markdown(rows: list[dict[str, Any]]) -> str:
    """The tables of `tables`, below each other."""
    return "\n\n".join(tables(rows))


def identity(row: dict[str, Any]) -> list[Any]:
    """What a row was made of."""
    return [row.get(key) for key in IDENTITY]


def renewed(rows: list[dict[str, Any]], row: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows with this one in place of an older one of its network and part."""
    others = [one for one in rows if (one["network"], one["device"]) != (row["network"], row["device"])]
    return sorted([*others, row], key=lambda one: (one["network"], DEVICES.index(one["device"])
                  if one["device"] in DEVICES else len(DEVICES)))  # fmt: skip


def measure(
    name: str,
    network: QuantizedNetwork,
    samples: Sequences,
    on: Device,
    seeds: list[int],
    jobs: int,
    clock_mhz: float | None,
    known: list[dict[str, Any]],
) -> dict[str, Any]:
    """The row of a network on a part, an earlier one if the circuit has not changed."""
    plan = plan_network(network, on, oversize=True)
    fits = not plan.shortfall
    circuit = convert(network, plan, synthesis=fits, harness=fits)
    row = promised(name, network, samples, plan)
    row |= {"seeds": seeds, "clock_mhz": clock_mhz or plan.clock_mhz}
    row |= {key: circuit.manifest[key] for key in ("rtlil_sha256", "tools")}
    for one in known:
        if identity(one) == identity(row):
            return one
    return measured(row, circuit, jobs) if fits else row


def run(
    networks: Annotated[
        list[str] | None,
        typer.Argument(metavar="NETWORK...", help=f"shipped networks  [default: {' '.join(NETWORKS)}]"),
    ] = None,
    device: Annotated[
        list[str] | None,
        typer.Option(metavar="DEVICE", help=f"may be given again  [default: {' '.join(DEVICES)}]"),
    ] = None,
    seeds: Seeds = 3,
    jobs: Annotated[int, typer.Option(min=1, metavar="N", help="seeds worked on at the same time")] = 1,
    clock: Annotated[
        float | None, typer.Option(metavar="MHZ", help="asked of the placer  [default: the planning clock]")
    ] = None,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="results; goes on with those it has")
    ] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="write the table to a file")] = None,
) -> None:
    """Measure shipped networks on FPGAs."""
    rows = earlier_rows(json)
    chosen, devices = networks or NETWORKS, [find_device(name) for name in device or DEVICES]
    if clock is not None:
        for on in devices:
            on.require_clock(clock)
    with progress() as bars:
        bar = bars.add_task("placing and routing", total=len(chosen) * len(devices))
        for name in chosen:
            network, samples = load(name)
            for on in devices:
                bars.update(bar, description=f"{name} on {on.name}")
                row = measure(name, network, samples, on, list(range(1, seeds + 1)), jobs, clock, rows)
                rows = renewed(rows, row)
                write_json(json, {"rows": rows})
                if markdown is not None:
                    write_whole(markdown, f"{as_markdown(rows)}\n".encode())
                bars.advance(bar)
    say(as_markdown(rows))


if __name__ == "__main__":
    command(run)
