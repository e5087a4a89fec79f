"""`statespike report`: accuracy, activity and memory of trained networks, side by side."""

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from hdl.devices.devices import find_device
from quantize.checkpoint import read_checkpoint
from quantize.clipping import WORTH_A_WARNING
from quantize.errors import StatespikeError, writing_to
from quantize.files import extending, open_log, write_whole
from quantize.survey import Samples, survey
from statespike.models import ZOO, network_file
from statespike.models.tasks.registry import SAMPLE, TASKS, load_task
from statespike.models.tasks.task import Sequences, Task
from statespike.options import DeviceName, Limit
from statespike.output import is_standard_output, progress, say
from statespike.page.document import document
from statespike.page.findings import findings_of
from statespike.page.network import part_of
from statespike.report_rows import Request, Row, as_markdown, read_rows, write_rows

WIDTHS = (8, 6, 4)


def report(
    checkpoints: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="CHECKPOINT",
            help="trained networks, or names of shipped ones; by default all that ship",
            parser=network_file,
            show_default=False,
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
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="write a page about the networks, one file of HTML",
            show_default=False,
        ),
    ] = None,
    device: DeviceName = "up5k",
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="write the table to a file, too", show_default=False)
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="text file, a line for every evaluation", show_default=False),
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option(
            "--json",
            metavar="FILE",
            help="write the results to a JSON file; results in it of the same networks are kept",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Measure trained networks on their tasks' test sets.

    In floating point first, then in integers without retraining. With -o, a page has that and more of each
    network: values, noise and activity of its layers at the first of the widths, and its circuit on a device.

    A network fine-tuned for few bits is shown in the line of the network it started from. The files of the
    tasks are read from the folder STATESPIKE_DATA, or from ./data. The table is Markdown.

    Example: statespike report digits-gsu digits-s4d --limit 100 -o report.html
    """
    find_device(device)
    widths = tuple(bits or WIDTHS)
    asked = [(path, _request(path, widths, sample, limit)) for path in checkpoints or _shipped_classifiers()]
    with extending(None if is_standard_output(json) else json):
        found = _rows(asked, markdown, log, json)
    say(as_markdown(found))
    if output is not None:
        title = f"{', '.join(row.request.network for row in found)}: accuracy, activity, cost"
        parts = []
        with progress() as bars:
            for (path, _), row in zip(asked, found, strict=True):
                bars.add_task(f"{row.request.network} on {device}", total=None)
                parts.append(_part(path, row, device))
        write_whole(output, document(title, parts).encode())


def _rows(
    asked: Sequence[tuple[Path, Request]], markdown: Path | None, log: Path | None, json: Path | None
) -> list[Row]:
    """A row of each network: of the JSON file, or measured and written there."""
    known = {row.request: row for row in read_rows(json)}
    rows = {request: known[request] for _, request in asked if request in known}
    found: list[Row] = []
    opened = nullcontext() if log is None else open_log(log, goes_on=bool(rows))
    with writing_to(str(log)), opened as file:
        for path, request in asked:

            def tell(line: str, name: str = request.network) -> None:
                if file is not None:
                    print(f"{name}: {line}", file=file, flush=True)

            if request not in rows:
                rows[request] = _measure(path, request, tell)
            # After every network: what takes so long must not be lost when it is interrupted.
            found = [rows[request] for _, request in asked if request in rows]
            if markdown is not None:
                write_whole(markdown, f"{as_markdown(found)}\n".encode())
            write_rows(json, found)
    return found


def _part(path: Path, row: Row, device: str) -> str:
    task = _task(row.request.task)
    test = task.test if row.request.limit is None else task.test.take(slice(row.request.limit))
    found = findings_of(
        read_checkpoint(path), _samples(task.calibration), _samples(test), row.request.widths[0], device
    )
    return part_of(row, found)


def _shipped_classifiers() -> list[Path]:
    paths = sorted(ZOO.glob("*.safetensors"))
    configs = [read_checkpoint(path).config for path in paths]
    return [
        path
        for path, config in zip(paths, configs, strict=True)
        if config.output == "classification" and config.answer_stride is None
    ]


def _request(path: Path, widths: tuple[int, ...], sample: bool, limit: int | None) -> Request:
    checkpoint = read_checkpoint(path)
    if checkpoint.config.output != "classification":
        raise StatespikeError(
            f"{path} gives {checkpoint.config.output} outputs, and a report tells accuracies of classes; "
            "use `statespike evaluate` for it"
        )
    if checkpoint.config.answer_stride is not None:
        raise StatespikeError(
            f"{path} answers again and again, and a report tells accuracies of whole sequences; "
            "use `statespike evaluate` for it"
        )
    trained_on = checkpoint.provenance.get("task")
    if trained_on not in TASKS:
        raise StatespikeError(
            f"{path}: trained on {trained_on!r}, which is no task of statespike; "
            "use `statespike evaluate` with --data for it"
        )
    tuned = checkpoint.tuned_bits
    return Request(
        network=path.stem,
        checkpoint_sha256=sha256(path.read_bytes()).hexdigest(),
        start=Path(checkpoint.start if tuned else path).stem,
        tuned=tuned,
        task=f"{trained_on}{SAMPLE}" if sample and f"{trained_on}{SAMPLE}" in TASKS else trained_on,
        limit=limit,
        widths=(tuned,) if tuned else widths,
    )


def _measure(path: Path, request: Request, tell: Callable[[str], None]) -> Row:
    checkpoint = read_checkpoint(path)
    task = _task(request.task)
    test = task.test if request.limit is None else task.test.take(slice(request.limit))
    started = time.perf_counter()
    with progress() as bars:
        bar = bars.add_task(request.network, total=len(test))

        def follow(arithmetic: str, done: int) -> None:
            bars.update(bar, completed=done, description=f"{request.network}, {arithmetic}")
            if done == len(test):
                seconds = time.perf_counter() - started
                tell(f"{arithmetic}, {done} sequences of {request.task}, {seconds:.1f} s")

        found = survey(checkpoint, _samples(task.calibration), _samples(test), request.widths, follow)
    for result in found.integers:
        worst = max((result.clipping or {}).items(), key=lambda entry: entry[1], default=("", 0.0))
        if worst[1] >= WORTH_A_WARNING:
            tell(f"warning: at {result.bits} bits {worst[1]:.1%} of the values of {worst[0]} were clipped")
    tell(f"accuracies {found.float_accuracy:.4f} {' '.join(f'{r.accuracy:.4f}' for r in found.integers)}")
    return Row(request, checkpoint.config, found)


@cache
def _task(name: str) -> Task:
    return load_task(name)


def _samples(sequences: Sequences) -> Samples:
    assert sequences.y is not None, "every task of the registry has labels"
    return Samples(sequences.x, sequences.y, sequences.lengths)
