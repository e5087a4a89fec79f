"""Accuracy over look-up tables, cycles and energy, drawn: a row of panels for each task and device."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from benchmarks.study_groups import Group
from quantize.configuration import MODELS

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#e69f00", "#56b4e9", "#cc79a7", "#8a8a8a", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
STYLES = dict(zip(MODELS, zip(COLOURS, MARKERS, strict=True), strict=True))
"""Kind of unit -> colour and marker: either is enough to tell it, for eyes that confuse colours too."""
LINEAR = "look-up tables"
"""The axis on which networks of several widths lie close together."""
Across = Callable[[dict[str, Any]], tuple[float, float] | None]
ACROSS: dict[str, Across] = {
    LINEAR: lambda circuit: (circuit["estimate"]["lut"],) * 2,
    "cycles a step": lambda circuit: (circuit["cycles_per_step"],) * 2,
    "microjoules a sequence": lambda circuit: (
        None
        if circuit["energy_uj"]["low"] is None
        else (circuit["energy_uj"]["low"], circuit["energy_uj"]["high"])
    ),
}
"""Title of an axis -> the figure of a circuit, from its low to its high end."""


def draw(tasks: Mapping[str, Sequence[Group]], path: Path) -> None:
    """Draw every task on every device; the same points give the same bytes.

    A point is the median over seeds, its upright line from the lowest to the highest. Where the figure is a
    range, a line across has its ends, and the point its middle on the logarithmic axis.
    """
    rows = [(task, device) for task, groups in tasks.items() for device in groups[0].devices]
    figure = Figure(figsize=(13, 4 * len(rows)), layout="constrained")
    panels = figure.subplots(len(rows), len(ACROSS), squeeze=False, sharey="row")
    for line, (task, device) in zip(panels, rows, strict=True):
        for axes, (title, across) in zip(line, ACROSS.items(), strict=True):
            axes.set(xlabel=title, title=f"{task} on {device}")
            if not _draw_panel(axes, tasks[task], device, across):
                axes.text(0.5, 0.5, "not modelled", transform=axes.transAxes, ha="center")
                axes.set_xticks([])
            elif title != LINEAR:
                axes.set_xscale("log")
                axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                axes.xaxis.set_minor_locator(NullLocator())
                axes.xaxis.set_major_formatter("{x:g}")
        line[0].set_ylabel("accuracy in 8-bit integers, %")
    handles, names = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names))
    with rc_context({"svg.hashsalt": "statespike", "svg.fonttype": "none"}):
        figure.savefig(path, dpi=100, metadata={"Date": None} if path.suffix == ".svg" else None)


def _draw_panel(axes: Axes, groups: Sequence[Group], device: str, across: Across) -> bool:
    """Whether there was anything to draw."""
    drawn = False
    for model in dict.fromkeys(group.model for group in groups):
        own = [group for group in groups if group.model == model]
        places = [(across(group.circuit(device)), group) for group in own]
        found = [(place, group) for place, group in places if place is not None]
        if not found:
            continue
        drawn = True
        colour, marker = STYLES[model]
        middle = [(low * high) ** 0.5 for (low, high), _ in found]
        median = [100 * group.median for _, group in found]
        spread = [
            [100 * (group.median - group.accuracies[0]) for _, group in found],
            [100 * (group.accuracies[-1] - group.median) for _, group in found],
        ]
        reach = [
            [at - low for ((low, _), _), at in zip(found, middle, strict=True)],
            [high - at for ((_, high), _), at in zip(found, middle, strict=True)],
        ]
        axes.errorbar(
            middle, median, yerr=spread, xerr=reach, color=colour, marker=marker, markersize=6,
            linewidth=1.2, elinewidth=0.7, label=model,
        )  # fmt: skip
    axes.grid(which="major", alpha=0.3)
    return drawn
