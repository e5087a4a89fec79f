"""Processor seconds of `statespike cost`, the whole command and the tools that it runs.

    python -m benchmarks.cost_times
    python -m benchmarks.cost_times --repeats 5 --json cost-times.json --page docs/estimates.md

Each command is run with nothing kept from earlier runs, and again with what that run kept. Python's and
numba's own compiled files are there: a run before makes them. Of some repetitions the least counts, for
other work on a machine only ever adds to a time.
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.command import command
from benchmarks.generation import CALIBRATION, CLASSES, shape_of
from quantize.convert import Precision, quantise
from quantize.errors import StatespikeError
from quantize.file import save_network
from quantize.store import FOLDER
from statespike.markdown import put_table, table
from statespike.options import Json
from statespike.output import progress, say, write_json
from tests.networks import INPUT, random_checkpoint, random_samples

TABLE = "times"
COSTS = (
    ("digits-gsu", "up5k"),
    ("digits-gsu", "ecp5-25k"),
    ("digits-binary_s4d", "up5k"),
    ("smnist-gsu", "up5k"),
    ("smnist-gsu", "ecp5-25k"),
    ("6x256x32", "ecp5-85k"),
)
"""Shipped networks, or sizes of drawn ones of Gated Spiking Units, and devices."""
HEADER = ("`statespike cost`", "nothing kept", "again")


def network_of(name: str, folder: Path) -> str:
    """What the command is given: a shipped network's name, or the file of a drawn one, of integers."""
    if not name[0].isdigit():
        return name
    layers, channels, modes = shape_of(name)
    path = folder / f"{name}.safetensors"
    checkpoint = random_checkpoint("gsu", channels, modes, layers, seed=1, classes=CLASSES)
    save_network(quantise(checkpoint, random_samples(*CALIBRATION, seed=1), INPUT, Precision()), path)
    return str(path)


def processor_seconds(arguments: list[str], cache: Path) -> float:
    """Processor seconds of a command line and its tools, user and system.

    Parameters
    ----------
    arguments : list of str
        Behind `python -m statespike`.
    cache : Path
        Where results are kept.

    Raises
    ------
    StatespikeError
        If the command fails.
    """
    # Without the variable that keeps Python from writing its compiled files.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = _spent()
    done = subprocess.run(
        [sys.executable, "-m", "statespike", *arguments],
        env=inherited | {FOLDER: str(cache)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise StatespikeError(f"statespike {' '.join(arguments)} failed: {done.stderr.strip()[-300:]}")
    return _spent() - before


def _spent() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def row_of(name: str, device: str, repeats: int) -> dict[str, Any]:
    """The least seconds of a command with nothing kept, and of the same command again."""
    with tempfile.TemporaryDirectory(prefix="statespike-") as temporary:
        folder = Path(temporary)
        arguments = ["cost", network_of(name, folder), "--device", device]
        processor_seconds(arguments, folder / "before")
        first, again = [], []
        for repeat in range(repeats):
            cache = folder / f"cache-{repeat}"
            first.append(processor_seconds(arguments, cache))
            again.append(processor_seconds(arguments, cache))
    return {
        "network": name, "device": device, "repeats": repeats,
        "first_processor_seconds": round(min(first), 2), "again_processor_seconds": round(min(again), 2),
    }  # fmt: skip


def as_markdown(rows: list[dict[str, Any]]) -> str:
    """A command a row."""
    return table(
        HEADER,
        [
            [
                f"{row['network']}, {row['device']}",
                f"{row['first_processor_seconds']:.1f}",
                f"{row['again_processor_seconds']:.1f}",
            ]
            for row in rows
        ],
    )


def run(
    repeats: Annotated[int, typer.Option(min=1, metavar="N", help="runs of each command")] = 3,
    json: Json = None,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help=f"write the table into the place {TABLE} of a page")
    ] = None,
) -> None:
    """Measure the processor time of costs, with and without what an earlier run kept."""
    rows: list[dict[str, Any]] = []
    with progress() as bars:
        bar = bars.add_task("measuring", total=len(COSTS))
        for name, device in COSTS:
            rows.append(row_of(name, device, repeats))
            write_json(json, {"rows": rows})
            bars.advance(bar)
    say(as_markdown(rows))
    if page is not None:
        put_table(page, TABLE, as_markdown(rows))


if __name__ == "__main__":
    command(run)
