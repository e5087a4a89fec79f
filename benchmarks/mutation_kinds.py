"""The kinds of files that commands read: networks and what belongs to them here, data beside it."""

import io
import json as json_format
import tempfile
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from safetensors.numpy import save

from benchmarks.mutation_data import DATA
from benchmarks.mutation_kind import Kind
from benchmarks.mutators import (
    BYTES,
    Mutate,
    edit_archive,
    edit_header,
    edit_npy,
    edit_pickle,
    edit_safetensors,
    edit_text,
    edited,
    flip,
    replace_piece,
    swap_digits,
)
from boards.folder import open_build
from quantize.checkpoint import read_checkpoint
from quantize.convert import Precision, quantise
from quantize.errors import StatespikeError
from quantize.file import checksum, save_network
from quantize.formats import Format
from quantize.load import load
from quantize.network import QuantizedNetwork
from quantize.reading import read_safetensors, reading
from quantize.session import Session
from quantize.states import read_states, write_states
from statespike.models import ZOO


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


@cache
def _small() -> QuantizedNetwork:
    samples = np.random.default_rng(1).uniform(0, 1, (4, 8, 1))
    return quantise(read_checkpoint(ZOO / "digits-prf.safetensors"), samples, Format(9, 8), Precision())


def _make_session(path: Path) -> None:
    session = Session(_small())
    session.compute(np.ones((3, 1), np.int64))
    write_states(path, session.saved())


def _read_session(path: Path) -> None:
    session = Session(_small())
    with reading(path, "no saved sequence", "begin the sequence anew"):
        session.restore(read_states(path))
    session.compute(np.ones((3, 1), np.int64))


def _make_space(path: Path) -> None:
    path.write_text(json_format.dumps({"model": ["gsu", "prf"], "channels": [4, 8], "state_bits": [12, 16]}))


def _read_space(path: Path) -> None:
    from statespike.search.space import read_space

    read_space(path)


def _make_build(path: Path) -> None:
    from statespike.library.bitstreams import build

    build(_small(), path.parent, "icebreaker", seeds=())


def _signed(mutate: Mutate) -> Mutate:
    """Damage a network, and give it the checksum of what it holds if it still is one."""

    def changed(content: bytes, draw: Random) -> bytes:
        content = mutate(content, draw)
        with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
            file.write(content)
            file.flush()
            try:
                stored = read_safetensors(Path(file.name), "")
                metadata = stored.metadata | {"checksum": checksum(stored.metadata, stored.tensors)}
                return save(stored.tensors, metadata)
            except (StatespikeError, KeyError):
                return content

    return changed


def _inside_a_state(mutate: Mutate) -> Mutate:
    """Damage what a training state holds, behind its magic number and checksum, which then match."""

    def changed(content: bytes, draw: Random) -> bytes:
        from statespike.models.resume import MAGIC

        packed = mutate(content[len(MAGIC) + 32 :], draw)
        return MAGIC + sha256(packed).digest() + packed

    return changed


def _edit_states(content: bytes, draw: Random) -> bytes:
    """Other types, shapes and numbers in a saved sequence whose checksum matches."""
    with np.load(io.BytesIO(content)) as file:
        states = {name: file[name] for name in file.files if name != "checksum"}
    numbers = [name for name, state in sorted(states.items()) if state.dtype.kind == "i"]
    for name in draw.sample(numbers, draw.choice((1, 1, 2))):
        states |= edited(name, states.pop(name), draw)
    with tempfile.TemporaryDirectory(prefix="statespike-") as folder:
        path = Path(folder) / "file.npz"
        write_states(path, {name or "x": state for name, state in states.items()})
        return path.read_bytes()


_SAFETENSORS = (*BYTES, edit_safetensors, edit_safetensors, edit_safetensors, edit_header, edit_header)
_ARCHIVE = (*BYTES, edit_archive, edit_archive)
_JSON = (*BYTES, edit_text, edit_text, edit_text)

KINDS = {
    "checkpoint": Kind("file.safetensors", partial(_copy, "digits-gsu"), _use, _SAFETENSORS),
    "network": Kind("file.safetensors", _make_network, _use, _SAFETENSORS),
    "signed network": Kind(
        "file.safetensors",
        _make_network,
        _use,
        tuple(_signed(one) for one in (edit_safetensors, edit_safetensors, flip, replace_piece, swap_digits)),
    ),
    "state dict": Kind("file.pt", _make_state_dict, _import, (*_ARCHIVE, edit_pickle, edit_pickle)),
    "foreign tensors": Kind(
        "file.safetensors", partial(_copy, "digits-s4d"), _import, (*BYTES, edit_safetensors, edit_header)
    ),
    "training state": Kind("file.state", _make_state, _make_state, BYTES),
    "signed training state": Kind(
        "file.state",
        _make_state,
        _make_state,
        tuple(_inside_a_state(one) for one in (*BYTES, edit_archive, edit_archive, edit_pickle, edit_pickle)),
    ),
    "report": Kind("file.json", _make_report, _read_report, _JSON),
    "saved sequence": Kind(
        "file.npz", _make_session, _read_session, (*_ARCHIVE, edit_npy, edit_npy, edit_npy)
    ),
    "signed sequence": Kind("file.npz", _make_session, _read_session, (_edit_states,)),
    "search space": Kind("file.json", _make_space, _read_space, _JSON),
    "manifest": Kind("manifest.json", _make_build, lambda path: open_build(path.parent), _JSON),
    **DATA,
}
