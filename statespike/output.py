"""What the commands write: tables on standard output, progress and errors on standard error, whole files.

`--json -` means standard output, which then holds nothing else: what people read goes to standard error.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from quantize.files import write_whole

WIDTH_WITHOUT_TERMINAL = 140
"""Columns of a table that goes into a file or a pipe, where rich would assume 80."""


def _console(*, stderr: bool) -> Console:
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, highlight=False, width=None if terminal else WIDTH_WITHOUT_TERMINAL)


STANDARD_OUTPUT = Path("-")


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
            print(json.dumps(values, indent=2), flush=True)


def say(text: str) -> None:
    """Print a line of the result on standard output."""
    print(text, file=sys.stderr if _held else sys.stdout, flush=True)


def note(text: str) -> None:
    """Print a remark on standard error, where it is in nobody's way."""
    print(text, file=sys.stderr, flush=True)


def show(table: Table) -> None:
    """Print a table on standard output."""
    _console(stderr=bool(_held)).print(table)


def progress() -> Progress:
    """Progress bars on standard error, gone when they are done; nothing at all without a terminal.

    Use as a context manager: `task = bars.add_task("...", total=n)`, `bars.advance(task)`. With `total=None`
    the bar only shows that something is going on.
    """
    console = _console(stderr=True)
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def write_json(path: Path | None, values: dict[str, Any]) -> None:
    """Write the values to a `--json` file, if one was asked for; `-` is standard output."""
    if _held and is_standard_output(path):
        _held[-1] = values
    elif path is not None:
        write_whole(path, (json.dumps(values, indent=2) + "\n").encode())


def write_logits(path: Path | None, logits: NDArray[Any]) -> None:
    """Write an array to a `--logits` file, if one was asked for."""
    if path is not None:
        content = BytesIO()
        np.save(content, logits)
        write_whole(path, content.getvalue())
