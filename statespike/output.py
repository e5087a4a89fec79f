"""What the commands write: tables on standard output, progress and errors on standard error, whole files."""

import json
import sys
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


def say(text: str) -> None:
    """Print a line of the result on standard output."""
    print(text, flush=True)


def note(text: str) -> None:
    """Print a remark on standard error, where it is in nobody's way."""
    print(text, file=sys.stderr, flush=True)


def show(table: Table) -> None:
    """Print a table on standard output."""
    _console(stderr=False).print(table)


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
    """Write the values to a `--json` file, if one was asked for."""
    if path is not None:
        write_whole(path, (json.dumps(values, indent=2) + "\n").encode())


def write_logits(path: Path | None, logits: NDArray[Any]) -> None:
    """Write an array to a `--logits` file, if one was asked for."""
    if path is not None:
        content = BytesIO()
        np.save(content, logits)
        write_whole(path, content.getvalue())
