"""Build folders: whole, or not there; and known by their manifest, which lists all their files."""

import ctypes
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from quantize.errors import StatespikeError
from quantize.files import OLD, PREFIX, temporary_folder

MANIFEST = "manifest.json"
"""The file by which a build folder is known."""
FORMAT = "statespike-manifest"
VERSION = "2"
CONTENTS = "contents"
"""Entry of the manifest: every other file of the folder with its SHA-256."""
SIZES = "bytes"
"""Entry of the manifest: every file of the contents with its size."""
MOST_MANIFEST_BYTES = 1 << 24


@dataclass
class Unfinished:
    """A build that is being made.

    Attributes
    ----------
    folder : Path
        Where its files are written.
    manifest : dict
        What its manifest will say; format, version and contents are added at the end.
    """

    folder: Path
    manifest: dict[str, Any] = field(default_factory=dict)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a build folder of this version; None if it has none."""
    path = folder / MANIFEST
    try:
        if path.is_symlink() or path.stat().st_size > MOST_MANIFEST_BYTES:
            return None
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(manifest, dict) or not isinstance(manifest.get(CONTENTS), dict):
        return None
    known = (manifest.get("format"), manifest.get("version")) == (FORMAT, VERSION)
    return manifest if known else None


def refuse_others(folder: Path) -> None:
    """Make sure that a build may replace a folder: `build_folder` does, and a command before its long work.

    Raises
    ------
    StatespikeError
        If it exists and is neither empty nor a build: nothing but the files of a manifest is replaced.
    """
    target = folder.resolve()
    if not target.exists():
        above = next(parent for parent in target.parents if parent.exists())
        if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
            raise StatespikeError(f"{target} cannot be made: {above} is no folder that may be written to")
        return
    if not target.is_dir():
        raise StatespikeError(f"{target} exists and is not a build folder; choose another name or remove it")
    if not os.access(target.parent, os.W_OK | os.X_OK) or not os.access(target, os.W_OK | os.X_OK):
        raise StatespikeError(f"{target} cannot be replaced: it may not be written to; choose another name")
    if not any(target.iterdir()):
        return
    manifest = read_manifest(target)
    if manifest is None:
        raise StatespikeError(
            f"{target} exists and is not a build folder of this version of statespike; "
            "choose another name or remove it"
        )
    foreign = sorted(_files(target) - {MANIFEST, *manifest[CONTENTS]})
    if foreign:
        raise StatespikeError(
            f"{target} is a build folder, but {foreign[0]!r} in it is not of the build; "
            "move it away, or choose another name"
        )


def _files(folder: Path) -> set[str]:
    """Relative names of everything in a folder but folders that hold something."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir() or not any(path.iterdir())
    }


@contextmanager
def build_folder(folder: Path) -> Iterator[Unfinished]:
    """A build in a temporary folder beside `folder`, which takes its place at the end.

    If the body raises, or the program dies, `folder` stays as it was.

    Raises
    ------
    StatespikeError
        See `refuse_others`; or if another process is writing the same folder.
    OSError
        If the folder cannot be written; it names `folder`.
    """
    refuse_others(folder)
    target = folder.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(target, alone=True) as workspace:
            unfinished = Unfinished(workspace / "new")
            unfinished.folder.mkdir()
            yield unfinished
            _seal(unfinished)
            _publish(unfinished.folder, workspace / OLD, target)
    except OSError as error:
        if error.filename is not None and PREFIX not in str(error.filename):
            raise
        raise OSError(error.errno, error.strerror or str(error), str(folder)) from error


def _seal(unfinished: Unfinished) -> None:
    """Write the manifest."""
    folder = unfinished.folder
    contents: dict[str, str] = {}
    sizes: dict[str, int] = {}
    for name in sorted(_files(folder)):
        content = (folder / name).read_bytes() if (folder / name).is_file() else b""
        contents[name] = sha256(content).hexdigest() if (folder / name).is_file() else ""
        sizes[name] = len(content)
    own = {"format": FORMAT, "version": VERSION}
    unfinished.manifest = own | unfinished.manifest | {CONTENTS: contents, SIZES: sizes}
    (folder / MANIFEST).write_text(json.dumps(unfinished.manifest, indent=2) + "\n", encoding="utf-8")


def _publish(new: Path, old: Path, target: Path) -> None:
    """Put the finished folder in its place; what was there is in `old` then.

    It is looked at again first: building takes minutes, in which files may have been added.
    """
    refuse_others(target)
    if not target.exists():
        new.rename(target)
    elif _exchange(new, target):
        new.rename(old)
        try:
            refuse_others(old)
        except StatespikeError:
            _exchange(old, target)
            raise
    else:  # a run killed in between is mended by the next, see `temporary_folder`
        target.rename(old)
        try:
            new.rename(target)
        except OSError:
            old.rename(target)
            raise


_AT_WORKING_FOLDER = -100
_RENAME_EXCHANGE = 2


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders at once; False where the system or the file system cannot."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    paths = [_AT_WORKING_FOLDER, os.fsencode(one), _AT_WORKING_FOLDER, os.fsencode(other)]
    return bool(renameat2(*paths, _RENAME_EXCHANGE) == 0)
