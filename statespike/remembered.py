"""Networks that were quantised, and observed, in an earlier run: see `quantize.store`."""

import json
from dataclasses import asdict

import numpy as np

from quantize import store
from quantize.checkpoint import Checkpoint
from quantize.convert import Precision
from quantize.errors import StatespikeError
from quantize.file import load_network, network_bytes
from quantize.identity import network_digest
from quantize.network import QuantizedNetwork
from quantize.survey import Observation
from statespike.models.tasks.task import Sequences

SOURCES, TOOLS = ("quantize", "statespike.library"), ("numpy", "numba")
"""What quantises and observes."""

Quantised = tuple[QuantizedNetwork, tuple[str, ...], tuple[str, ...]]
"""A network of integers, and the notes and warnings that belong to it."""


def name_of_quantised(
    checkpoint: Checkpoint,
    samples: Sequences,
    precision: Precision,
    *,
    shared_formats: bool,
    formats_of: QuantizedNetwork | None = None,
) -> str:
    """The name of a checkpoint's integers."""
    tensors = [part for name in sorted(checkpoint.tensors) for part in (name, checkpoint.tensors[name])]
    described = [asdict(checkpoint.config), checkpoint.provenance, asdict(precision), shared_formats]
    if formats_of is not None:
        described.append(network_digest(formats_of))
    return store.name_of(_program(), json.dumps(described), *tensors, *_arrays(samples))


def recall_quantised(name: str) -> Quantised | None:
    """The integers of that name, if they were kept."""
    content, path = store.recall("notes", f"{name}.json"), store.path_of("networks", f"{name}.safetensors")
    if content is None or path is None or store.recall("networks", path.name) is None:
        return None
    try:
        told = json.loads(content)
        return load_network(path), tuple(told["notes"]), tuple(told["warnings"])
    except (StatespikeError, OSError, ValueError, TypeError, KeyError):
        return None


def keep_quantised(name: str, found: Quantised) -> None:
    """Keep integers."""
    network, notes, warnings = found
    store.keep("networks", f"{name}.safetensors", network_bytes(network))
    store.keep("notes", f"{name}.json", json.dumps({"notes": notes, "warnings": warnings}).encode())


def name_of_observation(network: QuantizedNetwork, samples: Sequences) -> str:
    """The name of what a network does with sequences."""
    return store.name_of(_program(), network_digest(network), *_arrays(samples))


def recall_observation(name: str) -> Observation | None:
    """The observation of that name, if it was kept."""
    content = store.recall("observations", f"{name}.json")
    try:
        told = None if content is None else json.loads(content)
        return None if told is None else Observation(**told | {"activity": tuple(told["activity"])})
    except (ValueError, TypeError, KeyError):
        return None


def keep_observation(name: str, found: Observation) -> None:
    """Keep an observation."""
    store.keep("observations", f"{name}.json", json.dumps(asdict(found)).encode())


def _program() -> str:
    return store.program_digest(SOURCES, TOOLS)


def _arrays(samples: Sequences) -> list[str | np.ndarray]:
    found = (samples.x, samples.y, samples.lengths)
    return ["none" if array is None else np.asarray(array) for array in found]
