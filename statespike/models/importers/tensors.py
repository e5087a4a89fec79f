"""Files of trained networks as named tensors: PyTorch's `.pt`, `.pth` and `.ckpt`, and `.safetensors`.

Nothing of a file is executed. A pickled object of a class that PyTorch's restricted reader does not know
becomes an inert mapping, so numbers and settings beside the tensors do no harm.
"""

import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import deserialize

from quantize.extras import how_to_get
from quantize.reading import reading, reason, require_file
from statespike.models.importers.failure import ImportFailure, some

Tensors = dict[str, NDArray[Any]]

MOST_BYTES = 1 << 30
"""A file larger than this is no network for a small chip, and is not read."""

FOREIGN_MAGIC = {
    b"\x89HDF\r\n\x1a\n": "an HDF5 file, such as a NIR graph or a Keras model",
    b"GGUF": "a GGUF file, a language model for llama.cpp",
    b"\x93NUMPY": "a NumPy array",
}
FOREIGN_SUFFIXES = {
    ".onnx": "an ONNX graph",
    ".msgpack": "a Flax checkpoint (msgpack)",
    ".nir": "a NIR graph",
    ".h5": "an HDF5 file, such as a Keras model",
    ".hdf5": "an HDF5 file, such as a Keras model",
    ".pb": "a TensorFlow graph",
    ".tflite": "a TensorFlow Lite model",
    ".npz": "a set of NumPy arrays",
}
WANTED = "give the state dict of a PyTorch network (.pt, .pth, .ckpt or .safetensors)"
SAFETENSORS_TYPES = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "I64": np.int64, "I32": np.int32,
    "I16": np.int16, "I8": np.int8, "U8": np.uint8, "BOOL": np.bool_,
}  # fmt: skip


def read_tensors(path: Path) -> Tensors:
    """Read every tensor of a file, under the path of its names in the file: `state_dict.net.encoder.weight`.

    Floating-point numbers come in double precision, complex ones as complex128.

    Raises
    ------
    ImportFailure
        When the file is missing, broken, foreign or too large, or holds no tensors; in one sentence.
    """
    require_file(path, WANTED, ImportFailure)
    size = path.stat().st_size
    if not size:
        raise ImportFailure(f"{path}: the file is empty; {WANTED}")
    if size > MOST_BYTES:
        raise ImportFailure(f"{path}: {size >> 20} MB are no network for a small chip; {WANTED}")
    with path.open("rb") as file:
        head = file.read(16)
    tensors = _read_safetensors(path) if _is_safetensors(head, size) else _read_torch(path, head)
    if not tensors:
        raise ImportFailure(f"{path}: holds no tensors; {WANTED}")
    return tensors


def _is_safetensors(head: bytes, size: int) -> bool:
    """Whether a file begins with the length of a JSON header and the header itself."""
    return len(head) >= 9 and int.from_bytes(head[:8], "little") <= size and head[8:9] == b"{"


def _read_safetensors(path: Path) -> Tensors:
    with reading(path, "not a whole safetensors file", "write or copy it again", ImportFailure):
        return {name: _array(path, name, entry) for name, entry in deserialize(path.read_bytes())}


def _array(path: Path, name: str, entry: dict[str, Any]) -> NDArray[Any]:
    """One tensor of a safetensors file; bfloat16 is the upper half of a float32."""
    kind, data = entry["dtype"], bytes(entry["data"])
    if kind == "BF16":
        halves = np.frombuffer(data, np.uint16).astype(np.uint32) << 16
        return _wide(halves.view(np.float32).reshape(entry["shape"]))
    if kind not in SAFETENSORS_TYPES:
        raise ImportFailure(
            f"{path}: tensor {some([name])} is of type {some([kind])}; "
            "store it as float32, float16 or bfloat16"
        )
    return _wide(np.frombuffer(data, SAFETENSORS_TYPES[kind]).reshape(entry["shape"]))


def _wide(array: NDArray[Any]) -> NDArray[Any]:
    with np.errstate(invalid="ignore"):  # a signalling NaN becomes a quiet one
        return array.astype(np.float64) if array.dtype.kind == "f" else array


def _refuse_foreign(path: Path, head: bytes) -> None:
    """Name the files of other programs, by what they begin with and by their suffix."""
    for magic, what in FOREIGN_MAGIC.items():
        if head.startswith(magic):
            raise ImportFailure(f"{path}: {what}; {WANTED}")
    names: list[str] = []
    with reading(path, "a broken archive", "copy it again", ImportFailure):
        is_archive = zipfile.is_zipfile(path)  # which raises an error of its own for some broken ones
        if is_archive:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
    if is_archive:
        if any("/code/" in name or name.endswith("constants.pkl") for name in names):
            raise ImportFailure(
                f"{path}: a TorchScript program, which keeps no names of layers that could be relied on; "
                "save the state dict of the network instead"
            )
        if not any(name.endswith("data.pkl") for name in names):
            what = FOREIGN_SUFFIXES.get(path.suffix.lower(), "an archive without PyTorch tensors")
            raise ImportFailure(f"{path}: {what}; {WANTED}")
    elif path.suffix.lower() in FOREIGN_SUFFIXES:
        raise ImportFailure(f"{path}: {FOREIGN_SUFFIXES[path.suffix.lower()]}; {WANTED}")


class _Unknown(dict[Any, Any]):
    """Stands for a pickled object of a class that is not loaded; whatever it was given is dropped."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        """Ignore the state."""


@contextmanager
def _inert_classes(path: Path) -> Iterator[None]:
    """Let PyTorch's restricted reader put `_Unknown` in the place of every class that it does not know."""
    from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

    try:
        unknown = get_unsafe_globals_in_checkpoint(path)
    except Exception:  # an old or broken file, of which torch.load says more
        unknown = []
    # A class of its own for each: the reader's table goes from a class to its name.
    stubs: list[Any] = [(type("Unknown", (_Unknown,), {}), name) for name in unknown]
    with safe_globals(stubs):
        yield


def _read_torch(path: Path, head: bytes) -> Tensors:
    _refuse_foreign(path, head)
    try:
        import torch
    except ImportError as error:
        raise ImportFailure(
            f"{path}: reading it needs PyTorch ({reason(error)}); {how_to_get('torch')}, "
            "or save the state dict as .safetensors"
        ) from error
    advice = "save the state dict alone: torch.save(model.state_dict(), FILE)"
    # Its warnings are of damaged files, which are refused, and of versions that it reads all the same.
    with (
        reading(path, "not a file of tensors that can be read", advice, ImportFailure),
        _inert_classes(path),
        warnings.catch_warnings(action="ignore"),
    ):
        content = torch.load(path, map_location="cpu", weights_only=True)
    if isinstance(content, _Unknown):
        raise ImportFailure(
            f"{path}: a pickled model, whose code is not run; "
            "save its state dict instead: torch.save(model.state_dict(), FILE)"
        )
    found: Tensors = {}
    for name, value in _walk(content, "", 0):
        if value.layout != torch.strided or value.is_quantized or value.is_meta:
            raise ImportFailure(
                f"{path}: tensor {some([name])} is sparse, quantised or without values; store it densely"
            )
        wide = value.detach()
        if wide.is_complex():
            wide = wide.to(torch.complex128)
        elif wide.is_floating_point():
            wide = wide.to(torch.float64)
        found[name] = wide.resolve_conj().resolve_neg().numpy()
    return found


def _walk(content: Any, prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Every tensor in nested mappings and sequences, with the path to it."""
    import torch

    if isinstance(content, torch.Tensor):
        yield prefix.removesuffix("."), content
    elif depth > 32:
        return
    elif isinstance(content, dict):
        for key, value in content.items():
            yield from _walk(value, f"{prefix}{key}.", depth + 1)
    elif isinstance(content, list | tuple):
        for index, value in enumerate(content):
            yield from _walk(value, f"{prefix}{index}.", depth + 1)
