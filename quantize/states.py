"""Files of the states between two pieces of a sequence: `.npz` files of arrays, with a checksum."""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantize.errors import StatespikeError
from quantize.files import write_whole
from quantize.npz import MOST_BYTES
from quantize.reading import reading, require_file

States = Mapping[str, NDArray[np.generic]]
_CHECKSUM = "checksum"
_ADVICE = "begin the sequence anew"


def write_states(path: Path, states: States) -> None:
    """Write a file that `read_states` reads."""
    content, named = io.BytesIO(), dict[str, Any](states)
    np.savez(content, **named | {_CHECKSUM: np.array(_checksum(states))})
    write_whole(path, content.getvalue())


def read_states(path: Path) -> dict[str, NDArray[np.generic]]:
    """Read a file that `write_states` wrote.

    Raises
    ------
    StatespikeError
        If it is missing, damaged, changed, or something else.
    """
    require_file(path, _ADVICE)
    with reading(path, "no saved sequence", _ADVICE):
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > MOST_BYTES:
            raise StatespikeError(f"{path}: {size / 2**30:.1f} GB are no saved sequence; {_ADVICE}")
        with np.load(path) as file:
            states: dict[str, NDArray[np.generic]] = {name: file[name] for name in file.files}
        if str(states.pop(_CHECKSUM)) != _checksum(states):
            raise StatespikeError(f"{path}: its states do not match its checksum; {_ADVICE}")
    return states


def _checksum(states: States) -> str:
    """SHA-256 over names, types, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name, state in sorted(states.items()):
        digest.update(f"{name} {state.dtype.str} {state.shape}\n".encode())
        digest.update(np.ascontiguousarray(state).tobytes())
    return digest.hexdigest()
