"""What a search tells: a line for each batch, the table of the front, and all figures for machines."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from statespike.output import new_table
from statespike.search.explore import Progress, Search, best
from statespike.search.objectives import OBJECTIVES, values_of
from statespike.search.trial import Candidate


def shown(name: str, value: float) -> str:
    """A value of an objective as people read it."""
    if name == "error":
        return f"{value:.2%}"
    return f"{value:.3g} uJ" if name == "energy" else f"{value:,.0f}"


def line(progress: Progress, budget: int, objectives: Sequence[str]) -> str:
    """How far the search is, and how wide the front."""
    candidates = progress.candidates
    front = best(candidates, objectives)
    begin = f"{len(candidates)} of {budget} candidates"
    if not front:
        return f"{begin}: none can be built yet"
    ranges = []
    for name in objectives:
        values = [OBJECTIVES[name](candidate.result) for candidate in front]
        ranges.append(f"{name} {shown(name, min(values))} to {shown(name, max(values))}")
    return f"{begin}: {len(front)} on the front, {', '.join(ranges)}"


def front_table(candidates: Sequence[Candidate], objectives: Sequence[str]) -> Table:
    """The front, by its first objective."""
    table = new_table("id", "network", *objectives)
    for candidate in best(candidates, objectives):
        values = (shown(name, OBJECTIVES[name](candidate.result)) for name in objectives)
        table.add_row(candidate.identifier, str(candidate.trial.specification), *values)
    return table


def figures(search: Search, progress: Progress) -> dict[str, Any]:
    """Everything of a search: each candidate once, in the order in which it was first drawn."""
    distinct = {candidate.trial.key: candidate for candidate in progress.candidates}
    front = {candidate.trial.key for candidate in best(progress.candidates, search.objectives)}
    return {
        "task": search.task,
        "device": search.device,
        "objectives": list(search.objectives),
        "sampler": search.sampler,
        "seed": search.seed,
        "batch": search.batch,
        "budget": search.budget,
        "rate": search.rate,
        "inherit": search.inherit,
        "space": search.space.as_json(),
        "drawn": len(progress.candidates),
        "distinct": progress.distinct,
        "run": progress.run,
        "candidates": [
            {
                "id": candidate.identifier,
                "key": key,
                "specification": candidate.trial.as_json()["specification"],
                "values": values_of(candidate.result, search.objectives),
                "on_front": key in front,
                "result": candidate.result.as_json(),
            }
            for key, candidate in distinct.items()
        ],
    }
