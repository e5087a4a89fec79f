"""The front of a search as one page of HTML: a drawing for each two objectives, and a table with commands."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import combinations

from statespike.page.charts import WIDTH, svg, text
from statespike.page.document import document, figure, paragraph, table
from statespike.search.explore import Progress, Search, best
from statespike.search.objectives import OBJECTIVES
from statespike.search.report import shown
from statespike.search.trial import Candidate

LEFT, TOP, HEIGHT = 80, 40, 320
"""Units of a drawing: its margins, with the words of the axes, and its height."""


def page(search: Search, progress: Progress, study: str) -> str:
    """The page; it needs nothing but itself.

    Parameters
    ----------
    search : Search
    progress : Progress
    study : str
        The store's place, for the commands.
    """
    return document(f"{search.task} on {search.device}", _body(search, progress, study))


def _body(search: Search, progress: Progress, study: str) -> Iterator[str]:
    front = best(progress.candidates, search.objectives)
    distinct = {one.trial.key: one for one in progress.candidates}.values()
    built = [one for one in distinct if one.result.feasible]
    yield paragraph(
        f"{search.sampler}, seed {search.seed}: {len(progress.candidates)} candidates were drawn, "
        f"{len(distinct)} of them different. {len(built)} can be built. The {len(front)} of the front are "
        "those that no other dominates. Errors are those of short trainings, on validation sequences; "
        "cells, cycles and energy are estimated."
    )
    if built:
        for across, up in combinations(search.objectives, 2):
            drawing = _drawing(built, front, across, up)
            yield figure(f"{across}-{up}", drawing, f"{across} and {up}; orange: on the front")
    header = ["id", "network", *search.objectives, "command"]
    yield table("front", header, (_row(one, search, study) for one in front))


def _row(one: Candidate, search: Search, study: str) -> list[str | float]:
    values = [OBJECTIVES[name](one.result) for name in search.objectives]
    command = f"statespike explore {search.task} --study {study} --apply {one.identifier}"
    return [one.identifier, str(one.trial.specification), *values, command]


def _drawing(built: Sequence[Candidate], front: Sequence[Candidate], across: str, up: str) -> str:
    """A dot for each candidate, those of the front on top, with names under the pointer."""
    columns, rows = ([OBJECTIVES[name](one.result) for one in built] for name in (across, up))
    wide, tall = WIDTH - 2 * LEFT, HEIGHT - 2 * TOP
    parts = [text(LEFT, 16, up), text(LEFT + wide / 2, HEIGHT - 4, across, "middle")]
    for share in (0.0, 0.5, 1.0):
        x, y = LEFT + share * wide, TOP + (1 - share) * tall
        parts += [
            text(x, HEIGHT - 20, shown(across, _between(columns, share)), "middle"),
            text(LEFT - 10, y + 4, shown(up, _between(rows, share)), "end"),
            f'<line x1="{LEFT}" x2="{LEFT + wide}" y1="{y:g}" y2="{y:g}" class="line" opacity="0.25"/>',
        ]
    chosen = {one.trial.key for one in front}
    dots = [(one.trial.key in chosen, one, x, y) for one, x, y in zip(built, columns, rows, strict=True)]
    for on_front, one, column, row in sorted(dots, key=lambda dot: dot[0]):
        x, y = LEFT + _share(columns, column) * wide, TOP + (1 - _share(rows, row)) * tall
        said = escape(f"{one.identifier}: {one.trial.specification}")
        colour = "second" if on_front else "faint"
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" class="{colour}"><title>{said}</title></circle>'
        )
    return svg(HEIGHT, parts, f"{across} and {up}")


def _between(values: Sequence[float], share: float) -> float:
    return min(values) + share * (max(values) - min(values))


def _share(values: Sequence[float], value: float) -> float:
    """Where a value lies between the least and the greatest."""
    return (value - min(values)) / ((max(values) - min(values)) or 1.0)
