"""Accuracy against what circuits take: every kind of unit, trained by one recipe at several widths.

    python -m benchmarks.accuracy_curves --task digits --task spoken_digits --channels 8,16,32,64 --seeds 3 \\
        --keep FOLDER --json docs/accuracy-curves.json

Each network is trained, rounded to 8 bits, measured on the whole test set in integers, and planned for each
device. Circuits of a size differ by seed in the contents of their tables alone, so that those of the first
seed stand for all, unless `--every-circuit` is given. Results are written as they come. What the file has
already is not done again, and a network whose checkpoint is in the folder is not trained again; `--again`
measures and plans such networks anew.
"""

import time
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.command import command
from benchmarks.results import earlier_rows
from benchmarks.study_points import BITS, LAYERS, Point, measured, trained
from hdl.devices.devices import find_device
from quantize.configuration import MODELS
from quantize.errors import StatespikeError, look_up
from statespike.models.tasks.registry import load_task
from statespike.options import Json
from statespike.output import say, write_json


def points(
    tasks: Sequence[str],
    models: Sequence[str],
    channels: Sequence[int],
    surrogates: Sequence[str],
    penalties: Sequence[float],
    seeds: int,
    epochs: int,
    batch: int,
) -> Iterator[Point]:
    """All points, every task with the first seed before any with the second."""
    for seed, task, width, surrogate, penalty, model in product(
        range(seeds), tasks, channels, surrogates, penalties, models
    ):
        yield Point(task, model, width, seed, epochs, batch, surrogate, penalty)


def run(
    keep: Annotated[Path, typer.Option(metavar="FOLDER", help="checkpoints and logs of the trainings")],
    task: Annotated[list[str], typer.Option(metavar="TASK", help="may be given again")],
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL", help=f"may be given again  [default: {' '.join(MODELS)}]"),
    ] = None,
    channels: Annotated[str, typer.Option(metavar="H,...", help="widths")] = "8,16,32,64",
    surrogate: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="may be given again  [default: the model's]"),
    ] = None,
    activity_penalty: Annotated[
        list[float] | None, typer.Option(metavar="L", help="may be given again  [default: 0]")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="trainings of each")] = 1,
    epochs: Annotated[int, typer.Option(min=1)] = 30,
    batch: Annotated[int, typer.Option(min=1, help="sequences an update")] = 32,
    device: Annotated[str, typer.Option(metavar="DEVICE,...", help="FPGAs")] = "up5k,ecp5-25k",
    again: Annotated[bool, typer.Option("--again", help="measure what the file has anew")] = False,
    every_circuit: Annotated[
        bool, typer.Option("--every-circuit", help="plan the circuits of other seeds and surrogates, too")
    ] = False,
    train_only: Annotated[
        bool, typer.Option("--train-only", help="keep checkpoints, measure nothing")
    ] = False,
    json: Json = None,
) -> None:
    """Train every kind of unit at several widths and measure accuracy and circuits."""
    for name in model or ():
        look_up(dict.fromkeys(MODELS), name, "model")
    devices = [find_device(name) for name in device.split(",")]
    tasks = {name: load_task(name) for name in task}
    variants = (surrogate or [""], activity_penalty or [0.0])
    asked = list(points(task, model or list(MODELS), _widths(channels), *variants, seeds, epochs, batch))
    rows = earlier_rows(json)
    for number, point in enumerate(asked, 1):
        known = [row for row in rows if all(row.get(key) == value for key, value in point.identity.items())]
        if known and not again:
            continue
        started = time.monotonic()
        found = tasks[point.task]
        checkpoint = trained(point, found, keep)
        if train_only:
            say(f"{number}/{len(asked)} {point.name}: {time.monotonic() - started:.0f} s")
            continue
        row = measured(point, checkpoint, found, devices if every_circuit or point.is_first else [])
        rows = [one for one in rows if one not in known] + [row]
        write_json(json, {"bits": BITS, "layers": LAYERS, "rows": rows})
        say(
            f"{number}/{len(asked)} {point.name}: {row['accuracy']:.1%} of {row['tested']}, "
            f"{time.monotonic() - started:.0f} s"
        )


def _widths(text: str) -> list[int]:
    try:
        return [int(one) for one in text.split(",")]
    except ValueError:
        raise StatespikeError(
            f"--channels {text!r} is no list of widths; give whole numbers, as 8,16"
        ) from None


if __name__ == "__main__":
    command(run)
