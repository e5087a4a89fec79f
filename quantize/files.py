"""Writing files and folders whole or not at all, and never over what belongs to someone else.

Everything is prepared in a temporary folder beside its target, so that one renaming in the same file system
puts it there. The folder holds a marker that is locked as long as its process lives: what a killed run left
behind is told by its marker from everything else, and only that is ever cleaned up.
"""

import fcntl
import json
import os
import shutil
import signal
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TextIO

from quantize.errors import StatespikeError

PREFIX = ".statespike-"
"""How the names of temporary folders begin."""

STOPPING_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
"""What stops a program, and lets it tidy up."""

_MARKER = "owner.json"
_FORMAT = "statespike-temporary-folder"
_DEVICES = ("/dev/", "/proc/")
"""What lies below is a way to an open file or a device: written to, never replaced."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place, then rename it there; missing folders are made.

    A symbolic link stays, and its target is replaced. What is no regular file (a device, a pipe) is written
    to as it is. The mode of a file that is replaced is kept.

    Raises
    ------
    OSError
        If the file cannot be written; it names `path`. An older file is then as it was.
    """
    try:
        found = _mode(path)
        if found is not None and (not stat.S_ISREG(found) or str(path.absolute()).startswith(_DEVICES)):
            with open(path, "ab" if stat.S_ISREG(found) else "wb", buffering=0) as device:
                device.write(content)
            return
        if found is not None and not os.access(path, os.W_OK):
            raise PermissionError(13, "Permission denied")
        target = path.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(target) as folder:
            unfinished = folder / "file"
            with unfinished.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if found is not None:
                unfinished.chmod(stat.S_IMODE(found))
            unfinished.replace(target)
    except OSError as error:
        inside = error.filename is not None and PREFIX not in str(error.filename)
        named = error.filename if inside else str(path)
        raise OSError(error.errno, error.strerror or str(error), str(named)) from error


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def open_log(path: Path, *, goes_on: bool) -> TextIO:
    """A text file to write line by line, which nobody else writes as long as it is open.

    Parameters
    ----------
    path : Path
        Missing folders are made.
    goes_on : bool
        Keep what it holds.

    Raises
    ------
    StatespikeError
        If another process writes it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        file = stack.enter_context(path.open("a", encoding="utf-8"))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StatespikeError(
                f"{path} is being written by another process; wait for it, or choose another name"
            ) from None
        except OSError:
            pass  # a file system without locks
        if not goes_on and stat.S_ISREG(path.stat().st_mode):
            file.truncate(0)
        stack.pop_all()
        return file


@contextmanager
def temporary_folder(target: Path, *, alone: bool = False) -> Iterator[Path]:
    """A new empty folder beside `target`, gone at the end, and by the next run if this one is killed.

    Parameters
    ----------
    target : Path
        Resolved; its parent exists.
    alone : bool
        Refuse if another process has such a folder for the same target.

    Raises
    ------
    StatespikeError
        See `alone`.
    """
    with one_at_a_time(target.parent):
        rival = _clean_up(target)
        if alone and rival is not None:
            raise StatespikeError(
                f"{target} is being written by another process ({rival}); wait for it, or choose another name"
            )
        with ExitStack() as stack:
            with signals_held():
                folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=target.parent))
                stack.callback(_remove, folder)
                marker = stack.enter_context((folder / _MARKER).open("w", encoding="utf-8"))
                fcntl.flock(marker, fcntl.LOCK_EX)
                json.dump({"format": _FORMAT, "target": target.name, "process": os.getpid()}, marker)
                marker.flush()
            kept = stack.pop_all()
    with kept:
        yield folder


@contextmanager
def extending(path: Path | None) -> Iterator[None]:
    """Be the only process that reads, extends and writes a file of records, from reading to the last writing.

    Nothing is held without a path, or for what is no regular file.

    Raises
    ------
    StatespikeError
        If another process extends the file.
    """
    if path is None or (_mode(path) is not None and not path.is_file()):
        yield
        return
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(target, alone=True):
        yield


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new empty folder where temporary files go, gone at the end, whenever a signal comes."""
    folder = None
    try:
        with signals_held():
            folder = Path(tempfile.mkdtemp(prefix="statespike-"))
        yield folder
    finally:
        if folder is not None:
            _remove(folder)


def _remove(folder: Path) -> None:
    with signals_held():
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def signals_held() -> Iterator[None]:
    """Let the signals that stop a program wait until the end: what is made inside is noted, too.

    Python handles signals in the main thread, so in others there is nothing to hold.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in STOPPING_SIGNALS}
    # One that Python did not install could not be put back.
    held = {number: handler for number, handler in before.items() if handler is not None}
    for number in held:
        signal.signal(number, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        for number, handler in held.items():
            signal.signal(number, handler)
        for arrived in came:
            previous = before[signal.Signals(arrived)]
            if callable(previous):
                previous(arrived, None)
            else:
                os.kill(os.getpid(), arrived)


@contextmanager
def one_at_a_time(parent: Path) -> Iterator[None]:
    """Hold a folder's own lock, where its file system has locks: others wait for its end."""
    descriptor = os.open(parent, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _clean_up(target: Path) -> str | None:
    """Remove what killed runs left beside `target`, and name the living process that writes to it, if any."""
    rival = None
    for folder in target.parent.glob(f"{PREFIX}*"):
        with suppress(OSError, ValueError), (folder / _MARKER).open(encoding="utf-8") as marker:
            owner = json.load(marker)
            if folder.is_symlink() or not isinstance(owner, dict) or owner.get("format") != _FORMAT:
                continue
            try:
                fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if owner.get("target") == target.name:
                    rival = f"process {owner.get('process')}"
                continue
            _restore(folder, target.parent / Path(str(owner.get("target"))).name)
            shutil.rmtree(folder, ignore_errors=True)
    return rival


OLD = "old"
"""Name inside a temporary folder of what was at the target before."""


def _restore(folder: Path, target: Path) -> None:
    """Put back what a run killed between two renamings had moved out of the way."""
    if (folder / OLD).exists() and not target.exists():
        (folder / OLD).rename(target)
