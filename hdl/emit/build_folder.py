"""Build folders: whole, or not there."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from quantize.errors import StatespikeError

MANIFEST = "manifest.json"
"""The file by which a build folder is known."""


def refuse_others(folder: Path) -> None:
    """Make sure that a build may replace a folder: `build_folder` does, and a command before its long work.

    Raises
    ------
    StatespikeError
        If it exists and is neither empty nor a build (has no manifest): nothing of others is replaced.
    """
    if folder.exists() and not (
        folder.is_dir() and (not any(folder.iterdir()) or (folder / MANIFEST).exists())
    ):
        raise StatespikeError(
            f"{folder.resolve()} exists and is not a build folder; choose another name or remove it"
        )


@contextmanager
def build_folder(folder: Path) -> Iterator[Path]:
    """A temporary sibling of `folder` to write into, which takes its place at the end.

    If the body raises, or the program dies, `folder` stays as it was; the unfinished sibling (`folder` with
    `.part` appended) is left for its logs, and the next build removes it.

    Raises
    ------
    StatespikeError
        See `refuse_others`.
    """
    refuse_others(folder)
    folder = folder.resolve()
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    yield part
    old = folder.with_name(folder.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    part.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
