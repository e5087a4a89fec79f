"""`statespike explore`: a search for networks and their circuits."""

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hdl.devices.devices import find_device
from quantize.errors import StatespikeError
from quantize.files import write_whole
from statespike.guarded import refuse_overwriting
from statespike.models.tasks.registry import TASKS, load_task
from statespike.options import Data, DeviceName, Json, Rate, Scheduler
from statespike.output import new_table, note, say, show, warn, write_json

if TYPE_CHECKING:
    from statespike.search.explore import Run, Search
    from statespike.search.space import Space
    from statespike.search.store import Store

SHORT_EPOCHS, FULL_EPOCHS = 4, 40


def explore(
    task: Annotated[
        str, typer.Argument(metavar="TASK", help=f"{', '.join(TASKS)}, or the path of data of your own")
    ],
    device: DeviceName = "up5k",
    objectives: Annotated[
        str,
        typer.Option(
            metavar="NAMES", help="figures to minimise: error, lut, ff, bram, spram, dsp, cycles, energy"
        ),
    ] = "error,lut,cycles",
    budget: Annotated[int, typer.Option(min=1, metavar="N", help="candidates")] = 64,
    sampler: Annotated[str, typer.Option(help="chooses candidates: nsga2, tpe or random")] = "nsga2",
    seed: Annotated[
        int, typer.Option(min=0, max=(1 << 32) - 1, help="of the sampler and of the trainings")
    ] = 0,
    batch: Annotated[
        int, typer.Option(min=2, metavar="N", help="candidates drawn at a time; NSGA-II's population")
    ] = 16,
    rate: Rate = None,
    space: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="JSON: entry of a network -> list of values", show_default=False),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=f"of a training; by default {SHORT_EPOCHS}, and {FULL_EPOCHS} to --finish",
            show_default=False,
        ),
    ] = None,
    sequences: Annotated[
        int, typer.Option(min=0, metavar="N", help="first training sequences of a short training; 0: all")
    ] = 1000,
    validation: Annotated[
        int, typer.Option(min=0, metavar="N", help="most sequences that measure the error; 0: all")
    ] = 500,
    inherit: Annotated[
        bool,
        typer.Option("--inherit", help="trainings begin with the best earlier weights of the same kinds"),
    ] = False,
    study: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="SQLite file, or URL of a database, that keeps all results; by default TASK-search.db",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="processes on this machine; by default one for each core",
            show_default=False,
        ),
    ] = None,
    scheduler: Scheduler = None,
    finish: Annotated[
        str | None,
        typer.Option(metavar="ID", help="train a candidate in full instead, and test it", show_default=False),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="trainings to --finish with")] = 3,
    apply: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="write a candidate's checkpoint and integers instead", show_default=False
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="of --apply: write the circuit too", show_default=False
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="draw the front as a page of its own", show_default=False),
    ] = None,
    data: Data = None,
    json: Json = None,
) -> None:
    """Search for networks and their circuits under several objectives.

    A candidate is trained for a short time, quantised, evaluated on validation sequences and planned for
    the device. The same command continues an interrupted search.

    Example: statespike explore digits --budget 32 --objectives error,lut,cycles
    """
    from statespike.search.explore import Search
    from statespike.search.objectives import objectives_of
    from statespike.search.store import Store
    from statespike.search.trial import Effort

    target = find_device(device)
    load_task(task, data)
    if finish is not None and apply is not None:
        raise StatespikeError("--finish trains a candidate and --apply writes one; give one of them")
    if output is not None and apply is None:
        raise StatespikeError("-o belongs to --apply ID, which writes a candidate's circuit")
    search = Search(
        task=task,
        objectives=objectives_of(objectives, target),
        budget=budget,
        device=device,
        space=_space(space),
        sampler=sampler,
        seed=seed,
        batch=batch,
        effort=Effort(epochs=epochs or SHORT_EPOCHS, sequences=sequences, validation=validation),
        rate=rate,
        data=data,
        inherit=inherit,
    )
    if workers is not None and scheduler is not None:
        raise StatespikeError(
            "--workers are of this machine, and a --scheduler has its own; give one of them"
        )
    count = workers or os.cpu_count() or 1
    place = study or f"{Path(task).stem}-search.db"
    for written, title in ((json, "--json"), (html, "--html")):
        if written is not None:
            refuse_overwriting(Path(place), written, title)
    with Store(place) as store:
        if apply is not None:
            write_json(json, _apply(store, apply, output))
        elif finish is not None:
            with _runner(min(count, seeds), scheduler) as run:
                wanted = range(seed, seed + seeds)
                write_json(json, _finish(store, run, finish, wanted, epochs or FULL_EPOCHS))
        else:
            with _runner(min(count, batch, budget), scheduler) as run:
                write_json(json, _search(search, store, run, html))


def _runner(workers: int, scheduler: str | None) -> AbstractContextManager["Run"]:
    """What runs trials: a scheduler's workers, processes of this machine, or this process."""
    from statespike.search.explore import in_this_process

    if scheduler is None and workers == 1:
        return nullcontext(in_this_process)
    from statespike.search.cluster import local_workers, scheduler_at

    return local_workers(workers) if scheduler is None else scheduler_at(scheduler, tell=note)


def _space(path: Path | None) -> "Space":
    from statespike.search.space import Space, read_space

    return Space() if path is None else read_space(path)


def _search(search: "Search", store: "Store", run: "Run", html: Path | None) -> dict[str, Any]:
    from statespike.search.explore import explore as run_search
    from statespike.search.page import page
    from statespike.search.report import figures, front_table, line

    say(
        f"{search.sampler}, seed {search.seed}: {search.budget} of {search.space.size:,} specifications, "
        f"{search.effort.epochs} epochs each; results in {store.place}"
    )
    progress = run_search(
        search,
        store,
        run,
        lambda progress: note(line(progress, search.budget, search.objectives)),
    )
    show(front_table(progress.candidates, search.objectives))
    say(
        f"{progress.distinct} candidates, of which {progress.run} were run, the others known; errors are of "
        "short trainings, cells are estimated"
    )
    if html is not None:
        write_whole(html, page(search, progress, store.place).encode())
        say(f"wrote {html}")
    return figures(search, progress)


def _finish(store: "Store", run: "Run", identifier: str, seeds: range, epochs: int) -> dict[str, Any]:
    from statespike.search.finalists import finish

    trial = store.find(identifier).trial
    say(f"{identifier}: {trial.specification}, {epochs} epochs, all training sequences, {len(seeds)} seeds")
    candidates = finish(store, run, trial, seeds, epochs)
    table = new_table("id", "seed", "validation error", "test error", "look-up tables", "cycles a step")
    for one in candidates:
        result = one.result
        if result.failure:
            warn(f"seed {one.trial.seed}: {result.failure}")
            continue
        table.add_row(
            one.identifier, str(one.trial.seed), f"{result.error:.2%}", f"{result.test_error:.2%}",
            str(result.estimate["lut"]), str(result.cycles),
        )  # fmt: skip
    show(table)
    return {"finished": identifier, "seeds": [one.as_json() for one in candidates]}


def _apply(store: "Store", identifier: str, folder: Path | None) -> dict[str, Any]:
    from statespike.library.circuits import generate
    from statespike.search.evaluation import plan_of
    from statespike.search.finalists import write

    candidate = store.find(identifier)
    trial = candidate.trial
    written = write(store, candidate, Path())
    say(f"{identifier}: {trial.specification}, {trial.effort.epochs} epochs")
    say(f"wrote {written.checkpoint} and {written.network}")
    if not trial.effort.test:
        say(f"of a short training; `--finish {identifier}` trains it in full, and gives identifiers to apply")
    if folder is not None:
        chosen = plan_of(trial, written.integers)
        generate(written.integers, folder, trial.device, plan=chosen)
        say(f"wrote {folder}: {chosen.cycles_per_step} cycles a step on {trial.device}")
    return candidate.as_json() | {
        "checkpoint": str(written.checkpoint),
        "network": str(written.network),
        "folder": None if folder is None else str(folder),
    }
