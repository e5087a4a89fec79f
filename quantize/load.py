"""Reading either of the two kinds of network files, told apart by their metadata."""

import os
from pathlib import Path

from safetensors import SafetensorError, safe_open

from quantize.checkpoint import FORMAT as CHECKPOINT_FORMAT
from quantize.checkpoint import Checkpoint, read_checkpoint
from quantize.errors import StatespikeError
from quantize.file import FORMAT as NETWORK_FORMAT
from quantize.file import load_network
from quantize.network import QuantizedNetwork


def load(path: str | os.PathLike[str]) -> Checkpoint | QuantizedNetwork:
    """Read a checkpoint or a quantised network, whichever the file is.

    Raises
    ------
    StatespikeError
        If the file is missing, damaged, foreign, or of another version; in one sentence.
    """
    source = Path(path)
    if not source.is_file():
        raise StatespikeError(f"{source}: no such file; give the path of a checkpoint or a quantised network")
    try:
        with safe_open(source, framework="numpy") as file:
            kind = (file.metadata() or {}).get("format")
    except (SafetensorError, OSError) as error:
        raise StatespikeError(
            f"{source}: not a whole safetensors file ({error}); write or copy it again"
        ) from error
    if kind == CHECKPOINT_FORMAT:
        return read_checkpoint(source)
    if kind == NETWORK_FORMAT:
        return load_network(source)
    raise StatespikeError(
        f"{source}: a safetensors file, but neither a checkpoint nor a quantised network of statespike"
    )
