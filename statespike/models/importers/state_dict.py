"""The tensors of a trained network as a file gives them: PyTorch's `.pt` or `.safetensors`."""

import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from quantize.configuration import Shape
from quantize.errors import StatespikeError

WRAPPERS = ("state_dict", "model_state_dict", "model", "net")
"""Where a training keeps the network's tensors beside its own state."""
PREFIXES = ("module.", "_orig_mod.", "model.")
"""What data parallel training, compilation, and a wrapping module put before every name."""


class ImportFailure(StatespikeError):
    """A file that is not what it was said to be."""


class StateDict:
    """Named float32 tensors, each of which has to be taken once.

    Parameters
    ----------
    tensors : mapping of name to array
    source : str
        Where they come from: the beginning of an error's sentence.
    kind : str
        What they should be: "an s4d network".
    """

    def __init__(self, tensors: Mapping[str, NDArray[Any]], source: str, kind: str) -> None:
        self._tensors = dict(tensors)
        self.source, self._kind = source, kind

    @property
    def names(self) -> set[str]:
        """Names of the tensors that are left."""
        return set(self._tensors)

    def drop(self, suffix: str) -> None:
        """Leave out every tensor whose name ends so."""
        self._tensors = {name: value for name, value in self._tensors.items() if not name.endswith(suffix)}

    def shape(self, name: str, axes: int) -> Shape:
        """The shape of a tensor with that many axes.

        Raises
        ------
        ImportFailure
            When there is no such tensor, or it has another number of axes.
        """
        if name not in self._tensors:
            raise ImportFailure(
                f"{self.source}: tensor {name} is missing; {self._kind} needs it, "
                f"the file holds {_some(self._tensors)}"
            )
        shape = self._tensors[name].shape
        if len(shape) != axes:
            raise ImportFailure(
                f"{self.source}: tensor {name} has shape {shape}; in {self._kind} it has {axes} axes"
            )
        return shape

    def count(self, prefix: str) -> int:
        """How many numbers follow a prefix in the names, counted from 0: `layers.0.`, `layers.1.`, ..."""
        found = {name[len(prefix) :].split(".")[0] for name in self._tensors if name.startswith(prefix)}
        return next(index for index in range(len(found) + 1) if str(index) not in found)

    def take(self, name: str, shape: Shape) -> NDArray[np.float32]:
        """Take a tensor, of this shape or ImportFailure, out of what is left."""
        if self.shape(name, len(shape)) != shape:
            raise ImportFailure(
                f"{self.source}: tensor {name} has shape {self._tensors[name].shape}; "
                f"the other tensors ask for {shape}"
            )
        return np.ascontiguousarray(self._tensors.pop(name), dtype=np.float32)

    def finish(self) -> None:
        """Raise ImportFailure if any tensor is left: its meaning would be lost."""
        if self._tensors:
            raise ImportFailure(
                f"{self.source}: {self._kind} has no place for {_some(self._tensors)}; import what the file "
                "is, or leave out what inference does not need"
            )


def _some(names: Iterable[str]) -> str:
    shown = sorted(names)
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Read the tensors of a file; a `.pt` file is never unpickled beyond plain tensors and containers.

    Raises
    ------
    ImportFailure
        When the file is missing, broken, or holds no tensors; in one sentence.
    """
    if not path.is_file():
        raise ImportFailure(f"{path}: no such file; give the state dict of a trained network")
    tensors = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    return tensors


def _read_safetensors(path: Path) -> dict[str, NDArray[Any]]:
    try:
        return load_file(path)
    except (SafetensorError, OSError, KeyError) as error:
        raise ImportFailure(
            f"{path}: not a whole safetensors file ({error}); write or copy it again"
        ) from error


def _read_torch(path: Path) -> dict[str, NDArray[Any]]:
    try:
        import torch
    except ImportError as error:
        raise ImportFailure(
            f"{path}: reading it needs PyTorch ({error}); run `pip install 'statespike[train]'`, "
            "or save the state dict as .safetensors"
        ) from error
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ImportFailure(
            f"{path}: not a file of plain tensors ({reason}); save the state dict alone: "
            "torch.save(model.state_dict(), FILE)"
        ) from error
    for name in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            content = content[name]
    if not isinstance(content, dict) or not content:
        raise ImportFailure(f"{path}: holds no named tensors; save the state dict of the network")
    for name, value in content.items():
        if not isinstance(value, torch.Tensor):
            raise ImportFailure(f"{path}: {name} is no tensor; save the state dict of the network alone")
    # Complex numbers become pairs on a last axis, as our own tensors have them.
    real = {
        str(name): torch.view_as_real(value) if value.is_complex() else value
        for name, value in content.items()
    }
    return {name: value.detach().float().numpy() for name, value in real.items()}
