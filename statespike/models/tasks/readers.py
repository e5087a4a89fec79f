"""A user's own data by what a path shows: which reader takes it."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from statespike.models.tasks.arrays import read_arrays
from statespike.models.tasks.own import OwnData
from statespike.models.tasks.records import read_folder_of_records
from statespike.models.tasks.tables import read_table
from statespike.models.tasks.task import TaskError
from statespike.models.tasks.words import read_recordings

FORMS = (
    "an .npz file, a .csv file, a folder of WAV files in a folder for each class, or a folder of PhysioNet "
    "records"
)


class Reader(NamedTuple):
    """How a kind of data is known, and read."""

    suits: Callable[[Path], bool]
    read: Callable[[Path], OwnData]


def _is_file(*suffixes: str) -> Callable[[Path], bool]:
    return lambda path: path.suffix.lower() in suffixes


def _holds(suffix: str) -> Callable[[Path], bool]:
    return lambda path: path.is_dir() and any(file.suffix.lower() == suffix for file in path.rglob("*"))


FILES = (Reader(_is_file(".npz"), read_arrays), Reader(_is_file(".csv", ".tsv"), read_table))
FOLDERS = (
    Reader(_holds(".hea"), read_folder_of_records),
    Reader(_holds(".wav"), read_recordings),
)


def is_own_file(path: Path | None) -> bool:
    """Whether a path names a file of sequences by its ending, so that it is no place of a task's files."""
    return path is not None and any(reader.suits(path) for reader in FILES)


def read_own(path: Path, limit: int | None = None) -> OwnData:
    """Read a user's own data.

    Parameters
    ----------
    path : Path
    limit : int, optional
        Sequences that are wanted. Of an .npz file no more are read and checked.

    Raises
    ------
    TaskError
        When it is none of `FORMS`, or damaged.
    """
    if limit is not None and _is_file(".npz")(path):
        return read_arrays(path, limit)
    for reader in (*FILES, *FOLDERS):
        if reader.suits(path):
            return reader.read(path)
    if not path.exists():
        raise TaskError(f"{path}: no such file or folder; give {FORMS}")
    raise TaskError(f"{path}: not data that can be read; give {FORMS}")
