"""Look-up tables over cycles, drawn: what is chosen for every number of cycles, and what was synthesised."""

from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.peers import THEIRS

MARKERS = {"parallel": "s", "serial": "D", "table": "o", "event": "^", "da4ml": "x", "alkaid": "+"}
"""Kind of circuit -> its points in the picture."""
OTHER_MARKER = "*"


def draw(rows: list[dict[str, Any]], curves: list[dict[str, Any]], path: Path) -> None:
    """Look-up tables over cycles: a panel a part, each matrix's cheapest builds and what was synthesised.

    The same results give the same bytes.
    """
    devices = list(dict.fromkeys(curve["device"] for curve in curves))
    matrices = list(dict.fromkeys(curve["matrix"] for curve in curves))
    figure = Figure(figsize=(6 * len(devices), 5), layout="constrained")
    panels = figure.subplots(1, len(devices), squeeze=False, sharey=True)[0]
    for axes, device in zip(panels, devices, strict=True):
        for curve in curves:
            if curve["device"] == device:
                found = [
                    row
                    for row in rows
                    if (row["matrix"], row["device"]) == (curve["matrix"], curve["device"])
                ]
                _draw_matrix(axes, curve, found, f"C{matrices.index(curve['matrix'])}")
        axes.set(xscale="log", yscale="log", title=device, xlabel="cycles a product", ylabel="LUT4")
        axes.grid(which="both", alpha=0.3)
        axes.legend(fontsize="small")
    with rc_context({"svg.hashsalt": "statespike", "svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _draw_matrix(axes: Axes, curve: dict[str, Any], rows: list[dict[str, Any]], colour: str) -> None:
    """The cheapest builds of one matrix on one part as a line, and what was synthesised as points."""
    corners = curve["corners"]
    cycles = [*(corner["cycles"] for corner in corners), curve["slowest"]]
    estimates = [*(corner["estimated_lut"] for corner in corners), corners[-1]["estimated_lut"]]
    name = curve["matrix"]
    axes.step(
        cycles, estimates, where="post", color=colour, linewidth=1.2, label=f"{name}: the choice, estimated"
    )
    for (series, marker), points in _series(rows).items():
        places = [row["cycles"] for row in points], [row["lut"] for row in points]
        axes.plot(*places, marker, color=colour, markersize=5, label=f"{name}: {series}, synthesised")


def _series(rows: list[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Title and marker of each kind of circuit -> the rows of it: our builds, then the peers."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: "flow" in row):
        kind = row["name"].partition(",")[0]
        if row.get("flow") in THEIRS or "flow" not in row:
            found.setdefault((kind, MARKERS.get(kind, OTHER_MARKER)), []).append(row)
    return found
