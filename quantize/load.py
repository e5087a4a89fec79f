"""Reading either of the two kinds of network files, told apart by their metadata."""

import os
from pathlib import Path

from quantize.checkpoint import FORMAT as CHECKPOINT_FORMAT
from quantize.checkpoint import Checkpoint, read_checkpoint
from quantize.errors import StatespikeError
from quantize.file import FORMAT as NETWORK_FORMAT
from quantize.file import load_network
from quantize.network import QuantizedNetwork
from quantize.reading import read_safetensors


def load(path: str | os.PathLike[str]) -> Checkpoint | QuantizedNetwork:
    """Read a checkpoint or a quantised network, whichever the file is.

    Raises
    ------
    StatespikeError
        If the file is missing, damaged, foreign, or of another version; in one sentence.
    """
    source = Path(path)
    advice = "give the path of a checkpoint or a quantised network"
    kind = read_safetensors(source, advice, tensors=False).metadata.get("format")
    if kind == CHECKPOINT_FORMAT:
        return read_checkpoint(source)
    if kind == NETWORK_FORMAT:
        return load_network(source)
    raise StatespikeError(
        f"{source}: a safetensors file, but neither a checkpoint nor a quantised network of statespike"
    )
