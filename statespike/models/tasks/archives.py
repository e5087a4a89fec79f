"""The files of a data set, whether they lie in a folder, a zip or a tar archive."""

import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from quantize.reading import reading
from statespike.models.tasks.task import TaskError

LARGEST_FILE = 1 << 26
"""Bytes of one file that is read; more is refused before anything is unpacked."""


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
    with reading(source, "not a whole zip or tar archive", "get the file again", TaskError):
        yield from (_files_of_zip if zipfile.is_zipfile(source) else _files_of_tar)(source, wanted)


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
    with tarfile.open(source) as archive:
        for member in archive:  # in their order: one by one by name would unpack the archive again and again
            name = PurePosixPath(member.name)
            if member.isfile() and wanted(name):
                _check_size(source, name, member.size)
                file = archive.extractfile(member)
                assert file is not None
                yield name, file.read()
        _check_end(archive)


def _check_end(archive: tarfile.TarFile) -> None:
    """Make sure that an archive was read to its end mark, and that its packing's checksum holds.

    Raises
    ------
    EOFError
        If it was cut; and what the packing raises.
    """
    packed = archive.fileobj
    assert packed is not None
    packed.seek(archive.offset)
    if len(packed.read(tarfile.BLOCKSIZE)) < tarfile.BLOCKSIZE:
        raise EOFError("the end is missing")
    while packed.read(1 << 20):
        pass
