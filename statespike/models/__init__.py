"""The float world: state-space layers, spiking and gated units, tasks and training (PyTorch)."""

from pathlib import Path

ZOO = Path(__file__).with_name("zoo")
"""Folder of the trained networks that ship: `TASK-MODEL.safetensors`, each with the log of its training."""

SUFFIX = ".safetensors"


def network_file(name: str) -> Path:
    """The file that is meant by a path, or by the name of a shipped network where no such file is."""
    path, shipped = Path(name), ZOO / f"{name}{SUFFIX}"
    return shipped if shipped.parent == ZOO and shipped.is_file() and not path.exists() else path
