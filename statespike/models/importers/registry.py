"""Kinds of files by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quantize.checkpoint import Checkpoint, Tensor
from quantize.configuration import NetworkConfig
from quantize.errors import look_up
from statespike.models.importers import s4d, statespike
from statespike.models.importers.options import Options
from statespike.models.importers.state_dict import StateDict, read_tensors


@dataclass(frozen=True)
class Importer:
    """What the files of a kind are called in a sentence, and what reads them."""

    description: str
    read: Callable[[StateDict, Options], tuple[NetworkConfig, dict[str, Tensor]]]


IMPORTERS = {
    "s4d": Importer(s4d.KIND, s4d.import_s4d),
    "statespike": Importer(statespike.KIND, statespike.import_statespike),
}
"""Name of a kind -> its importer."""


def import_network(path: Path, kind: str, options: Options, provenance: dict[str, Any]) -> Checkpoint:
    """Read a trained network of another program.

    Parameters
    ----------
    path : Path
        A state dict, `.pt` or `.safetensors`.
    kind : str
        One of `IMPORTERS`.
    options : Options
    provenance : dict
        What the checkpoint will say about where it comes from.

    Raises
    ------
    StatespikeError
        When the kind is unknown, or the file is not of this kind; in one sentence.
    """
    importer = look_up(IMPORTERS, kind, "kind of file")
    state = StateDict(read_tensors(path), str(path), importer.description)
    config, tensors = importer.read(state, options)
    state.finish()
    return Checkpoint(config, tensors, provenance)
