"""What the commands write: tables on standard output, progress and errors on standard error, whole files.

`--json -` means standard output, which then holds nothing else: what people read goes to standard error.
"""

import json
import math
import os
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed
from rich.table import Table
from rich.text import Text

from quantize.errors import writing_to
from quantize.files import write_whole

if TYPE_CHECKING:  # it brings the integer reference, which few commands need
    from quantize.clipping import Clipping

SECONDS_BETWEEN_LINES = 60.0
"""Pause between two lines of progress where there is no terminal."""

NARROWEST = 60
"""Columns at least, whatever the terminal says: what is narrower shows nothing of a table."""


def _console(*, stderr: bool) -> Console:
    """As wide as the terminal or COLUMNS, else 80 columns; without colours where NO_COLOR is set."""
    console = Console(stderr=stderr, highlight=False)
    if console.width < NARROWEST:
        console.width = NARROWEST
    return console


STANDARD_OUTPUT = Path("-")
STANDARD_OUTPUT_NAME = "standard output"


def is_standard_output(path: Path | None) -> bool:
    """Whether a file that a user named is standard output: `-`, or a name of the same open file."""
    if path is None or path == STANDARD_OUTPUT:
        return path is not None
    with suppress(OSError, ValueError):  # no such file, or no descriptor behind sys.stdout
        return os.path.samestat(path.stat(), os.fstat(sys.stdout.fileno()))
    return False


_held: list[dict[str, Any] | None] = []
"""What goes to standard output as JSON at the end of the command; empty if that is for people."""


@contextmanager
def json_on_standard_output() -> Iterator[None]:
    """Keep standard output for the last values that `write_json` gets for it; print them at the end."""
    _held.append(None)
    try:
        yield
    finally:
        values = _held.pop()
        if values is not None:
            with writing_to(STANDARD_OUTPUT_NAME):
                print(json.dumps(values, indent=2), flush=True)


def say(text: str) -> None:
    """Print a line of the result on standard output."""
    with writing_to(STANDARD_OUTPUT_NAME):
        print(text, file=sys.stderr if _held else sys.stdout, flush=True)


def say_prose(text: str) -> None:
    """Print a sentence of the result on standard output, in lines as wide as a table."""
    say(textwrap.fill(text, _console(stderr=bool(_held)).width))


def tell_clipping(clipping: "Clipping") -> None:
    """Print what was clipped, and a warning if it is much."""
    say(clipping.summary())
    if (warning := clipping.warning()) is not None:
        note(warning)
    if (vanishing := clipping.vanishing()) is not None:
        warn(vanishing)


def note(text: str) -> None:
    """Print a remark on standard error, where it is in nobody's way."""
    print(text, file=sys.stderr, flush=True)


_warnings: list[str] = []
"""What this command warned of."""


def warn(text: str) -> None:
    """Print a warning on standard error; `--json` has it too, under "warnings"."""
    _warnings.append(text)
    note(f"warning: {text}")


_remarks: list[str] = []
"""What this command took and assumed."""


def remark(text: str) -> None:
    """Print what was taken or assumed on standard error; `--json` has it too, under "notes"."""
    if text not in _remarks:
        _remarks.append(text)
        note(text)


def forget_warnings() -> None:
    """Begin another command."""
    _warnings.clear()
    _remarks.clear()


def cycles_of(manifest: Mapping[str, Any]) -> str:
    """The cycles a step of a circuit in words; the most of them, where they follow the data."""
    cycles = manifest["cycles_per_step"]
    return f"<= {cycles}" if manifest["cycles_follow_data"] else f"{cycles}"


def new_table(*columns: str, title: str | None = None, show_header: bool = True) -> Table:
    """A table that spends no columns on lines between its own; text columns wrap, where they must."""
    table = Table(box=box.SIMPLE, pad_edge=False, title=title, title_justify="left", show_header=show_header)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def show(table: Table) -> None:
    """Print a table on standard output."""
    with writing_to(STANDARD_OUTPUT_NAME):
        _console(stderr=bool(_held)).print(table)


class Bars(Progress):
    """Progress of long work on standard error.

    On a terminal, bars that are gone when they are done. Elsewhere a line when a piece of work begins or
    changes its name, and one a minute of how far it is. Use as a context manager: `bar =
    bars.add_task("...", total=n)`, `bars.advance(bar)`; without a total the bar only shows that something is
    going on, and for how long.
    """

    def __init__(self) -> None:
        console = _console(stderr=True)
        self._lines = not console.is_terminal
        self._told: dict[TaskID, tuple[str, float]] = {}
        super().__init__(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            _Count(),
            Elapsed(),
            console=console,
            transient=True,
            disable=self._lines,
        )

    def add_task(self, description: str, *arguments: Any, **options: Any) -> TaskID:
        """Begin a piece of work."""
        bar = super().add_task(description, *arguments, **options)
        self._tell(bar)
        return bar

    def update(self, task_id: TaskID, **changes: Any) -> None:
        """Change what is known of a piece of work."""
        super().update(task_id, **changes)
        self._tell(task_id)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """Count some more as done."""
        super().advance(task_id, advance)
        self._tell(task_id)

    def _tell(self, bar: TaskID) -> None:
        """Print a line, if it is time and there is no terminal."""
        if not self._lines:
            return
        task, now = self._tasks[bar], time.monotonic()
        description, last = self._told.get(bar, ("", -SECONDS_BETWEEN_LINES))
        if task.description != description or now - last >= SECONDS_BETWEEN_LINES:
            self._told[bar] = task.description, now
            note(f"{task.description} {_count_of(task)}".strip())


class _Count(ProgressColumn):
    """How much of a known total is done."""

    def render(self, task: Task) -> Text:
        return Text(_count_of(task))


def _count_of(task: Task) -> str:
    return "" if task.total is None else f"{task.completed:,.0f}/{task.total:,.0f}"


def progress() -> Bars:
    """Progress bars, see `Bars`."""
    return Bars()


def write_json(path: Path | None, values: dict[str, Any]) -> None:
    """Write the values to a `--json` file, if one was asked for; `-` is standard output.

    If the command warned of something, the warnings are among them; so is what it took and assumed.
    """
    if _remarks:
        values = values | {"notes": list(_remarks)}
    if _warnings:
        values = values | {"warnings": list(_warnings)}
    values = _plain(values)
    if _held and is_standard_output(path):
        _held[-1] = values
    elif path is not None:
        write_whole(path, (json.dumps(values, indent=2) + "\n").encode())


def _plain(value: Any) -> Any:
    """The value with None in the place of floats that JSON does not have: nan and the infinities."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_logits(path: Path | None, logits: NDArray[Any]) -> None:
    """Write an array to a `--logits` file, if one was asked for."""
    if path is not None:
        content = BytesIO()
        np.save(content, logits)
        write_whole(path, content.getvalue())
