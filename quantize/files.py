"""Writing files whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file to a temporary sibling, which is then renamed; missing folders are made.

    Raises
    ------
    OSError
        If the file cannot be written; it names `path`, not the sibling.
    """
    sibling = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        sibling.write_bytes(content)
        sibling.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with suppress(OSError):  # renamed, or never made
            sibling.unlink()
