"""Networks from files and back: reading, importing, saving."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from quantize.checkpoint import Checkpoint, write_checkpoint
from quantize.errors import StatespikeError
from quantize.file import save_network
from quantize.load import load as load_file
from quantize.network import QuantizedNetwork
from quantize.words import count
from statespike.models import SUFFIX, ZOO, network_file
from statespike.models.importers import registry
from statespike.models.importers.options import Options
from statespike.models.tasks.registry import TASKS, load_task


def shipped_networks() -> list[str]:
    """Names of the trained networks that ship: TASK-MODEL, some with a size or bits behind it.

    Examples
    --------
    >>> import statespike
    >>> "smnist-gsu" in statespike.shipped_networks()
    True
    """
    return sorted(path.stem for path in ZOO.glob(f"*{SUFFIX}"))


def load(name: str | os.PathLike[str]) -> Checkpoint | QuantizedNetwork:
    """Read a network: a checkpoint (real numbers) or a quantised network (integers), whichever the file is.

    Parameters
    ----------
    name : path or str
        A `.safetensors` file of this project, or the name of a shipped network.

    Raises
    ------
    StatespikeError
        If the file is missing, damaged, foreign, or of another version; in one sentence.

    Examples
    --------
    >>> import statespike
    >>> checkpoint = statespike.load("digits-gsu")
    >>> checkpoint.config.model, checkpoint.config.channels
    ('gsu', 8)
    """
    path = network_file(os.fspath(name))
    if not path.exists():
        close = get_close_matches(str(name), shipped_networks(), n=3, cutoff=0.6)
        similar = f" (there are {', '.join(close)})" if close else ""
        raise StatespikeError(
            f"{path}: no such file, and no shipped network of that name{similar}; give the path of a "
            "checkpoint or a quantised network, or a name that `statespike inspect` lists"
        )
    return load_file(path)


def save(network: Checkpoint | QuantizedNetwork, path: str | os.PathLike[str]) -> None:
    """Write a network to a `.safetensors` file, whole or not at all.

    Raises
    ------
    StatespikeError
        If a checkpoint's tensors do not suit its configuration.

    Examples
    --------
    >>> import statespike
    >>> checkpoint = statespike.load("digits-gsu")
    >>> statespike.save(checkpoint, "mine.safetensors")
    >>> statespike.load("mine.safetensors").config == checkpoint.config
    True
    """
    if isinstance(network, Checkpoint):
        write_checkpoint(path, network)
    else:
        save_network(network, Path(path))


def import_network(
    source: str | os.PathLike[str] | Mapping[str, Any],
    *,
    layout: str = "",
    task: str | None = None,
    options: Options | None = None,
) -> registry.Imported:
    """Bring a trained network of another program into a checkpoint.

    Parameters
    ----------
    source : path or mapping of name to array
        A `.pt`, `.pth`, `.ckpt` or `.safetensors` file, or a state dict: arrays of numpy, or tensors of torch
        on the processor.
    layout : str
        One of `statespike.models.importers.registry.IMPORTERS`; found by the tensors if empty.
    task : str, optional
        What it was trained on, if that is a task of statespike.
    options : Options, optional
        What the tensors cannot tell.

    Returns
    -------
    Imported
        With the `checkpoint`, and `notes` on what was taken and assumed.

    Raises
    ------
    StatespikeError
        If it is no network that can be imported.

    Examples
    --------
    >>> import statespike
    >>> state_dict = statespike.load("digits-gsu").tensors
    >>> imported = statespike.import_network(state_dict)
    >>> imported.layout, imported.checkpoint.config.layers
    ('statespike', 2)
    """
    chosen = options or Options()
    origin = "state dict" if isinstance(source, Mapping) else Path(source).name
    provenance: dict[str, Any] = {"imported_from": {"file": origin}} | ({"task": task} if task else {})
    if isinstance(source, Mapping):
        tensors = {name: np.asarray(value) for name, value in source.items()}
        imported = registry.import_tensors(tensors, origin, layout, chosen, provenance)
    else:
        imported = registry.import_network(Path(source), layout, chosen, provenance)
    provenance["imported_from"] |= {"layout": imported.layout, "notes": list(imported.notes)}
    if task is not None:
        require_task(imported.checkpoint, task)
    return imported


@dataclass(frozen=True)
class _Ends:
    """What both kinds of networks say of their inputs and outputs."""

    features: int
    classes: int
    trained_on: Any


def _ends(network: Checkpoint | QuantizedNetwork) -> _Ends:
    sizes = network.config if isinstance(network, Checkpoint) else network
    return _Ends(sizes.features, sizes.classes, network.provenance.get("task"))


def require_task(network: Checkpoint | QuantizedNetwork, task: str, data: Path | None = None) -> str | None:
    """Make sure that a network can be run on a task; a warning if it was trained on another one.

    `data` is where the task's files are: some tasks have as many classes as these name.

    Raises
    ------
    StatespikeError
        If they differ in features or classes.
    """
    wanted, ends = load_task(task, data), _ends(network)
    for what, own, theirs in (
        (f"{count(ends.features, 'feature')} a step", ends.features, wanted.features),
        (count(ends.classes, "class"), ends.classes, wanted.classes),
    ):
        if own != theirs:
            raise StatespikeError(
                f"the network has {what} and the task {task} {theirs:,}; choose the task it was trained on"
                f"{f', {ends.trained_on}' if ends.trained_on else ''}"
            )
    if ends.trained_on in TASKS and whole_task(str(ends.trained_on)) != whole_task(task):
        return (
            f"the network was trained on {ends.trained_on}, not on {task}: "
            "its accuracy here says little about it"
        )
    return None


def whole_task(name: str) -> str:
    """The task that a task is a part of; itself, if of none."""
    return name.removesuffix("-sample")
