"""The kinds of files that commands read: how a small one is made, and who reads it."""

import json as json_format
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.mutators import (
    BYTES,
    Mutate,
    edit_archive,
    edit_header,
    edit_npy,
    edit_pickle,
    edit_safetensors,
    edit_text,
)
from quantize.checkpoint import read_checkpoint
from quantize.convert import Precision, quantise
from quantize.file import save_network
from quantize.formats import Format
from quantize.load import load
from quantize.network import QuantizedNetwork
from statespike.models import ZOO
from statespike.models.tasks.arrays import read_arrays
from statespike.models.tasks.own import own_task


@dataclass(frozen=True)
class Kind:
    """Files of a kind.

    Parameters
    ----------
    suffix : str
    make : callable
        Writes a whole file of the kind.
    read : callable
        What the commands do with one.
    mutations : tuple of callables
    """

    suffix: str
    make: Callable[[Path], None]
    read: Callable[[Path], object]
    mutations: tuple[Mutate, ...]


def _copy(name: str, path: Path) -> None:
    path.write_bytes((ZOO / f"{name}.safetensors").read_bytes())


def _make_network(path: Path) -> None:
    samples = np.random.default_rng(1).uniform(0, 1, (4, 8, 1))
    checkpoint = read_checkpoint(ZOO / "digits-gsu.safetensors")
    save_network(quantise(checkpoint, samples, Format(9, 8), Precision()), path)


def _use(path: Path) -> None:
    """What `inspect` and `evaluate` do with a file of either kind."""
    from statespike.commands.inspect import describe

    found = load(path)
    if isinstance(found, QuantizedNetwork):
        json_format.dumps(describe(found))
        found.compute(np.zeros((1, 3, found.beats_per_step), np.int64))


def _make_npz(path: Path) -> None:
    draw = np.random.default_rng(2)
    np.savez(path, x=draw.normal(size=(12, 6, 2)), y=np.arange(12) % 3, lengths=np.full(12, 4))


def _read_npz(path: Path) -> None:
    read_arrays(path, 1)
    own_task(read_arrays(path))


def _make_state_dict(path: Path) -> None:
    import torch

    tensors = read_checkpoint(ZOO / "digits-s4d.safetensors").tensors
    torch.save(
        {"state_dict": {name: torch.from_numpy(value) for name, value in tensors.items()}, "epoch": 3}, path
    )


def _import(path: Path) -> None:
    from statespike.models.importers.options import Options
    from statespike.models.importers.registry import import_network

    import_network(path, "", Options(model="s4d"), {})


def _toy() -> tuple[Any, Any]:
    from statespike.models.recipe import Recipe
    from statespike.models.tasks.task import Sequences, Task

    x = np.random.default_rng(3).normal(size=(12, 5, 1)).astype(np.float32)
    sequences = Sequences(x, np.arange(12) % 2)
    task = Task("toy", 1, 2, lambda: sequences, lambda: sequences, lambda: sequences)
    return task, Recipe(channels=3, modes=2, layers=1, epochs=2, batch=4)


def _make_state(path: Path) -> None:
    from statespike.models.train import train

    train(*_toy(), resume=path)


def _make_report(path: Path) -> None:
    entry = json_format.loads((Path(__file__).parents[1] / "docs" / "report.json").read_text())
    path.write_text(json_format.dumps({"rows": entry["rows"][:2]}))


def _read_report(path: Path) -> None:
    from benchmarks.results import earlier_rows
    from statespike.report_rows import read_rows

    earlier_rows(path)
    read_rows(path)


KINDS = {
    "checkpoint": Kind(
        ".safetensors",
        partial(_copy, "digits-gsu"),
        _use,
        (*BYTES, edit_safetensors, edit_safetensors, edit_safetensors, edit_header, edit_header),
    ),
    "network": Kind(
        ".safetensors",
        _make_network,
        _use,
        (*BYTES, edit_safetensors, edit_safetensors, edit_safetensors, edit_header, edit_header),
    ),
    "sequences": Kind(
        ".npz", _make_npz, _read_npz, (*BYTES, edit_archive, edit_archive, edit_npy, edit_npy, edit_npy)
    ),
    "state dict": Kind(
        ".pt", _make_state_dict, _import, (*BYTES, edit_archive, edit_archive, edit_pickle, edit_pickle)
    ),
    "foreign tensors": Kind(
        ".safetensors",
        partial(_copy, "digits-s4d"),
        _import,
        (*BYTES, edit_safetensors, edit_header),
    ),
    "training state": Kind(".state", _make_state, _make_state, BYTES),
    "report": Kind(".json", _make_report, _read_report, (*BYTES, edit_text, edit_text, edit_text)),
}
