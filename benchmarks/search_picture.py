"""A search as a picture: errors over look-up tables of its candidates, its finalists, and other networks.

    python -m benchmarks.search_picture found.json finalists.json --picture docs/search.svg

`found.json` is what `statespike explore --json` wrote, `finalists.json` what `benchmarks.finalists` wrote.
"""

from pathlib import Path
from typing import Annotated, Any

import typer
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.command import command
from benchmarks.results import earlier_rows
from quantize.reading import read_json, reading
from statespike.output import say

FEWEST = 0.001
"""Share of errors at which those without any are drawn, for the axis has no zero."""


def draw(search: dict[str, Any], rows: list[dict[str, Any]], path: Path) -> None:
    """Draw what can be built; the same figures give the same bytes."""
    figure = Figure(figsize=(8, 5.5), layout="constrained")
    axes = figure.subplots()
    built = [
        one["result"]
        for one in search["candidates"]
        if not one["result"]["failure"] and not one["result"]["lacks"]
    ]
    _points(
        axes, [(one["estimate"]["lut"], one["error"]) for one in built],
        f"{len(built)} candidates: short trainings, validation errors, estimated", marker=".", color="0.65",
    )  # fmt: skip
    _points(
        axes, [(row["lut"], row["error"]) for row in rows if row["seed"] is not None],
        "finalists: trained in full, test errors, synthesised", marker="D", color="tab:blue",
    )  # fmt: skip
    by_hand = [row for row in rows if row["seed"] is None]
    _points(
        axes, [(row["lut"], row["error"]) for row in by_hand],
        "shipped networks: test errors, synthesised", marker="s", color="tab:orange",
    )  # fmt: skip
    for row in by_hand:
        place = row["lut"], max(row["error"], FEWEST)
        name = row["name"].removeprefix(f"{search['task']}-")
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5}
        axes.annotate(name, place, (0, -14), textcoords="offset points", fontsize=8, ha="center", bbox=box)
    axes.axhline(FEWEST, color="0.6", linewidth=0.8)
    axes.text(0.99, FEWEST, "none", va="bottom", ha="right", fontsize=8, transform=axes.get_yaxis_transform())
    axes.set(yscale="log", xlabel=f"look-up tables on {search['device']}", ylabel="share of wrong answers")
    axes.set_title(f"{search['task']}: {search['drawn']} candidates of {search['sampler']}")
    axes.grid(which="major", alpha=0.3)
    axes.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.12))
    with rc_context({"svg.hashsalt": "statespike", "svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _points(axes: Axes, places: list[tuple[float, float]], label: str, *, marker: str, color: str) -> None:
    across, up = [lut for lut, _ in places], [max(error, FEWEST) for _, error in places]
    axes.plot(across, up, marker, color=color, markersize=6, label=label)


def run(
    found: Annotated[Path, typer.Argument(metavar="FILE", help="what `statespike explore --json` wrote")],
    finalists: Annotated[Path, typer.Argument(metavar="FILE", help="what `benchmarks.finalists` wrote")],
    picture: Annotated[Path, typer.Option(metavar="FILE", help="written, .svg or .png")],
) -> None:
    """Draw the candidates of a search beside its finalists and networks made by hand."""
    search = read_json(found.read_text(), found, "the search", "write it again")
    with reading(found, "no result of `statespike explore --json`", "write it again"):
        draw(search, earlier_rows(finalists), picture)
    say(f"wrote {picture}; errors below {FEWEST:.1%} are drawn there")


if __name__ == "__main__":
    command(run)
