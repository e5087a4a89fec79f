"""Damaged and hostile files: every reader either reads a file or refuses it in one bounded sentence.

    python -m benchmarks.mutations --count 20000 --seed 1 --json mutations.json

Files of every kind that a command reads are made small, then mutated: bytes flipped, cut, repeated and
replaced; entries of JSON and metadata edited; members of archives damaged; types, shapes and sizes changed. A
process of bounded memory gives each to its reader. Anything but success or a `StatespikeError` of at most 400
characters that names the file is a failure, and its file is kept.
"""

import io
import json as json_format
import multiprocessing
import random
import resource
import struct
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from safetensors import safe_open
from safetensors.numpy import save

from benchmarks.command import command
from quantize.checkpoint import read_checkpoint
from quantize.convert import Precision, quantise
from quantize.errors import StatespikeError
from quantize.file import save_network
from quantize.formats import Format
from quantize.load import load
from quantize.network import QuantizedNetwork
from statespike.models import ZOO
from statespike.models.tasks.arrays import read_arrays
from statespike.models.tasks.own import own_task
from statespike.options import Json
from statespike.output import progress, say, write_json

MOST_CHARACTERS = 400
MOST_GROWTH = 3 << 30
"""Bytes of address space that a process may take beyond what it has when it starts."""
MOST_SECONDS = 20.0
BATCH = 1000
Mutate = Callable[[bytes, random.Random], bytes]


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


def flip(content: bytes, draw: random.Random) -> bytes:
    """Change some bits."""
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 8, 64))):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def flip_head(content: bytes, draw: random.Random) -> bytes:
    """Change bytes at the beginning, where headers are."""
    changed = bytearray(content)
    for _ in range(draw.choice((1, 2, 4))):
        changed[draw.randrange(min(256, len(changed)))] = draw.randrange(256)
    return bytes(changed)


def cut(content: bytes, draw: random.Random) -> bytes:
    """Leave out the end, the beginning, or some of the middle."""
    start, end = sorted(draw.randrange(len(content) + 1) for _ in range(2))
    return draw.choice((content[:start], content[end:], content[:start] + content[end:]))


def repeat(content: bytes, draw: random.Random) -> bytes:
    """Insert a piece of the file, or noise, somewhere."""
    start, end = sorted(draw.randrange(len(content) + 1) for _ in range(2))
    piece = content[start:end] if draw.random() < 0.5 else draw.randbytes(draw.randrange(1, 64))
    place = draw.randrange(len(content) + 1)
    return content[:place] + piece + content[place:]


def replace_piece(content: bytes, draw: random.Random) -> bytes:
    """Write noise, zeros or ones over a piece."""
    start = draw.randrange(len(content))
    size = min(draw.choice((1, 4, 8, 100)), len(content) - start)
    piece = draw.choice((draw.randbytes(size), bytes(size), b"\xff" * size))
    return content[:start] + piece + content[start + size :]


def swap_digits(content: bytes, draw: random.Random) -> bytes:
    """Write other digits, quotes and brackets for some of those that the text of a header has."""
    places = [index for index, byte in enumerate(content[:4096]) if byte in b'0123456789"[]{}(),:-']
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 3))):
        if places:
            changed[draw.choice(places)] = draw.choice(b'0123456789"[]{}(),:-eE')
    return bytes(changed)


BYTES = (flip, flip_head, cut, repeat, replace_piece, swap_digits)

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 10**9, 2**31, 2**63, 10**30, 10**400, -(10**30), 0.5, 1e308, 1e999,
    -1e999, float("nan"), "", "x", "x" * 100_000, "\x1b[31m", "\ud800", [], [1], [[]], {}, {"width": 16},
    {"kind": "array"}, "gsu", "s4d", "mean", "layer",
)  # fmt: skip


def _places(value: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Every container and key in a JSON value."""
    if isinstance(value, dict):
        for key in value:
            found.append((value, key))
            _places(value[key], found)
    elif isinstance(value, list):
        for index in range(len(value)):
            found.append((value, index))
            _places(value[index], found)
    return found


def edit_json(text: str, draw: random.Random) -> str:
    """Change, remove, add or nest entries of JSON, or damage its text."""
    chance = draw.random()
    if chance < 0.05:
        depth = draw.choice((50, 1000, 100_000))
        return draw.choice(("[", '{"a":')) * depth
    if chance < 0.15:
        return flip(text.encode() or b"{}", draw).decode("latin-1").replace("\0", " ")
    try:
        value = json_format.loads(text)
    except ValueError:
        return text
    for _ in range(draw.choice((1, 1, 1, 3))):
        places = _places(value, [])
        if not places:
            return json_format.dumps(draw.choice(VALUES))
        container, key = draw.choice(places)
        action = draw.random()
        if action < 0.15:
            del container[key]
        elif action < 0.25 and isinstance(container, dict):
            container[draw.choice(("another", "", "x" * 1000, "layers.0", "kind"))] = draw.choice(VALUES)
        elif action < 0.35:
            other, other_key = draw.choice(places)
            container[key] = deepcopy(other.get(other_key) if isinstance(other, dict) else None)
        else:
            container[key] = draw.choice(VALUES)
    return json_format.dumps(value)


TYPES = ("float64", "float16", "int8", "uint8", "int16", "int32", "int64", "uint64", "bool", "float32")
FOREIGN_TYPES = ("BF16", "F8_E5M2", "F8_E4M3", "F4", "C64", "I4", "U64", "F32", "F64", "BOOL")


def edit_safetensors(content: bytes, draw: random.Random) -> bytes:
    """Change metadata, names, types, shapes or numbers of a safetensors file, which stays one."""
    with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
        file.write(content)
        file.flush()
        with safe_open(file.name, framework="numpy") as stored:
            metadata = stored.metadata() or {}
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 (not a mapping)
    for _ in range(draw.choice((1, 1, 2))):
        if metadata and draw.random() < 0.6:
            key = draw.choice(sorted(metadata))
            metadata[key] = edit_json(metadata[key], draw)
        elif tensors:
            name = draw.choice(sorted(tensors))
            tensors |= _edited(name, tensors.pop(name), draw)
    return save(tensors, {key: value.encode("utf-8", "replace").decode() for key, value in metadata.items()})


def _edited(name: str, array: np.ndarray, draw: random.Random) -> dict[str, np.ndarray]:
    """An array renamed, removed, retyped, reshaped, cut, or with other numbers."""
    action = draw.randrange(7)
    with np.errstate(all="ignore"):
        if action == 0:
            return {}
        if action == 1:
            return {draw.choice((f"{name}.other", "", "layers.9.x", "x" * 1000)): array}
        if action == 2:
            return {name: array.astype(draw.choice(TYPES))}
        if action == 3:
            return {name: array.reshape(draw.choice(((-1,), (1, *array.shape), (*array.shape, 1))))}
        if action == 4:
            return {name: array[: draw.randrange(len(array) + 1)] if array.ndim else array}
        if action == 5:
            return {name: np.resize(array, tuple(draw.choice((0, 1, 2, 100)) for _ in array.shape))}
        changed = array.copy().reshape(-1)
        if changed.size:
            choices = (0, 1, -1, 127, -128, 1e30, -1e30, np.nan, np.inf, -np.inf)
            value = draw.choice(choices if changed.dtype.kind == "f" else choices[:5])
            changed[draw.randrange(changed.size)] = np.array(value).astype(changed.dtype)
        return {name: changed.reshape(array.shape)}


def edit_header(content: bytes, draw: random.Random) -> bytes:
    """Change the header of a safetensors file below its metadata: types, shapes, offsets."""
    (size,) = struct.unpack("<Q", content[:8])
    header = content[8 : 8 + size].decode()
    if draw.random() < 0.5:
        parsed = json_format.loads(header)
        name = draw.choice([key for key in parsed if key != "__metadata__"] or ["__metadata__"])
        if name != "__metadata__":
            change: tuple[str, Any] = draw.choice((
                ("dtype", draw.choice(FOREIGN_TYPES)),
                ("shape", draw.choice(([], [10**9], [0], [1, 10**12], [2**63], [-1]))),
                ("data_offsets", draw.choice(([0, 0], [0, 2**40], [5, 1], [8, 16]))),
            ))  # fmt: skip
            parsed[name][change[0]] = change[1]
        header = json_format.dumps(parsed)
    else:
        header = edit_json(header, draw)
    encoded = header.encode("utf-8", "replace")
    return struct.pack("<Q", len(encoded)) + encoded + content[8 + size :]


def edit_archive(content: bytes, draw: random.Random) -> bytes:
    """Damage, remove, repeat, rename or compress members of a zip archive, which stays one."""
    source, target = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    names = source.namelist()
    chosen = draw.choice(names)
    method = draw.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    with zipfile.ZipFile(target, "w", method) as archive:
        for name in names:
            member = source.read(name)
            if name == chosen:
                action = draw.randrange(5)
                if action == 0:
                    continue
                if action == 1:
                    name = draw.choice(("other.npy", "x", "", "../x.npy", f"{name}{name}"))
                elif action == 2:
                    member = bytes(draw.choice((0, 1, 10**6)))
                else:
                    member = draw.choice(BYTES)(member, draw) if member else b""
            archive.writestr(name or "empty", member)
    packed = target.getvalue()
    return packed if draw.random() < 0.7 else flip(packed, draw)


def edit_npy(content: bytes, draw: random.Random) -> bytes:
    """Write another header before an array of an `.npz`: types, shapes and orders of every kind."""
    types = [
        "<f4",
        "<f8",
        "<f2",
        "<i8",
        "|u1",
        "|b1",
        "<c8",
        "|O",
        "<U4",
        "|S3",
        "<M8[s]",
        "|V8",
        ">f4",
        "x",
        "<f16",
        "<u8",
    ]
    sizes = (0, 1, 2, 3, 12, 10**6, 10**9, 10**18, 2**64, -1)
    shape = tuple(draw.choice(sizes) for _ in range(draw.choice((0, 1, 2, 3, 3, 3, 4, 40))))
    order = draw.choice(("True", "False", "None", "1"))
    header = f"{{'descr': {draw.choice(types)!r}, 'fortran_order': {order}, 'shape': {shape}, }}"
    if draw.random() < 0.1:
        header = draw.choice(("(" * 5000, "{", "", "__import__('os')", "9" * 10_000))
    version = draw.choice((b"\x01\x00", b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x00"))
    length = struct.pack("<H" if version[0] == 1 else "<I", len(header))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        source = zipfile.ZipFile(io.BytesIO(content))
        chosen = draw.choice(source.namelist())
        for name in source.namelist():
            member = source.read(name)
            if name == chosen:
                member = b"\x93NUMPY" + version + length + header.encode() + member[128:]
            archive.writestr(name, member)
    return target.getvalue()


def edit_pickle(content: bytes, draw: random.Random) -> bytes:
    """Change bytes of the pickled description inside a PyTorch file."""
    source, target = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            member = source.read(name)
            if name.endswith("data.pkl"):
                member = draw.choice((flip, replace_piece, cut, swap_digits))(member, draw)
            archive.writestr(name, member)
    return target.getvalue()


def edit_text(content: bytes, draw: random.Random) -> bytes:
    """Change a file of JSON."""
    return edit_json(content.decode(), draw).encode("utf-8", "replace")


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


@dataclass(frozen=True)
class Outcome:
    """What a reader did with one file: "read", "refused", or why it failed."""

    kind: str
    number: int
    result: str
    detail: str = ""


def mutated(kind: str, whole: bytes, number: int, seed: int) -> bytes:
    """The mutated file of that number; the same one for the same seed."""
    draw = random.Random(f"{seed} {kind} {number}")
    content = draw.choice(KINDS[kind].mutations)(whole, draw)
    return content if draw.random() < 0.9 or not content else flip(content, draw)


def try_one(kind: str, path: Path, number: int) -> Outcome:
    """Give a file to its reader."""
    started = time.monotonic()
    try:
        KINDS[kind].read(path)
        result, detail = "read", ""
    except StatespikeError as error:
        sentence = str(error)
        good = len(sentence) <= MOST_CHARACTERS and sentence.isprintable()
        result = "refused" if good and path.name in sentence else "bad sentence"
        detail = "" if result == "refused" else sentence
    except BaseException:
        result, detail = "traceback", traceback.format_exc()
    if time.monotonic() - started > MOST_SECONDS:
        result, detail = "slow", f"{time.monotonic() - started:.0f} s"
    return Outcome(kind, number, result, detail)


def _batch(task: tuple[str, bytes, int, int, int]) -> list[Outcome]:
    """A batch of files of one kind, in a process whose memory is bounded."""
    kind, whole, first, count, seed = task
    with tempfile.TemporaryDirectory(prefix="statespike-") as folder:
        path = Path(folder) / f"file{KINDS[kind].suffix}"
        path.write_bytes(whole)
        KINDS[kind].read(path)  # imports and compiles what it needs
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MOST_GROWTH
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        found = []
        for number in range(first, first + count):
            path.write_bytes(mutated(kind, whole, number, seed))
            found.append(try_one(kind, path, number))
        return found


def run(
    count: Annotated[int, typer.Option(min=1, help="mutated files, of all kinds together")] = 1000,
    seed: Annotated[int, typer.Option(help="of all mutations")] = 1,
    kind: Annotated[
        list[str] | None, typer.Option(help=f"one of {', '.join(KINDS)}; may be given again")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="processes at the same time")] = 1,
    keep: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="where files that a reader failed on are kept")
    ] = None,
    json: Json = None,
) -> None:
    """Give mutated files to every reader; exit status 1 if one fails otherwise than by a sentence."""
    kinds = kind or list(KINDS)
    if unknown := set(kinds) - set(KINDS):
        raise StatespikeError(f"unknown kind {min(unknown)!r}; choose one of {', '.join(KINDS)}")
    wholes = {}
    with tempfile.TemporaryDirectory(prefix="statespike-") as folder:
        for name in kinds:
            path = Path(folder) / f"whole{KINDS[name].suffix}"
            KINDS[name].make(path)
            wholes[name] = path.read_bytes()
    share = -(-count // len(kinds))
    batches = [
        (name, wholes[name], first, min(BATCH, share - first), seed)
        for name in kinds
        for first in range(0, share, BATCH)
    ]
    outcomes: list[Outcome] = []
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs, maxtasksperchild=1) as pool, progress() as bars:
        bar = bars.add_task("reading mutated files", total=share * len(kinds))
        for found in pool.imap_unordered(_batch, batches):
            outcomes += found
            bars.advance(bar, len(found))
    failed = [one for one in outcomes if one.result not in ("read", "refused")]
    for one in failed:
        say(f"{one.kind} {one.number}: {one.result}: {one.detail.strip().splitlines()[-1][:300]}")
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            name = f"{one.kind.replace(' ', '_')}-{seed}-{one.number}{KINDS[one.kind].suffix}"
            (keep / name).write_bytes(mutated(one.kind, wholes[one.kind], one.number, seed))
    table = {
        name: {
            result: sum((one.kind, one.result) == (name, result) for one in outcomes)
            for result in ("read", "refused", "bad sentence", "traceback", "slow")
        }
        for name in kinds
    }
    say(f"{len(outcomes)} mutated files of {len(kinds)} kinds, seed {seed}: {len(failed)} failures")
    write_json(
        json, {"count": len(outcomes), "seed": seed, "failures": len(failed), "kinds": table,
               "failed": [vars(one) for one in failed]},
    )  # fmt: skip
    if failed:
        raise typer.Exit(1)


if __name__ == "__main__":
    command(run)
