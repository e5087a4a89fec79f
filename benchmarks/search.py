"""The search itself: what its workers cost, and which sampler finds more.

    python -m benchmarks.search throughput
    python -m benchmarks.search samplers
    python -m benchmarks.search hypervolume search/*.json

The first runs synthetic trials that sleep, on one, two and four workers. The others compare samplers by the
volume that the fronts of their searches dominate: among synthetic trials, or of searches that
`statespike explore --json` wrote.
"""

import json as json_module
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import typer
from scipy.stats import mannwhitneyu

from benchmarks.command import command
from benchmarks.synthetic import sleeping
from benchmarks.synthetic import synthetic as synthetic_trial
from quantize.errors import StatespikeError
from quantize.reading import read_json
from statespike.options import Json
from statespike.output import new_table, note, progress, say, show, write_json
from statespike.search.cluster import local_workers, scheduler_at
from statespike.search.explore import Search, explore, in_this_process
from statespike.search.objectives import hypervolume as volume_of
from statespike.search.report import figures
from statespike.search.samplers import SAMPLERS
from statespike.search.store import Store
from statespike.search.trial import Outcome, Trial

SEARCH = Search("synthetic", ("error", "lut", "cycles"), budget=32, batch=16)


def throughput(
    workers: Annotated[
        list[int] | None, typer.Option(min=1, help="may be given again  [default: 1 2 4]")
    ] = None,
    trials: Annotated[int, typer.Option(min=2, help="drawn in two batches")] = 32,
    seconds: Annotated[float, typer.Option(min=0.0, help="that a trial sleeps")] = 0.5,
    json: Json = None,
) -> None:
    """Compare the speed of searches on local workers with that of workers without overhead.

    Ideal is the time that the trials sleep, shared by the workers. Sampler and store are part of the search.

    Example: python -m benchmarks.search throughput --workers 2
    """
    rows = []
    for count in workers or (1, 2, 4):
        with progress() as bars, TemporaryDirectory(prefix="statespike-") as folder:
            bars.add_task(f"{count} workers", total=None)
            rows.append(measured(count, trials, seconds, Path(folder)))
    table = new_table("workers", "trials", "seconds each", "ideal s", "measured s", "of ideal")
    for row in rows:
        table.add_row(
            str(row["workers"]), str(row["trials"]), f"{row['seconds']:g}", f"{row['ideal']:.2f}",
            f"{row['measured']:.2f}", f"{row['share']:.1%}",
        )  # fmt: skip
    show(table)
    write_json(json, {"rows": rows})


def measured(workers: int, trials: int, seconds: float, folder: Path) -> dict[str, Any]:
    """How long a search takes on so many workers that are there already."""
    search = replace(SEARCH, budget=trials, batch=trials // 2)
    with local_workers(workers, sleeping(seconds)) as run, Store(str(folder / "study.db")) as store:
        # Each worker imports the program with its first trial.
        warm = replace(SEARCH, budget=2 * workers, batch=2 * workers, seed=1)
        explore(warm, store, run)
        started = time.monotonic()
        ran = explore(search, store, run).run
        took = time.monotonic() - started
    ideal = ran * seconds / workers
    return {
        "workers": workers, "trials": ran, "seconds": seconds, "ideal": ideal, "measured": took,
        "share": ideal / took,
    }  # fmt: skip


def synthetic(
    study: Annotated[str, typer.Argument(metavar="FILE", help="SQLite file of the results")],
    scheduler: Annotated[str, typer.Argument(metavar="ADDRESS", help="tcp://host:port")],
    budget: Annotated[int, typer.Option(min=1)] = 32,
    seconds: Annotated[float, typer.Option(min=0.0, help="that a trial sleeps")] = 0.2,
    json: Json = None,
) -> None:
    """Search among synthetic trials, on the workers of a scheduler: for tests that kill what takes part.

    Example: python -m benchmarks.search synthetic study.db tcp://127.0.0.1:8786
    """
    search = replace(SEARCH, budget=budget, batch=8)
    with scheduler_at(scheduler, sleeping(seconds), note) as run, Store(study) as store:
        write_json(json, figures(search, explore(search, store, run)))


def hypervolume(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="what `statespike explore --json` wrote")
    ],
    json: Json = None,
) -> None:
    """Compare samplers by the volume that their fronts dominate, and a rank test between each two.

    Every objective is divided by the range that it takes on all fronts together; the reference point lies a
    tenth of that beyond its worst. The test is that of Mann, Whitney and Wilcoxon, two-sided.

    Example: python -m benchmarks.search hypervolume nsga2-0.json random-0.json
    """
    compare([read_json(path.read_text(), path, "the search", "write it again") for path in files], json)


def samplers(
    seeds: Annotated[int, typer.Option(min=2, help="searches of each sampler")] = 5,
    budget: Annotated[int, typer.Option(min=1, help="candidates of a search")] = 96,
    json: Json = None,
) -> None:
    """Compare samplers as `hypervolume` does, by searches among synthetic trials.

    Example: python -m benchmarks.search samplers --seeds 2 --budget 8
    """
    searches = []
    with progress() as bars, TemporaryDirectory(prefix="statespike-") as folder:
        bar = bars.add_task("searching", total=seeds * len(SAMPLERS))
        with Store(str(Path(folder) / "study.db")) as store:
            for sampler, seed in product(SAMPLERS, range(seeds)):
                search = replace(SEARCH, budget=budget, sampler=sampler, seed=seed)
                searches.append(figures(search, explore(search, store, synthetic_here)))
                bars.advance(bar)
    compare(searches, json)


def synthetic_here(trials: Sequence[Trial]) -> Iterable[tuple[Trial, Outcome]]:
    """Run synthetic trials in this process."""
    return in_this_process(trials, synthetic_trial)


def compare(searches: list[dict[str, Any]], json: Path | None) -> None:
    """Tell the volumes of searches, and the tests between their samplers."""
    volumes = volumes_of(searches)
    table = new_table("sampler", "searches", "hypervolume, median", "least", "most")
    for sampler, found in volumes.items():
        table.add_row(
            sampler, str(len(found)), f"{np.median(found):.4f}", f"{min(found):.4f}", f"{max(found):.4f}"
        )
    show(table)
    tests = []
    for one, other in combinations(volumes, 2):
        p = float(mannwhitneyu(volumes[one], volumes[other], alternative="two-sided", method="exact").pvalue)
        tests.append({"one": one, "other": other, "p": p})
        say(f"{one} against {other}: p = {p:.3f}")
    write_json(json, {"volumes": volumes, "tests": tests})


def volumes_of(searches: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Sampler -> hypervolume of each of its searches, in the order of their seeds.

    Raises
    ------
    StatespikeError
        If the searches are not alike in task, device, objectives and budget, or none has a front.
    """
    alike = {
        json_module.dumps([search[name] for name in ("task", "device", "objectives", "budget", "space")])
        for search in searches
    }
    if len(alike) > 1:
        raise StatespikeError(
            "the searches differ in task, device, objectives, budget or space; compare those that agree"
        )
    fronts = [
        np.array([one["values"] for one in search["candidates"] if one["on_front"]]) for search in searches
    ]
    found = [front for front in fronts if len(front)]
    if not found:
        raise StatespikeError("none of the searches found a candidate that can be built; give others")
    least, most = np.concatenate(found).min(0), np.concatenate(found).max(0)
    span = np.where(most > least, most - least, 1.0)
    reference = np.full(len(span), 1.1)
    volumes: dict[str, list[float]] = defaultdict(list)
    for search, front in sorted(zip(searches, fronts, strict=True), key=lambda pair: pair[0]["seed"]):
        volume = volume_of((front - least) / span, reference) if len(front) else 0.0
        volumes[search["sampler"]].append(volume)
    return dict(sorted(volumes.items()))


if __name__ == "__main__":
    command(throughput, hypervolume, samplers, synthetic)
