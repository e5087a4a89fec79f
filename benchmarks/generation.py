"""What generating costs as networks grow: time and memory of every phase from checkpoint to Verilog.

    python -m benchmarks.generation
    python -m benchmarks.generation 6x256x32 --json generation.json

Networks of Gated Spiking Units of the paper's sizes and smaller, with drawn weights; each in a process of its
own, whose peak is then its own.
"""

import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.table import Table

from benchmarks.command import command
from hdl.devices.devices import find_device
from hdl.emit.generate import DESIGN, convert, generate
from hdl.planning.planner import plan_network
from quantize.checkpoint import read_checkpoint, write_checkpoint
from quantize.convert import Precision, quantise
from quantize.errors import StatespikeError
from statespike.options import DeviceName, Json
from statespike.output import new_table, show, write_json
from tests.networks import INPUT, random_checkpoint, random_samples

SIZES = ("6x64x32", "6x128x32", "6x256x32", "6x512x32")
"""Layers x channels x modes; the last two are the paper's."""
PHASES = {"read": "read", "quantise": "quantise", "plan": "plan, estimate", "write": "Verilog"}
CLASSES = 10
CALIBRATION = (8, 64)
"""Sequences and steps."""

Result = TypeVar("Result")


def shape_of(size: str) -> tuple[int, int, int]:
    """Layers, channels and modes of a size such as `6x256x32`.

    Raises
    ------
    StatespikeError
        If it is not three numbers.
    """
    numbers = size.split("x")
    if len(numbers) != 3 or not all(number.isdigit() and int(number) for number in numbers):
        raise StatespikeError(f"a size is layersxchannelsxmodes, such as 6x256x32, not {size!r}")
    layers, channels, modes = map(int, numbers)
    return layers, channels, modes


def measure(size: str, device: str) -> dict[str, Any]:
    """Figures of one size; to be called in a fresh process."""
    layers, channels, modes = shape_of(size)
    phases: dict[str, dict[str, float]] = {}

    def timed(phase: str, work: Callable[[], Result]) -> Result:
        wall, processor = time.perf_counter(), _processor_seconds()
        outcome = work()
        phases[phase] = {
            "seconds": round(time.perf_counter() - wall, 2),
            "processor_seconds": round(_processor_seconds() - processor, 2),
            "peak_mb": round(_peak_mb()),
        }
        return outcome

    with tempfile.TemporaryDirectory(prefix="statespike-") as temporary:
        path, folder = Path(temporary) / "network.safetensors", Path(temporary) / "build"
        write_checkpoint(path, random_checkpoint("gsu", channels, modes, layers, seed=1, classes=CLASSES))
        samples = random_samples(*CALIBRATION, seed=1)
        checkpoint = timed("read", lambda: read_checkpoint(path))
        network = timed("quantise", lambda: quantise(checkpoint, samples, INPUT, Precision()))
        plan = timed("plan", lambda: plan_network(network, find_device(device), oversize=True))
        timed("write", lambda: generate(convert(network, plan, synthesis=False), folder))
        verilog_bytes = (folder / DESIGN).stat().st_size
    return {
        "size": size,
        "device": device,
        "memory_bits": network.memory_bits,
        "cycles_per_step": plan.cycles_per_step,
        "estimate": {"lut": plan.estimate.lut, "bram": plan.estimate.bram, "dsp": plan.estimate.dsp},
        "shortfall": plan.shortfall,
        "verilog_bytes": verilog_bytes,
        "phases": phases,
        "seconds": round(sum(phase["seconds"] for phase in phases.values()), 2),
        "processor_seconds": round(sum(phase["processor_seconds"] for phase in phases.values()), 2),
        "peak_mb": max(phase["peak_mb"] for phase in phases.values()),
    }


def _processor_seconds() -> float:
    """Of this process and of the tools that it has run."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _peak_mb() -> float:
    """This process and the largest tool together, in megabytes."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_maxrss for usage in usages) * 1024 / 1e6


def table_of(results: list[dict[str, Any]]) -> Table:
    """A size a row: processor seconds of each phase."""
    table = new_table("layers x channels x modes", title="from checkpoint to Verilog, processor seconds")
    for column in ("Mbit", *PHASES.values(), "all", "all, wall-clock", "peak MB", "block memories"):
        table.add_column(column, justify="right")
    for result in results:
        table.add_row(
            result["size"].replace("x", " x "),
            f"{result['memory_bits'] / 1e6:.2f}",
            *(f"{result['phases'][phase]['processor_seconds']:.1f}" for phase in PHASES),
            f"{result['processor_seconds']:.1f}",
            f"{result['seconds']:.1f}",
            f"{result['peak_mb']:,}",
            str(result["estimate"]["bram"]),
        )
    return table


def run(
    sizes: Annotated[
        list[str] | None,
        typer.Argument(metavar="SIZE...", help=f"layersxchannelsxmodes  [default: {' '.join(SIZES)}]"),
    ] = None,
    device: DeviceName = "ecp5-85k",
    json: Json = None,
) -> None:
    """Generate networks of several sizes, and show what it took."""
    results = []
    for size in sizes or SIZES:
        shape_of(size)
        with multiprocessing.get_context("spawn").Pool(1) as process:
            results.append(process.apply(measure, (size, device)))
        write_json(json, {"results": results})
    show(table_of(results))


if __name__ == "__main__":
    command(run)
