"""Look-up tables over cycles, drawn: what is chosen for every number of cycles, and what was synthesised."""

from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.peers import THEIRS

MARKERS = {"parallel": "s", "serial": "D", "table": "o", "event": "^", "da4ml": "X", "alkaid": "P"}
"""Kind of circuit -> its points in the picture."""
OTHER_MARKER = "*"
CLOSE, NAME = 0.032, 0.22
"""Height and length of a name, as parts of the axes'."""


def draw(rows: list[dict[str, Any]], curves: list[dict[str, Any]], path: Path) -> None:
    """Look-up tables over cycles: a panel for each matrix and part.

    A grey line is the cheapest build for each number of cycles, as the planner estimates it. Each circuit
    that was synthesised is a point with its name beside it. The same results give the same bytes.
    """
    devices = list(dict.fromkeys(curve["device"] for curve in curves))
    matrices = list(dict.fromkeys(curve["matrix"] for curve in curves))
    size = 7 * len(devices), 5 * len(matrices)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(matrices), len(devices), squeeze=False, sharey="row")
    for curve in curves:
        place = curve["matrix"], curve["device"]
        axes = panels[matrices.index(place[0])][devices.index(place[1])]
        _draw_panel(axes, curve, [row for row in rows if (row["matrix"], row["device"]) == place])
    with rc_context({"svg.hashsalt": "statespike", "svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _draw_panel(axes: Axes, curve: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """One matrix on one part."""
    corners, slowest = curve["corners"], curve["slowest"]
    cycles = [*(corner["cycles"] for corner in corners), slowest]
    estimates = [*(corner["estimated_lut"] for corner in corners), corners[-1]["estimated_lut"]]
    axes.set(xscale="log", yscale="log", xlabel="cycles a product", ylabel="LUT4")
    axes.set_title(f"{curve['matrix']} on {curve['device']}")
    axes.step(cycles, estimates, where="post", color="0.6", linewidth=1.2, label="the choice, estimated")
    colours: dict[str, Any] = {}
    for kind, points in _series(rows).items():
        places = [row["cycles"] for row in points], [row["lut"] for row in points]
        (line,) = axes.plot(
            *places, MARKERS.get(kind, OTHER_MARKER), markersize=5, label=f"{kind}, synthesised"
        )
        colours[kind] = line.get_color()
    axes.set_xlim(0.8, 6 * slowest)  # names have room on the right
    _write_names(axes, rows, colours)
    axes.grid(which="major", alpha=0.3)
    axes.legend(fontsize="small")


def _write_names(axes: Axes, rows: list[dict[str, Any]], colours: dict[str, Any]) -> None:
    """The name of each circuit on the right of its point, moved up where it would cover another."""
    taken: list[tuple[float, float]] = []
    shown = [row for points in _series(rows).values() for row in points]
    for row in sorted(shown, key=lambda row: (row["lut"], row["cycles"])):
        x, y = axes.transAxes.inverted().transform(axes.transData.transform((row["cycles"], row["lut"])))
        height = y
        while any(abs(x - other) < NAME and abs(height - above) < CLOSE for other, above in taken):
            height += CLOSE / 4
        taken.append((x, height))
        axes.annotate(
            row["name"],
            (row["cycles"], row["lut"]),
            (x + 0.015, height),
            textcoords="axes fraction",
            fontsize=7,
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
            color=colours[_kind(row)],
            arrowprops={"arrowstyle": "-", "linewidth": 0.4, "color": "0.7"} if height > y else None,
        )


def _kind(row: dict[str, Any]) -> str:
    """What built a circuit: one of our builds, or a peer."""
    return str(row["name"].partition(",")[0])


def _series(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Each kind of circuit -> the rows of it: our builds, then the peers' as their users get them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: "flow" in row):
        if row.get("flow") in THEIRS or "flow" not in row:
            found.setdefault(_kind(row), []).append(row)
    return found
