"""The files of a data set, whether they lie in a folder, a zip or a tar archive."""

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from statespike.models.tasks.task import TaskError

LARGEST_FILE = 1 << 26
"""Bytes of one file that is read; more is refused before anything is unpacked."""

_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    lzma.LZMAError,
    zlib.error,
    OSError,
    EOFError,
    # Of a zip with a method or a password that Python does not know.
    NotImplementedError,
    RuntimeError,
)


def find_source(location: Path, folders: tuple[str, ...], archives: tuple[str, ...], probe: str) -> Path:
    """Return where a data set is: an archive, or the folder of its files.

    Parameters
    ----------
    location : Path
        What the user named: an archive is taken as it is, a folder is searched.
    folders : tuple of str
        Where the files may lie, as seen from `location`.
    archives : tuple of str
        File names of archives that may lie in `location` instead.
    probe : str
        Glob pattern that a folder of the data set has a match for.

    Raises
    ------
    FileNotFoundError
        When there is neither.
    """
    if location.is_file():
        return location
    for name in folders:
        if any((location / name).glob(probe)):
            return location / name
    for name in archives:
        if (location / name).is_file():
            return location / name
    raise FileNotFoundError(location)


def read_files(
    source: Path, wanted: Callable[[PurePosixPath], bool]
) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Yield path and content of the wanted files, in the archive's order or sorted by path.

    Parameters
    ----------
    source : Path
        A folder, a zip archive or a tar archive of any compression.
    wanted : callable
        Is asked for the path of each file, as seen from the folder or from the top of the archive.

    Raises
    ------
    TaskError
        When an archive is damaged, or a file larger than `LARGEST_FILE`.
    """
    if source.is_dir():
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            name = PurePosixPath(path.relative_to(source).as_posix())
            if wanted(name):
                _check_size(source, name, path.stat().st_size)
                yield name, path.read_bytes()
        return
    try:
        yield from (_files_of_zip if zipfile.is_zipfile(source) else _files_of_tar)(source, wanted)
    except _DAMAGED as error:
        raise TaskError(f"{source}: not a whole zip or tar archive ({error}); get the file again") from error


def _check_size(source: Path, name: PurePosixPath, size: int) -> None:
    if size > LARGEST_FILE:
        raise TaskError(
            f"{source}: {name} takes {size} bytes, more than the {LARGEST_FILE} of the largest file that is "
            "read; leave it out"
        )


def _files_of_zip(
    source: Path, wanted: Callable[[PurePosixPath], bool]
) -> Iterator[tuple[PurePosixPath, bytes]]:
    with zipfile.ZipFile(source) as archive:
        for member in archive.infolist():
            name = PurePosixPath(member.filename)
            if not member.is_dir() and wanted(name):
                _check_size(source, name, member.file_size)
                yield name, archive.read(member)


def _files_of_tar(
    source: Path, wanted: Callable[[PurePosixPath], bool]
) -> Iterator[tuple[PurePosixPath, bytes]]:
    # As a stream: looking members up by name would unpack the archive again and again.
    with tarfile.open(source, "r|*") as archive:
        for member in archive:
            name = PurePosixPath(member.name)
            if member.isfile() and wanted(name):
                _check_size(source, name, member.size)
                file = archive.extractfile(member)
                assert file is not None
                yield name, file.read()
