"""Reading files that may be damaged, foreign or made to harm: every failure becomes one sentence.

A parser that meets a damaged file raises whatever the damage leads to, so no list of its exceptions is
complete. What is read is bounded before anything is allocated: a tensor by the bytes of its file, a
description by what its tensors can be.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from quantize.errors import StatespikeError

STORED_TYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "I64": "int64", "I32": "int32", "I16": "int16",
    "I8": "int8", "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip
"""Types of safetensors that numpy has; the others are those of graphics processors."""
MOST_REASON = 120
"""Characters of a parser's own words in a sentence."""


@contextmanager
def reading(
    path: Path | str, what: str, advice: str, failure: type[StatespikeError] = StatespikeError
) -> Iterator[None]:
    """Turn whatever the body raises into a sentence: "PATH: WHAT (reason); ADVICE".

    Parameters
    ----------
    path : Path or str
        What is read.
    what : str
        What is wrong if the body fails: "not a whole safetensors file".
    advice : str
    failure : type of StatespikeError

    Raises
    ------
    StatespikeError
        Of type `failure`; one that the body raises itself passes, and is made to name the file.
    """
    try:
        yield
    except StatespikeError as error:
        if str(path) in str(error):
            raise
        raise failure(f"{path}: {error}") from error
    except Exception as error:
        raise failure(f"{path}: {what} ({reason(error)}); {advice}") from error


def reason(error: BaseException) -> str:
    """The beginning of an error's own words, or what kind it is."""
    words = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, KeyError):
        words = f"no entry {words}"
    return words if len(words) <= MOST_REASON else f"{words[: MOST_REASON - 3]}..."


@dataclass(frozen=True)
class Stored:
    """What a safetensors file holds.

    Parameters
    ----------
    metadata : dict of str to str
    tensors : dict of str to array
    types : dict of str to str
        Type of each tensor in the file's own words, "F32".
    """

    metadata: dict[str, str]
    tensors: dict[str, np.ndarray]
    types: dict[str, str]


def require_file(path: Path, advice: str, failure: type[StatespikeError] = StatespikeError) -> None:
    """Make sure that a path is a file.

    Raises
    ------
    StatespikeError
        Of type `failure`, if there is nothing, or a folder or a device.
    """
    if not path.is_file():
        wrong = "a folder, not a file" if path.is_dir() else "no file" if path.exists() else "no such file"
        raise failure(f"{path}: {wrong}; {advice}")


def read_safetensors(
    path: Path, advice: str, failure: type[StatespikeError] = StatespikeError, *, tensors: bool = True
) -> Stored:
    """Read a safetensors file; on request only its metadata.

    Raises
    ------
    StatespikeError
        If it is missing or damaged, or has a tensor of a type that numpy lacks.
    """
    require_file(path, advice, failure)
    found: dict[str, np.ndarray] = {}
    types: dict[str, str] = {}
    with (
        reading(path, "not a whole safetensors file", advice, failure),
        safe_open(path, framework="numpy") as file,
    ):
        metadata = file.metadata() or {}
        for name in file.keys() if tensors else ():
            types[name] = str(file.get_slice(name).get_dtype())
            if types[name] not in STORED_TYPES:
                raise failure(
                    f"{path}: tensor {name} is of type {types[name]}, which numpy does not have; {advice}"
                )
            found[name] = file.get_tensor(name)
    return Stored(metadata, found, types)


def read_json(
    text: str | bytes,
    path: Path | str,
    what: str,
    advice: str,
    failure: type[StatespikeError] = StatespikeError,
) -> dict[str, Any]:
    """Parse a JSON object; `what` is what it is called.

    Raises
    ------
    StatespikeError
    """
    with reading(path, f"{what} is not JSON", advice, failure):
        value = json.loads(text)
    if not isinstance(value, dict):
        raise failure(f"{path}: {what} is not a JSON object; {advice}")
    return value
