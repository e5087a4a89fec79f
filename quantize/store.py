"""What is kept between runs: results by the name of what they follow from.

A name is a digest of all inputs, of the sources that work on them and of the versions of packages that these
use, so nothing kept is ever out of date: whatever changes, the name does too. Nothing is lost but time where
the folder is removed, or cannot be written.
"""

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from quantize.errors import StatespikeError
from quantize.files import write_whole

FOLDER = "STATESPIKE_CACHE"
"""Environment variable: where results are kept; empty for nowhere."""
KINDS = ("counts", "networks", "notes", "observations")
"""Kinds of results, a folder each; what else lies beside them is not ours."""
MOST_BYTES = 1 << 28
"""All results together; beyond, those that were not used for longest go."""
SOURCES = (".py", ".cpp", ".h", ".v", ".in")
"""Suffixes of files that the program is made of; trained networks are none of it."""
_NAME = re.compile(r"[0-9a-f]{64}\.(json|safetensors)")


def name_of(*parts: str | bytes | np.ndarray) -> str:
    """The name of what follows from all these parts."""
    digest = sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype.str} {part.shape}\n".encode())
            digest.update(np.ascontiguousarray(part).data)
        else:
            content = part.encode() if isinstance(part, str) else part
            digest.update(f"{len(content)}\n".encode() + content)
    return digest.hexdigest()


@cache
def program_digest(packages: Iterable[str], tools: Iterable[str]) -> str:
    """SHA-256 of the sources of some packages, and of the versions of others.

    Parameters
    ----------
    packages : tuple of str
        As they are imported.
    tools : tuple of str
        As they are installed.
    """
    digest = sha256(repr([(tool, version(tool)) for tool in tools]).encode())
    for package in packages:
        found = find_spec(package)
        assert found is not None
        for folder in found.submodule_search_locations or ():
            for source in sorted(Path(folder).rglob("*")):
                if source.suffix in SOURCES:
                    digest.update(f"{package} {source.relative_to(folder)}\n".encode() + source.read_bytes())
    return digest.hexdigest()


def path_of(kind: str, name: str) -> Path | None:
    """Where a result of a kind is kept; None for nowhere.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    name : str
        Of the file: a digest, see `name_of`, with `.json` or `.safetensors` behind it.
    """
    folder = _folder()
    return None if folder is None else folder / kind / name


def recall(kind: str, name: str) -> bytes | None:
    """What was kept; None if nothing was."""
    path = path_of(kind, name)
    if path is None:
        return None
    try:
        content = path.read_bytes()
    except OSError:
        return None
    with suppress(OSError):
        os.utime(path)  # it was used now
    return content


def keep(kind: str, name: str, content: bytes) -> None:
    """Keep a result, and let go of what was not used for longest where there is too much."""
    path = path_of(kind, name)
    if path is not None:
        with suppress(OSError, StatespikeError):
            write_whole(path, content)
            _let_go(path.parent.parent)


def _folder() -> Path | None:
    given = os.environ.get(FOLDER)
    if given == "":
        return None
    if given is not None:
        return Path(given)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "statespike"
    except RuntimeError:  # no home
        return None


def _let_go(folder: Path) -> None:
    """Remove the oldest results until the others fit."""
    found = []
    for path in (path for kind in KINDS for path in (folder / kind).glob("*")):
        with suppress(OSError):  # another process may have removed it
            if _NAME.fullmatch(path.name):
                state = path.stat()
                found.append((state.st_mtime_ns, state.st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= MOST_BYTES:
            break
        path.unlink(missing_ok=True)
        total -= size
