"""Candidates of a search as placed circuits: how far the estimates that the search went by are from them.

    python -m benchmarks.placed found.json --study digits-search.db --count 50 --json placed.json

`found.json` is what `statespike explore --json` wrote, and the study keeps the checkpoints. The front comes
first, then candidates spread evenly over the estimated look-up tables. Each is quantised and planned as the
search did it, synthesised, placed and routed. A circuit that the file already has is not made again; its
estimate is always new.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from scipy.stats import spearmanr

from benchmarks.command import command
from benchmarks.results import earlier_rows, markdown_table
from hdl.emit.generate import convert, generate
from quantize.errors import StatespikeError
from quantize.files import scratch_folder, write_whole
from quantize.reading import read_json, reading
from statespike.options import Seeds
from statespike.output import progress, say, write_json
from statespike.search.evaluation import plan_of
from statespike.search.finalists import write
from statespike.search.store import Store
from statespike.search.trial import Candidate

COUNTED = ("lut", "ff", "bram", "spram", "dsp")
NEAR, NEAR_CLOCK = 0.1, 0.15
"""The goals of the estimates: look-up tables and flip-flops within a tenth, clocks within so much."""


def chosen(candidates: Sequence[dict[str, Any]], count: int) -> list[str]:
    """Keys of the front, and of others that can be built, evenly over their look-up tables."""
    front = [one["key"] for one in candidates if one["on_front"]]
    others = sorted(
        (
            one
            for one in candidates
            if not one["on_front"] and not one["result"]["failure"] and not one["result"]["lacks"]
        ),
        key=lambda one: (one["result"]["estimate"]["lut"], one["key"]),
    )
    wanted = min(max(0, count - len(front)), len(others))
    places = np.linspace(0, len(others) - 1, wanted).round().astype(int)
    return front[:count] + [others[place]["key"] for place in places]


def placed(
    candidate: Candidate, store: Store, seeds: Sequence[int], known: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """A candidate's estimate beside its netlist and the clocks of its seeds, or why there is no circuit.

    The circuit of an earlier row stays if the same tools would make it again.
    """
    trial = candidate.trial
    with scratch_folder() as folder:
        integers = write(store, candidate, folder).integers
        chosen = plan_of(trial, integers)
        circuit = convert(integers, chosen, harness=True)
        row: dict[str, Any] = {"key": trial.key, "seeds": list(seeds)}
        row |= {name: circuit.manifest[name] for name in ("rtlil_sha256", "tools")}
        # A clock that was asked for is no estimate.
        planned = None if chosen.device.clock_asked else chosen.clock_mhz
        estimated = {"estimate": chosen.estimate.as_dict(), "planned_mhz": planned}
        for one in known:
            if all(one.get(name) == value for name, value in row.items()):
                return one | estimated
        row |= {"id": candidate.identifier, "network": str(trial.specification), "device": trial.device}
        row |= {"error": candidate.result.error} | estimated
        try:
            made = generate(circuit, folder / "build", seeds=seeds)
        except StatespikeError as error:
            return row | {"refused": str(error)}
    return row | {
        "measured": made["resources"],
        "cycles_per_step": chosen.cycles_per_step,
        "fmax_mhz": made["fmax_mhz"],
    }


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The estimate's errors over all circuits, as shares of the netlist, and how well it orders them."""
    made = [row for row in rows if "measured" in row]
    found: dict[str, Any] = {"placed": len(made), "refused": len(rows) - len(made)}
    for kind in ("lut", "ff"):
        estimates, netlists = (
            np.array([row[source][kind] for row in made], float) for source in ("estimate", "measured")
        )
        off = estimates / netlists - 1
        found[kind] = {
            "near": int((abs(off) <= NEAR).sum()),
            "median": float(np.median(off)),
            "least": float(off.min()),
            "most": float(off.max()),
            "rank_correlation": _rank_correlation(estimates, netlists),
        }
    planned = [row for row in made if row["planned_mhz"] is not None]
    if planned:
        clocks = np.array([min(row["fmax_mhz"]) / row["planned_mhz"] - 1 for row in planned])
        near = int((abs(clocks) <= NEAR_CLOCK).sum())
        found["clock"] = {
            "planned": len(planned), "near": near, "least": float(clocks.min()), "most": float(clocks.max()),
        }  # fmt: skip
    found["exact"] = {
        kind: sum(row["estimate"][kind] == row["measured"][kind] for row in made)
        for kind in ("bram", "spram", "dsp")
    }
    return found


def _rank_correlation(estimates: NDArray[np.float64], netlists: NDArray[np.float64]) -> float | None:
    """By Spearman; None where there is no order to compare."""
    if min(len(np.unique(estimates)), len(np.unique(netlists))) < 2:
        return None
    return float(spearmanr(estimates, netlists).statistic)


def as_markdown(rows: Sequence[dict[str, Any]]) -> str:
    """A table of the placed circuits, estimate / netlist."""
    lines = [
        [
            row["id"], row["network"], f"{row['error']:.2%}",
            *(f"{row['estimate'][kind]:,} / {row['measured'][kind]:,}" for kind in COUNTED),
            f"{row['cycles_per_step']:,}", ", ".join(f"{clock:.1f}" for clock in row["fmax_mhz"]),
        ]
        for row in rows
        if "measured" in row
    ]  # fmt: skip
    return markdown_table(["id", "network", "error", *COUNTED, "cycles", "MHz"], lines, names=2)


def tell(found: dict[str, Any]) -> None:
    """Say what `summary` found, in sentences."""
    count = found["placed"]
    for kind, title in (("lut", "look-up tables"), ("ff", "flip-flops")):
        one = found[kind]
        order = "" if one["rank_correlation"] is None else f"; rank correlation {one['rank_correlation']:.3f}"
        say(
            f"{title}: estimates within {NEAR:.0%} in {one['near']} of {count}, {one['least']:+.0%} to "
            f"{one['most']:+.0%}, median {one['median']:+.1%}{order}"
        )
    say(
        "exact of "
        + f"{count}: "
        + ", ".join(f"{title} {found['exact'][kind]}" for kind, title in
                    (("bram", "block memories"), ("spram", "SPRAM"), ("dsp", "multipliers")))
    )  # fmt: skip
    if "clock" in found:
        one = found["clock"]
        say(
            f"clocks: the slowest seed within {NEAR_CLOCK:.0%} of the planned clock in {one['near']} of "
            f"{one['planned']}, {one['least']:+.0%} to {one['most']:+.0%} of it"
        )
    if found["refused"]:
        say(f"{found['refused']} candidates have no placed circuit; their rows say why")


def run(
    found: Annotated[Path, typer.Argument(metavar="FILE", help="what `statespike explore --json` wrote")],
    study: Annotated[str, typer.Option(metavar="FILE", help="the search's --study, or a URL")],
    count: Annotated[int, typer.Option(min=1, help="circuits to place")] = 50,
    seeds: Seeds = 1,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="results; goes on with those it has")
    ] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="write the table to a file")] = None,
) -> None:
    """Place candidates of a search, and compare them with the search's estimates."""
    search = read_json(found.read_text(), found, "the search", "write it again")
    with reading(found, "no result of `statespike explore --json`", "write it again"):
        keys = chosen(search["candidates"], count)
    numbers = list(range(1, seeds + 1))
    known, rows = earlier_rows(json), []
    with Store(study) as store, progress() as bars:
        bar = bars.add_task("placing and routing", total=len(keys))
        for key in keys:
            rows.append(placed(store.find(key), store, numbers, known))
            write_json(json, {"rows": rows})
            bars.advance(bar)
    if markdown is not None:
        write_whole(markdown, as_markdown(rows).encode())
    if not any("measured" in row for row in rows):
        raise StatespikeError("none of the candidates has a circuit that could be placed; the rows say why")
    tell(summary(rows))


if __name__ == "__main__":
    command(run)
