"""The front of a search as one page of HTML: a drawing for each two objectives, and a table with commands."""

from collections.abc import Sequence
from html import escape
from itertools import combinations

from statespike.search.explore import Progress, Search, best
from statespike.search.objectives import OBJECTIVES
from statespike.search.report import shown
from statespike.search.trial import Candidate

WIDTH, HEIGHT, MARGIN = 420, 300, 56
"""Of a drawing, in pixels; axes and their words stand in the margin."""
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #ccc; padding: .3rem .5rem; text-align: left; }
code { white-space: nowrap; }
svg { margin: 0 1rem 1rem 0; }
svg text { font: 12px system-ui, sans-serif; }
.other { fill: #bbb; } .front { fill: #c33; } .axis { stroke: #333; }
"""


def page(search: Search, progress: Progress, study: str) -> str:
    """The page; it needs nothing but itself.

    Parameters
    ----------
    search : Search
    progress : Progress
    study : str
        The store's place, for the commands.
    """
    front = best(progress.candidates, search.objectives)
    distinct = list({one.trial.key: one for one in progress.candidates}.values())
    built = [one for one in distinct if one.result.feasible]
    title = f"{search.task} on {search.device}"
    drawings = "".join(_drawing(built, front, *pair) for pair in combinations(search.objectives, 2))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f"<p>{escape(search.sampler)}, seed {search.seed}: {len(progress.candidates)} candidates were drawn, "
        f"{len(distinct)} of them different; {len(built)} can be built (grey), and none is better than the "
        f"{len(front)} of the front (red) in every objective. Errors are those of short trainings, measured "
        f"on validation sequences; cells and cycles are estimated.</p>{drawings}"
        f"{_table(front, search, study)}</body></html>\n"
    )


def _drawing(built: Sequence[Candidate], front: Sequence[Candidate], across: str, up: str) -> str:
    """Two objectives of the candidates, those of the front on top."""
    if not built:
        return ""
    columns = [OBJECTIVES[across](one.result) for one in built]
    rows = [OBJECTIVES[up](one.result) for one in built]
    chosen = {one.trial.key for one in front}

    def place(value: float, values: Sequence[float], length: int) -> float:
        span = max(values) - min(values) or 1.0
        return MARGIN + (value - min(values)) / span * (length - 2 * MARGIN)

    points = []
    for one, column, row in sorted(
        zip(built, columns, rows, strict=True), key=lambda each: each[0].trial.key in chosen
    ):
        kind = "front" if one.trial.key in chosen else "other"
        x, y = place(column, columns, WIDTH), HEIGHT - place(row, rows, HEIGHT)
        said = escape(f"{one.identifier}: {one.trial.specification}")
        points.append(
            f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{said}</title></circle>'
        )
    middle = 'text-anchor="middle"'
    left, bottom, right, top = MARGIN - 10, HEIGHT - MARGIN + 10, WIDTH - MARGIN + 10, MARGIN - 10
    axes = (
        f'<line class="axis" x1="{left}" y1="{bottom}" x2="{right}" y2="{bottom}"/>'
        f'<line class="axis" x1="{left}" y1="{bottom}" x2="{left}" y2="{top}"/>'
        f'<text x="{MARGIN}" y="{bottom + 16}" {middle}>{shown(across, min(columns))}</text>'
        f'<text x="{WIDTH - MARGIN}" y="{bottom + 16}" {middle}>{shown(across, max(columns))}</text>'
        f'<text x="{WIDTH // 2}" y="{bottom + 34}" {middle}>{across}</text>'
        f'<text x="4" y="{HEIGHT - MARGIN}">{shown(up, min(rows))}</text>'
        f'<text x="4" y="{MARGIN}">{shown(up, max(rows))}</text>'
        f'<text x="4" y="{MARGIN - 20}">{up}</text>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{across} and {up}">{axes}{"".join(points)}</svg>'
    )


def _table(front: Sequence[Candidate], search: Search, study: str) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("id", "network", *search.objectives, "command"))
    lines = []
    for one in front:
        values = [shown(name, OBJECTIVES[name](one.result)) for name in search.objectives]
        command = f"statespike explore {search.task} --study {study} --apply {one.identifier}"
        cells = [one.identifier, str(one.trial.specification), *values]
        told = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        lines.append(f"<tr>{told}<td><code>{escape(command)}</code></td></tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
