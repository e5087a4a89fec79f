"""Checks before any command starts: its outputs can be written, and none of them is a file that it reads."""

import os
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any, ClassVar

from typer.core import TyperCommand

from quantize.errors import StatespikeError
from statespike.output import (
    STANDARD_OUTPUT,
    forget_warnings,
    is_standard_output,
    json_on_standard_output,
    remark,
)
from statespike.unused_options import UNUSED, Unused, told

OUTPUTS = (
    "output", "json", "logits", "markdown", "log", "resume", "keep", "folder", "svg", "page", "html", "trace",
    "study", "picture", "save_state",
)  # fmt: skip
"""Parameters that name what a command writes; every other path is one that it reads."""
_NAMES = ("task", "study")
"""Parameters that are texts, of which some are paths: a task or data of one's own, a file or a URL."""
_OWN_SUFFIXES = (".json", ".npy", ".html", ".svg", ".md", ".vcd", ".fst", ".log", ".db")
"""Of outputs that no command reads out of a folder, so that one beside the data may be written again."""
_MANIFEST = "manifest.json"


class GuardedCommand(TyperCommand):
    """A command whose paths are looked at before anything else is done."""

    unused: ClassVar[Mapping[str, tuple[Unused, ...]]] = UNUSED
    """Name of a command -> what it may be given in vain."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        forget_warnings()
        refuse_bad_outputs(ctx.params, {one.name for one in self.params if one.metavar == "FOLDER"})
        for sentence in told(self.unused.get(str(self.name), ()), ctx.params, partial(_stands_there, ctx)):
            remark(sentence)
        if is_standard_output(ctx.params.get("json")):
            if sys.stdout is None:
                raise StatespikeError("standard output is closed, and --json - goes there; name a file")
            with json_on_standard_output():
                return super().invoke(ctx)
        return super().invoke(ctx)


def _stands_there(ctx: Any, name: str) -> bool:
    """Whether the command line has an option, be it with its default."""
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def refuse_bad_outputs(parameters: Mapping[str, Any], folders: set[str | None]) -> None:
    """Refuse outputs that cannot be written, and two paths of which one is written that are the same file.

    Parameters
    ----------
    parameters : mapping
        Of a command, by name.
    folders : set of str
        Those that name folders to write.

    Raises
    ------
    StatespikeError
    """
    paths = list(_paths(parameters))
    for name, path in paths:
        if name in OUTPUTS and path == STANDARD_OUTPUT:
            raise StatespikeError(
                f"{_title(name)} is -, which stands for standard output, and only --json can go there; give "
                "another name"
            )
        if name in OUTPUTS and name not in folders:
            _require_writable(path)
    for (written, path), (read, other) in permutations(paths, 2):
        if written not in OUTPUTS:
            continue
        refuse_overwriting(path, other, _title(read))
        if read == "output" and read in folders and _within(path, other):
            # It holds what its manifest lists, and nothing else.
            raise StatespikeError(
                f"{path} lies in {other}, which is written as a whole; choose another place"
            )
        if read not in OUTPUTS and written not in folders:
            _refuse_within(path, other, _title(read))


def refuse_overwriting(written: Path, other: Path, title: str) -> None:
    """Refuse to write a file that is also given as something else.

    Parameters
    ----------
    written, other : Path
    title : str
        What the other one was given as.

    Raises
    ------
    StatespikeError
    """
    if _same_file(written, other):
        raise StatespikeError(
            f"{written} is also given as {title}, and would be overwritten; choose another name"
        )


def _within(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _refuse_within(written: Path, folder: Path, title: str) -> None:
    """Refuse to write over what a folder holds that is read."""
    if not (written.is_file() and folder.is_dir() and _within(written, folder)):
        return
    if written.suffix.lower() not in _OWN_SUFFIXES or (folder / _MANIFEST).is_file():
        raise StatespikeError(
            f"{written} is a file of {folder}, which is given as {title}, and would be overwritten; choose "
            "another name"
        )


def _title(name: str) -> str:
    return f"--{name.replace('_', '-')}" if name in OUTPUTS else name.upper()


def _paths(parameters: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    """Every path of the parameters but standard output, with the parameter's name."""
    for name, value in parameters.items():
        for one in value if isinstance(value, list | tuple) else [value]:
            if isinstance(one, str) and name in _NAMES and "://" not in one:
                one = Path(one)
                if name not in OUTPUTS and not one.exists():
                    continue  # the name of a task
            if isinstance(one, Path) and not (name == "json" and is_standard_output(one)):
                yield name, one


def _require_writable(path: Path) -> None:
    if path.is_dir():
        raise StatespikeError(f"{path}: Is a directory; give the name of a file")
    existing = path if path.exists() else next((one for one in path.absolute().parents if one.exists()), None)
    if existing is not None and existing != path and not existing.is_dir():
        raise StatespikeError(f"{existing}: File exists, where {path} needs a folder; choose another name")
    if existing is not None and not os.access(existing, os.W_OK):
        raise StatespikeError(f"{existing}: Permission denied; choose a place that may be written to")


def _same_file(one: Path, other: Path) -> bool:
    """Whether both are one regular file, or would become one."""
    try:
        return one.samefile(other) and (one.is_file() or one.is_dir())
    except OSError:
        return one.resolve() == other.resolve()
