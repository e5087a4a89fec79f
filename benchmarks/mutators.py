"""What damages a file: bytes flipped, cut and replaced, entries edited, members of archives damaged."""

import io
import json as json_format
import random
import re
import struct
import tempfile
import zipfile
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

Mutate = Callable[[bytes, random.Random], bytes]


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
    except (ValueError, RecursionError):
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
            tensors |= edited(name, tensors.pop(name), draw)
    return save(tensors, {key: value.encode("utf-8", "replace").decode() for key, value in metadata.items()})


def edited(name: str, array: np.ndarray, draw: random.Random) -> dict[str, np.ndarray]:
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


WORDS = (
    "", "0", "-1", "1e999", "nan", "inf", "-0", "1" * 400, "9" * 5000, "0x10", "x", "label", "\"", "\0", "\n",
    ",", ",,,", "\u00e9", "x" * 100_000, "1e308", "10" * 9, "#", "\x1b[31m", "\r",
)  # fmt: skip


def edit_words(content: bytes, draw: random.Random) -> bytes:
    """Change, remove or repeat words and lines of a text."""
    lines = [re.split(r"([ ,;\t/()]+)", line) for line in content.decode("latin-1").split("\n")]
    for _ in range(draw.choice((1, 1, 2, 4))):
        place = draw.randrange(len(lines))
        action = draw.random()
        if action < 0.1:
            lines.insert(place, lines[draw.randrange(len(lines))])
        elif action < 0.2 and len(lines) > 1:
            del lines[place]
        else:
            words = list(lines[place])
            words[draw.randrange(len(words))] = draw.choice(WORDS)
            lines[place] = words
    return "\n".join("".join(words) for words in lines).encode("utf-8", "replace")
