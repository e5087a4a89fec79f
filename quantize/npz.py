"""`.npz` files: headers first, then only those rows that are needed, in blocks of bounded size."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from struct import Struct
from typing import IO, Any, Literal

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from quantize.errors import StatespikeError
from quantize.reading import reading, require_file

MOST_BYTES = 1 << 31
"""Of an array in memory. What is larger is refused before it is read."""
BLOCK_BYTES = 1 << 24
_MOST_HEADER = 1 << 14
_NUMBERS = "biufc"
"""Kinds of types that hold numbers: no objects, texts, records, dates."""
_MOST_ARRAYS = 64
_LOCAL_HEADER = Struct("<26x2H")
"""Of a member of a zip file: 30 bytes, of which the lengths of the name and the extra field are read."""


@dataclass(frozen=True)
class Header:
    """What a member says of its array.

    Parameters
    ----------
    member : str
        Name inside the archive.
    dtype : dtype
    shape : tuple of int
    fortran : bool
        Whether the first axis varies fastest.
    offset : int
        Bytes before the array's, in the member.
    place : int or None
        Where in the file the member begins; None for a compressed one.
    """

    member: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    offset: int
    place: int | None

    @property
    def row_bytes(self) -> int:
        """Bytes of one entry of the first axis."""
        return prod(self.shape[1:]) * self.dtype.itemsize


class Npz:
    """An `.npz` file of plain arrays of numbers.

    Parameters
    ----------
    path : Path
    advice : str
        What to do if it cannot be read.
    failure : type of StatespikeError

    Members
    -------
    headers : dict of str to Header
        By the arrays' names.

    Raises
    ------
    StatespikeError
        If the file is missing or damaged, or an array holds no numbers or not as many bytes as it says.
    """

    def __init__(self, path: Path, advice: str, failure: type[StatespikeError] = StatespikeError) -> None:
        self._path, self._advice, self._failure = path, advice, failure
        require_file(path, advice, failure)
        with self._reading(), zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > _MOST_ARRAYS:
                raise failure(f"{path}: {len(members)} arrays are too many; {advice}")
            self.headers = {one.filename.removesuffix(".npy"): self._header(archive, one) for one in members}

    def _reading(self) -> Any:
        return reading(self._path, "not an .npz file of plain arrays", self._advice, self._failure)

    def _header(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Header:
        name = member.filename.removesuffix(".npy")
        with archive.open(member) as file:
            head = io.BytesIO(file.read(_MOST_HEADER))
        version = npy.read_magic(head)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
        if read is None:
            raise ValueError(f"{name} has version {version} of the array format")
        shape, fortran, dtype = read(head)
        if dtype.kind not in _NUMBERS:
            raise self._failure(
                f"{self._path}: {name} is of type {dtype}; it must hold real numbers; {self._advice}"
            )
        promised = prod(shape) * dtype.itemsize
        if not shape or any(size < 0 for size in shape) or member.file_size - head.tell() != promised:
            raise ValueError(
                f"{name} has shape {shape}, {promised} bytes, but holds {member.file_size - head.tell()}"
            )
        place = self._place(member) if member.compress_type == zipfile.ZIP_STORED else None
        return Header(member.filename, dtype, tuple(shape), fortran and len(shape) > 1, head.tell(), place)

    def _place(self, member: zipfile.ZipInfo) -> int:
        """Where a stored member's bytes begin: behind its local header, whose last two fields are lengths."""
        with self._path.open("rb") as file:
            file.seek(member.header_offset)
            name, extra = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
        return int(member.header_offset + _LOCAL_HEADER.size + name + extra)

    def rows(self, name: str, first: int | None = None) -> NDArray[Any]:
        """The first rows of an array, or all.

        Raises
        ------
        StatespikeError
            If they are too many bytes, or damaged.
        """
        header = self.headers[name]
        count = header.shape[0] if first is None else min(first, header.shape[0])
        self.require_room(name, count * header.row_bytes)
        blocks = list(self.blocks(name, count))
        return np.concatenate(blocks) if blocks else np.empty((0, *header.shape[1:]), header.dtype)

    def mapped(self, name: str) -> NDArray[Any] | None:
        """An array as it lies in the file, none of it in memory; None if it is compressed.

        Its checksum is not looked at: read all `blocks` once for that.
        """
        header = self.headers[name]
        if header.place is None:
            return None
        order: Literal["F", "C"] = "F" if header.fortran else "C"
        return np.memmap(self._path, header.dtype, "r", header.place + header.offset, header.shape, order)

    def require_room(self, name: str, size: int) -> None:
        """Refuse an array of so many bytes in memory if they are too many.

        Raises
        ------
        StatespikeError
        """
        if size > MOST_BYTES:
            raise self._failure(
                f"{self._path}: {name} of shape {self.headers[name].shape} takes {size / 2**30:.1f} GB of "
                f"memory, more than {MOST_BYTES >> 30} GB; take fewer sequences (--limit) or a smaller file"
            )

    def blocks(self, name: str, count: int) -> Iterator[NDArray[Any]]:
        """The first `count` rows of an array, some at a time.

        Raises
        ------
        StatespikeError
            If they are damaged.
        """
        header = self.headers[name]
        with self._reading(), zipfile.ZipFile(self._path) as archive, archive.open(header.member) as file:
            _exactly(file, header.offset)
            if header.fortran:
                yield _picked(file, header, count)
                return
            at_once = max(1, BLOCK_BYTES // max(1, header.row_bytes))
            for start in range(0, count, at_once):
                rows = min(at_once, count - start)
                content = _exactly(file, rows * header.row_bytes)
                yield np.frombuffer(content, header.dtype).reshape(rows, *header.shape[1:])


def _picked(file: IO[bytes], header: Header, count: int) -> NDArray[Any]:
    """The first rows of an array whose first axis varies fastest, so that they are spread over all of it."""
    sequences, columns = header.shape[0], prod(header.shape[1:])
    size = sequences * header.dtype.itemsize
    picked = np.empty((columns, count), header.dtype)
    at_once = max(1, BLOCK_BYTES // max(1, size))
    for start in range(0, columns, at_once):
        part = picked[start : start + at_once]
        part[:] = np.frombuffer(_exactly(file, len(part) * size), header.dtype).reshape(-1, sequences)[
            :, :count
        ]
    return picked.T.reshape((count, *header.shape[1:]), order="F")


def _exactly(file: IO[bytes], size: int) -> bytes:
    content = file.read(size)
    if len(content) != size:
        raise EOFError(f"{size} bytes are promised and {len(content)} left")
    return content
