"""Mixers against their peers: every build, and the netlists of da4ml and alkaid, in one run of one Yosys.

    python -m benchmarks.mixers half-64 sparse-64 gsu-0 --json mixers.json
    python -m benchmarks.mixers half-64 --build parallel --build table --curve half-64.png

The peers and the drawing come with `pip install 'statespike[benchmarks]'`.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

import numpy as np
import typer
from rich.table import Table

from benchmarks.command import command
from benchmarks.peers import FLOWS, PEERS, peer
from boards.toolchain import synthesise
from hdl.mixers.choice import Build, MixerChoice, cheapest, mixer_choices
from hdl.parts import Part, part
from hdl.verilog import rtlil_text
from models import ZOO
from quantize.errors import StatespikeError
from quantize.formats import Integers
from quantize.layers.gsu import GsuSpec
from quantize.mixing import AdderGraph, TernaryProduct, adder_graph
from statespike.networks import integers_of
from statespike.output import progress, show, write_json

ZEROS = {"half": 0.5, "sparse": 0.8}
BUILDS = get_args(Build)
BUDGETS = [1 << power for power in range(13)]


def matrix(name: str, seed: int) -> Integers:
    """A named ternary matrix.

    Parameters
    ----------
    name : str
        `half-N` or `sparse-N`: N x N drawn at random with 50 or 80 % zeros. `gsu-K`: the table of layer K of
        the trained sMNIST network of Gated Spiking Units.

    Raises
    ------
    StatespikeError
        If there is none of that name.
    """
    kind, _, number = name.partition("-")
    if number.isdigit() and kind in ZEROS:
        zeros = ZEROS[kind]
        shape = (int(number), int(number))
        chances = [(1 - zeros) / 2, zeros, (1 - zeros) / 2]
        return np.random.default_rng(seed).choice([-1, 0, 1], p=chances, size=shape)
    if number.isdigit() and kind == "gsu":
        blocks = integers_of(ZOO / "smnist-gsu.safetensors").blocks
        if int(number) < len(blocks):
            unit = blocks[int(number)].unit
            assert isinstance(unit, GsuSpec)
            return unit.table
    raise StatespikeError(f"unknown matrix {name!r}; known are half-N, sparse-N, gsu-0 and gsu-1")


def built(choice: MixerChoice, graph: AdderGraph, on: Part, folder: Path) -> dict[str, Any]:
    """Figures of a mixer after synthesis."""
    started = time.monotonic()
    component = choice.component(graph, on.family)
    # No build reads and writes one address of a memory in one cycle.
    found = synthesise(rtlil_text(component), on, folder, no_collisions=True).resources
    return {
        "name": choice.build if choice.lanes is None else f"{choice.build}, {choice.lanes} lanes",
        "adders": graph.adders if choice.lanes is None else None,
        "cycles": choice.cycles,
        "lut": found.lut,
        "ff": found.ff,
        "bram": found.bram,
        "estimated_lut": choice.estimate.lut,
        "seconds": round(time.monotonic() - started, 1),
    }


def peers(product: TernaryProduct, on: Part, folder: Path, flows: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Figures of the peers' circuits after synthesis."""
    for name in PEERS:
        started = time.monotonic()
        other = peer(name, product, folder / name)
        searched = time.monotonic() - started
        for flow in flows:
            started = time.monotonic()
            found = other.synthesise(on, folder / f"{name}-{flow}", flow)
            yield {
                "name": f"{other.name}, {flow}",
                "adders": other.adders,
                "cycles": 1,
                "lut": found.lut,
                "ff": found.ff,
                "bram": found.bram,
                "seconds": round(time.monotonic() - started, 1),
                "search_seconds": round(searched, 1),
            }


def compare(
    name: str,
    on: Part,
    width: int,
    rounds: int | None,
    seed: int,
    builds: Sequence[str],
    flows: Sequence[str],
) -> dict[str, Any]:
    """Builds of one matrix on one part, and the peers'."""
    product = TernaryProduct(matrix(name, seed), width)
    started = time.monotonic()
    graph = adder_graph(product, rounds, seed)
    result: dict[str, Any] = {
        "matrix": name, "shape": product.table.shape, "zeros": round(float((product.table == 0).mean()), 3),
        "input_width": width, "device": on.name, "seed": seed,
        "search_seconds": round(time.monotonic() - started, 1),
        "adder_bits": graph.adder_bits, "inverter_bits": graph.inverter_bits, "depth": graph.depth,
    }  # fmt: skip
    choices = mixer_choices(graph, on.family)
    whole = {"table": product.inputs, "event": product.outputs, "parallel": None, "serial": None}
    wanted = [choice for choice in choices if choice.build in builds and choice.lanes == whole[choice.build]]
    result["curve"] = [
        {"cycles": budget, "build": best.build, "lanes": best.lanes, "estimated_lut": best.estimate.lut}
        for budget, best in ((budget, cheapest(choices, budget)) for budget in BUDGETS)
    ]
    with progress() as bars, tempfile.TemporaryDirectory(prefix="statespike-") as temporary:
        task = bars.add_task(f"{name} on {on.name}", total=len(wanted) + len(flows) * len(PEERS))
        rows = []
        for place, choice in enumerate(wanted):
            rows.append(built(choice, graph, on, Path(temporary) / str(place)))
            bars.advance(task)
        result["mixers"] = rows
        result["peers"] = []
        for figures in peers(product, on, Path(temporary), flows) if flows else ():
            result["peers"].append(figures)
            bars.advance(task)
    best = min((row["lut"] for row in result["peers"]), default=None)
    for row in [*result["mixers"], *result["peers"]]:
        row["ratio"] = round(row["lut"] / best, 3) if best else None
    return result


def table_of(result: dict[str, Any]) -> Table:
    """One matrix on one part, a mixer a row."""
    title = "{matrix} {shape}, {input_width} bits, on {device} (search {search_seconds} s)".format(**result)
    table = Table("", title=title)
    columns = {
        "adders": "adders", "lut": "LUT4", "ff": "flip-flops", "bram": "block memories", "cycles": "cycles",
        "ratio": "LUT4 / best peer", "estimated_lut": "estimated LUT4", "seconds": "synthesis s",
    }  # fmt: skip
    for column in columns.values():
        table.add_column(column, justify="right")
    for row in [*result["mixers"], *result["peers"]]:
        table.add_row(row["name"], *("" if row.get(key) is None else str(row[key]) for key in columns))
    return table


def draw(results: list[dict[str, Any]], path: Path) -> None:
    """Look-up tables over cycles, of all results in one picture."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.add_subplot(xscale="log", yscale="log", xlabel="cycles a product", ylabel="LUT4")
    for result in results:
        label = f"{result['matrix']}, {result['device']}"
        budgets, estimates = zip(
            *((at["cycles"], at["estimated_lut"]) for at in result["curve"]), strict=True
        )
        (line,) = axes.step(budgets, estimates, where="post", label=f"{label}: cheapest, estimated")
        for marker, name, rows in (("o", "synthesised", result["mixers"]), ("x", "peers", result["peers"])):
            if rows:
                points = zip(*((row["cycles"], row["lut"]) for row in rows), strict=True)
                axes.plot(*points, marker, color=line.get_color(), label=f"{label}: {name}")
    axes.legend()
    axes.grid(which="both", alpha=0.3)
    figure.savefig(path, dpi=150)


def run(
    matrices: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MATRIX...", help="half-N, sparse-N, gsu-K  [default: half-64 sparse-64 gsu-0]"
        ),
    ] = None,
    device: Annotated[
        list[str] | None, typer.Option(metavar="DEVICE", help="may be given again  [default: hx8k ecp5-25k]")
    ] = None,
    width: Annotated[int, typer.Option(min=1, max=32, help="bits of an input")] = 8,
    rounds: Annotated[int | None, typer.Option(min=0, help="of the search for shared subexpressions")] = None,
    seed: Annotated[int, typer.Option(help="of matrices and search")] = 0,
    build: Annotated[
        list[str] | None, typer.Option(metavar="BUILD", help="may be given again  [default: all four]")
    ] = None,
    flow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FLOW", help="of the peers' adders: joined, apart, merged  [default: all three]"
        ),
    ] = None,
    with_peers: Annotated[
        bool, typer.Option("--peers/--no-peers", help="compare with da4ml and alkaid")
    ] = True,
    curve: Annotated[
        Path | None, typer.Option(metavar="FILE", help="draw the cheapest builds for 1..4096 cycles")
    ] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="write the figures as JSON")] = None,
) -> None:
    """Synthesise every build of a mixer, and its peers, in one run."""
    results = []
    for name in matrices or ["half-64", "sparse-64", "gsu-0"]:
        for on in [part(chosen) for chosen in device or ["hx8k", "ecp5-25k"]]:
            results.append(
                compare(name, on, width, rounds, seed, build or BUILDS, (flow or FLOWS) if with_peers else ())
            )
            show(table_of(results[-1]))
            write_json(json, {"results": results})
    if curve is not None:
        draw(results, curve)


if __name__ == "__main__":
    command(run)
