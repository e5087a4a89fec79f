"""The checkpoint: a trained float network on disk, validated to the last number.

A checkpoint is one `.safetensors` file of float32 tensors whose metadata holds the configuration and the
provenance as JSON. Reading it either gives a network that every later stage can trust or raises
`CheckpointError` with one sentence.
"""

import json
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantize.configuration import CheckpointError, NetworkConfig, tensor_shapes
from quantize.constants import TWENTIETHS
from quantize.files import write_whole
from quantize.reading import read_json, read_safetensors, reading
from quantize.tensor_file import safetensors_bytes

FORMAT = "statespike-checkpoint"
VERSION = "1"
ADVICE = "write the checkpoint again, or give another file"
TUNED_BITS = (0, *range(3, 9))
"""Bits of words that a training can be for; 0: real numbers."""

ADDED_LATER: dict[str, Any] = {
    "norm": "batch", "norm_position": "pre", "final_norm": "batch", "array": "s4d", "stride": 0,
    "time_constant": 0, "output": "classification", "twentieths": TWENTIETHS,
}  # fmt: skip
"""Entries of a configuration that the first files lack, and what they mean by it."""

Tensor = NDArray[np.float32]


@dataclass(frozen=True)
class Checkpoint:
    """A trained float network.

    Parameters
    ----------
    config : NetworkConfig
    tensors : dict of str to float32 array
        Exactly the names and shapes of `tensor_shapes(config)`.
    provenance : dict
        Where it comes from: task, seed, epochs, test accuracy `{"accuracy", "n"}`, training command.
    """

    config: NetworkConfig
    tensors: dict[str, Tensor]
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def start(self) -> str:
        """Checkpoint file whose weights its training began with; empty for random ones."""
        path: str = self.provenance.get("recipe", {}).get("start", "")
        return path

    @property
    def tuned_bits(self) -> int:
        """Bits of the words that the network was fine-tuned for; 0 if it was trained for real numbers."""
        bits: int = self.provenance.get("recipe", {}).get("quantize", 0)
        return bits


def write_checkpoint(path: str | os.PathLike[str], checkpoint: Checkpoint) -> None:
    """Validate a checkpoint and write it whole: to a temporary sibling first, then renamed.

    Raises
    ------
    CheckpointError
        When the checkpoint could not be read back.
    """
    target = Path(path)
    write_whole(target, checkpoint_bytes(checkpoint, f"the checkpoint for {target}"))


def checkpoint_bytes(checkpoint: Checkpoint, what: str = "the checkpoint") -> bytes:
    """Validate a checkpoint and return what its file holds; `what` opens the sentence of an error.

    Raises
    ------
    CheckpointError
        When the checkpoint could not be read back.
    """
    _validate(checkpoint, what)
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "config": json.dumps(asdict(checkpoint.config)),
        "provenance": json.dumps(checkpoint.provenance),
    }
    return safetensors_bytes(checkpoint.tensors, metadata)


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read and validate a checkpoint.

    Raises
    ------
    CheckpointError
        When the file is missing, truncated, foreign, of another version, or holds tensors that do not
        belong to its configuration, are not finite, or have an unstable pole.
    """
    source = Path(path)
    metadata = read_safetensors(source, ADVICE, CheckpointError, tensors=False).metadata
    _check_header(metadata, source)
    stored = read_safetensors(source, ADVICE, CheckpointError)
    for name, kind in stored.types.items():
        if kind != "F32":
            raise CheckpointError(f"{source}: tensor {name} is of type {kind}; store it as float32 (F32)")
    with reading(source, "not a checkpoint that can be used", ADVICE, CheckpointError):
        checkpoint = Checkpoint(
            _parse_config(metadata, source), stored.tensors, _parse_provenance(metadata, source)
        )
        _validate(checkpoint, str(source))
    return checkpoint


def _check_header(metadata: dict[str, str], source: Path) -> None:
    kind = metadata.get("format", "")
    if kind != FORMAT and kind.startswith("statespike-"):
        raise CheckpointError(f"{source}: a {kind}, not a checkpoint; give the one that it was made from")
    if kind != FORMAT:
        raise CheckpointError(
            f"{source}: a safetensors file, but not a {FORMAT}; convert it with `statespike import`"
        )
    if metadata.get("version") != VERSION:
        raise CheckpointError(
            f"{source}: checkpoint version {metadata.get('version')!r}, and this program reads version "
            f"{VERSION!r}; write it again with a matching statespike"
        )


def _parse_json(metadata: dict[str, str], key: str, source: Path) -> dict[str, Any]:
    return read_json(metadata.get(key, ""), source, f"the metadata's {key}", ADVICE, CheckpointError)


def _parse_provenance(metadata: dict[str, str], source: Path) -> dict[str, Any]:
    """What the file says of its origin; of the entries that are used, the types are right."""
    provenance = _parse_json(metadata, "provenance", source)
    recipe = provenance.get("recipe", {})
    bits = recipe.get("quantize", 0) if isinstance(recipe, dict) else None
    if not isinstance(provenance.get("task", ""), str | None):
        raise CheckpointError(f"{source}: the provenance's task is not a name; {ADVICE}")
    if (
        not isinstance(recipe, dict)
        or not isinstance(recipe.get("start", ""), str)
        or type(bits) is not int
        or bits not in TUNED_BITS
    ):
        raise CheckpointError(f"{source}: the provenance's recipe is not one of a training; {ADVICE}")
    return provenance


def _parse_config(metadata: dict[str, str], source: Path) -> NetworkConfig:
    values = _parse_json(metadata, "config", source)
    values = ADDED_LATER | values
    known = [item.name for item in fields(NetworkConfig)]
    for wrong, names in (
        ("lacks", [name for name in known if name not in values]),
        ("has the unknown", [name for name in values if name not in known]),
    ):
        if names:
            raise CheckpointError(
                f"{source}: the configuration {wrong} {names[0]!r}; it must hold exactly {', '.join(known)}"
            )
    try:
        return NetworkConfig(**values)
    except CheckpointError as error:
        raise CheckpointError(f"{source}: {error}") from error


def _validate(checkpoint: Checkpoint, where: str) -> None:
    """Check names, shapes and values; `where` opens the sentence of an error."""
    config, tensors = checkpoint.config, checkpoint.tensors
    if config.layers > len(tensors):
        raise CheckpointError(
            f"{where}: the configuration says {config.layers} layers, more than the {len(tensors)} tensors; "
            "write it again"
        )
    shapes = tensor_shapes(config)
    for name in shapes:
        if name not in tensors:
            raise CheckpointError(f"{where}: tensor {name} is missing; a {config.model} network needs it")
    for name, tensor in tensors.items():
        if name not in shapes:
            raise CheckpointError(
                f"{where}: tensor {name} does not belong to a {config.model} network; remove it"
            )
        if tensor.shape != shapes[name]:
            raise CheckpointError(
                f"{where}: tensor {name} has shape {tensor.shape}; its configuration asks for {shapes[name]}"
            )
        if not np.isfinite(tensor).all():
            index = tuple(int(i) for i in np.argwhere(~np.isfinite(tensor))[0])
            raise CheckpointError(
                f"{where}: tensor {name} holds {tensor[index]} at index {index}; train or export it again"
            )
        if name.endswith("running_var") and (tensor < 0).any():
            channel = int(np.argmax(tensor < 0))
            raise CheckpointError(
                f"{where}: tensor {name} holds the negative variance {tensor[channel]} at index {channel}; "
                "train or export it again"
            )
    for layer in range(config.layers):
        _check_poles(config, tensors, layer, where)


def _check_poles(config: NetworkConfig, tensors: dict[str, Tensor], layer: int, where: str) -> None:
    """Every pole must lie left of the imaginary axis, and its discrete image inside the unit circle."""
    prefix = f"layers.{layer}.ssm"
    with np.errstate(over="ignore", invalid="ignore"):
        real = -np.exp(tensors[f"{prefix}.log_A_real"].astype(np.float64))
        step = np.exp(tensors[f"{prefix}.log_dt"].astype(np.float64))[:, None]
        scaled = step * (real + 1j * tensors.get(f"{prefix}.A_imag", np.float32(0)))
        if config.discretisation == "zoh":
            magnitude = np.exp(scaled.real)
        else:
            magnitude = np.abs((1 + scaled / 2) / (1 - scaled / 2))
    unstable = ~((magnitude < 1) & (real < 0))  # a NaN from an overflow counts as unstable
    if unstable.any():
        channel, mode = (int(i) for i in np.argwhere(unstable)[0])
        raise CheckpointError(
            f"{where}: the pole of layer {layer}, channel {channel}, mode {mode} is unstable "
            f"(|Abar| = {magnitude[channel, mode]:.9g}, real part {real[channel, mode]:.3g}); "
            "retrain with a negative real part and a larger time step"
        )
