"""The content of safetensors files, to the byte."""

import json
from collections.abc import Mapping

import numpy as np
from safetensors.numpy import save

_LENGTH_BYTES = 8
"""Of the number at the beginning of a file: the length of its header, which is a multiple of this."""


def safetensors_bytes(tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    """The content of a safetensors file; the same for the same values.

    The library writes the metadata in an order that changes from run to run.
    """
    content = save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, dict(metadata))
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    header = json.loads(content[_LENGTH_BYTES : _LENGTH_BYTES + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % _LENGTH_BYTES)  # tensors stay aligned
    return len(text).to_bytes(_LENGTH_BYTES, "little") + text + content[_LENGTH_BYTES + length :]
