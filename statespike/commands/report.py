"""`statespike report`: accuracy, activity and memory of trained networks, side by side."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

import typer

import models
from models.tasks.registry import TASKS, load_task
from models.tasks.task import Sequences, Task
from quantize.checkpoint import read_checkpoint
from quantize.configuration import NetworkConfig
from quantize.errors import StatespikeError
from quantize.files import write_whole
from sim.survey import IntegerResult, Samples, Survey, survey
from statespike.options import Json, Limit
from statespike.output import progress, say, write_json

ZOO = Path(models.__file__).parent / "zoo"
WIDTHS = (8, 6, 4)
SAMPLE = "-sample"
"""Behind a task's name: the part of its test set that ships."""


@dataclass(frozen=True)
class Row:
    """One network on the test set of the task that it was trained on.

    Parameters
    ----------
    network : str
    task : str
    start : str
        Network that it was fine-tuned from; its own name if from none.
    tuned : int
        Bits that it was fine-tuned for, the only ones it is measured at; 0 for a network of real numbers.
    config : NetworkConfig
    survey : Survey
    """

    network: str
    task: str
    start: str
    tuned: int
    config: NetworkConfig
    survey: Survey


def report(
    checkpoints: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[CHECKPOINT]...", help="trained networks; by default all that ship", show_default=False
        ),
    ] = None,
    bits: Annotated[
        list[int] | None,
        typer.Option(
            metavar="N",
            help=f"bits of the integers; may be given again  [default: {', '.join(map(str, WIDTHS))}]",
            show_default=False,
        ),
    ] = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="of a task whose test set ships in part, that part")
    ] = False,
    limit: Limit = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="write the table to a file, too", show_default=False)
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="text file, a line for every evaluation", show_default=False),
    ] = None,
    json: Json = None,
) -> None:
    """Measure trained networks on their tasks' test sets: floating point, then integers without retraining.

    What was fine-tuned for words of few bits joins the line of the network it started from. The files of the
    tasks are looked for in the folder STATESPIKE_DATA, or in ./data. The table is Markdown.

    Example: statespike report --sample --limit 100 --json report.json
    """
    widths = bits or list(WIDTHS)
    rows = []
    with nullcontext() if log is None else log.open("w", encoding="utf-8") as file:
        for path in checkpoints or sorted(ZOO.glob("*.safetensors")):

            def tell(line: str, name: str = path.stem) -> None:
                if file is not None:
                    print(f"{name}: {line}", file=file, flush=True)

            rows.append(_measure(path, widths, sample, limit, tell))
            table = f"{as_markdown(rows)}\n"
            # After every network: what takes so long must not be lost when it is interrupted.
            if markdown is not None:
                write_whole(markdown, table.encode())
            write_json(json, {"bits": widths, "rows": [asdict(row) for row in rows]})
    say(as_markdown(rows))


def _measure(
    path: Path, widths: list[int], sample: bool, limit: int | None, tell: Callable[[str], None]
) -> Row:
    checkpoint = read_checkpoint(path)
    trained_on = checkpoint.provenance.get("task")
    if trained_on not in TASKS:
        raise StatespikeError(
            f"{path}: trained on {trained_on!r}, which is no task of statespike; "
            "use `statespike evaluate` with --data for it"
        )
    name = f"{trained_on}{SAMPLE}" if sample and f"{trained_on}{SAMPLE}" in TASKS else trained_on
    task = _task(name)
    tuned = checkpoint.tuned_bits
    start = Path((tuned and checkpoint.provenance["recipe"]["start"]) or path).stem
    test = task.test if limit is None else task.test.take(slice(limit))
    started = time.perf_counter()
    with progress() as bars:
        bar = bars.add_task(path.stem, total=len(test))

        def follow(arithmetic: str, done: int) -> None:
            bars.update(bar, completed=done, description=f"{path.stem}, {arithmetic}")
            if done == len(test):
                tell(f"{arithmetic}, {done} sequences of {name}, {time.perf_counter() - started:.1f} s")

        chosen = [tuned] if tuned else widths
        found = survey(checkpoint, _samples(task.calibration), _samples(test), chosen, follow)
    tell(f"accuracies {found.float_accuracy:.4f} {' '.join(f'{r.accuracy:.4f}' for r in found.integers)}")
    return Row(path.stem, name, start, tuned, checkpoint.config, found)


@cache
def _task(name: str) -> Task:
    return load_task(name)


def _samples(sequences: Sequences) -> Samples:
    assert sequences.y is not None, "every task of the registry has labels"
    return Samples(sequences.x, sequences.y, sequences.lengths)


def as_markdown(rows: list[Row]) -> str:
    """The table: a line for each network with what was fine-tuned from it, activity at its first width."""
    lines: dict[str, list[Row]] = {}
    for row in rows:
        lines.setdefault(row.start, []).append(row)
    widths = sorted({r.bits for row in rows if not row.tuned for r in row.survey.integers}, reverse=True)
    tuned_widths = sorted({row.tuned for row in rows if row.tuned}, reverse=True)
    all_widths = sorted({*widths, *tuned_widths}, reverse=True)
    header = [
        "model", "task", "layers x channels x modes", "parameters", "float",
        *(f"{bits} bits" for bits in widths), *(f"{bits} bits, fine-tuned" for bits in tuned_widths),
        "activations that are not zero", f"Kbit of memory at {', '.join(map(str, all_widths))} bits",
        "test sequences",
    ]  # fmt: skip
    table = [header, ["---"] * 3 + ["---:"] * (len(header) - 3)]
    for members in lines.values():
        plain = next((row for row in members if not row.tuned), None)
        shown = plain or members[0]
        config, first = shown.config, shown.survey.integers[0]
        untouched = {result.bits: result for result in plain.survey.integers} if plain else {}
        tuned = {row.tuned: row.survey.integers[0] for row in members if row.tuned}
        found = {**tuned, **untouched}
        memory = [f"{found[bits].memory_bits / 1024:.1f}" if bits in found else "-" for bits in all_widths]
        table.append([
            config.model, shown.task, f"{config.layers} x {config.channels} x {config.modes}",
            f"{shown.survey.parameters:,}", f"{plain.survey.float_accuracy:.2%}" if plain else "",
            *(_accuracy(untouched.get(bits)) for bits in widths),
            *(_accuracy(tuned.get(bits)) for bits in tuned_widths),
            ", ".join(f"{share:.0%}" for share in first.activity),
            ", ".join(memory), f"{shown.survey.sequences:,}",
        ])  # fmt: skip
    return "\n".join(f"| {' | '.join(cells)} |" for cells in table)


def _accuracy(result: IntegerResult | None) -> str:
    return "" if result is None else f"{result.accuracy:.2%}"
