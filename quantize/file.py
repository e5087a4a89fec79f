"""The file of a quantised network: integer tensors with a versioned JSON description, checked on loading."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from quantize.block import Block
from quantize.files import write_whole
from quantize.layer_kinds import UNIT_KINDS, AnyEncoderSpec, specification_class
from quantize.layers.array import ArraySpec
from quantize.layers.ends import DecoderSpec
from quantize.layers.head import HeadSpec
from quantize.layers.norm import LayerNormSpec
from quantize.layers.unit import UnitSpec
from quantize.network import QuantizedNetwork
from quantize.reading import read_json, read_safetensors, reading
from quantize.specification import QuantizedNetworkError, Specification
from quantize.tensor_file import safetensors_bytes

FORMAT = "statespike-quantized-network"
VERSION = "3"
EARLIER = "2"
"""A version that is still read: its pool divided by a power of two, its decoder's bias was a weight, and a
checksum was not there yet."""
MOST_LENGTH_BITS = 32
"""Of the lengths in a file of that version."""
ADVICE = "make it again with `statespike quantize`"


def save_network(network: QuantizedNetwork, path: Path) -> None:
    """Write the network, whole or not at all."""
    write_whole(path, network_bytes(network))


def network_bytes(network: QuantizedNetwork) -> bytes:
    """What the network's file holds."""
    descriptions: dict[str, Any] = {}
    tensors: dict[str, np.ndarray] = {}
    for name, layer in network.layers():
        descriptions[name], arrays = layer.describe()
        tensors |= {f"{name}.{key}": np.ascontiguousarray(value) for key, value in arrays.items()}
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "layers": json.dumps(descriptions),
        "provenance": json.dumps(network.provenance),
    }
    metadata["checksum"] = checksum(metadata, tensors)
    return safetensors_bytes(tensors, metadata)


def checksum(metadata: Mapping[str, str], tensors: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over descriptions and tensors: names, types, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for key in ("layers", "provenance"):
        digest.update(f"{key} {len(metadata[key])}\n{metadata[key]}\n".encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype.str} {tensor.shape}\n".encode())
        digest.update(np.ascontiguousarray(tensor).tobytes())
    return digest.hexdigest()


def load_network(path: Path) -> QuantizedNetwork:
    """Read a network and check every name, shape, range and version, and the checksum.

    A file of the version before has no checksum: the network then says that it is not `verified`.

    Raises
    ------
    QuantizedNetworkError
        In one sentence what is wrong, and where.
    """
    metadata = read_safetensors(path, ADVICE, QuantizedNetworkError, tensors=False).metadata
    if metadata.get("format") != FORMAT:
        raise QuantizedNetworkError(
            f"{path} is not a quantised network of statespike; make one with `statespike quantize`"
        )
    if metadata.get("version") not in (VERSION, EARLIER):
        raise QuantizedNetworkError(
            f"{path} has version {metadata.get('version')!r} of the format, "
            f"this statespike reads {VERSION!r}: quantise the checkpoint again"
        )
    tensors = read_safetensors(path, ADVICE, QuantizedNetworkError).tensors
    descriptions, provenance = (
        read_json(metadata.get(key, ""), path, f"the metadata's {key}", ADVICE, QuantizedNetworkError)
        for key in ("layers", "provenance")
    )
    earlier = metadata["version"] == EARLIER
    with reading(path, "a damaged description", ADVICE, QuantizedNetworkError):
        try:
            if earlier:
                _renew(descriptions, tensors)
            network = _assemble(descriptions, tensors, provenance)
        except QuantizedNetworkError as error:
            raise QuantizedNetworkError(f"{path}: {error}") from error
    if earlier:
        return replace(network, verified=False)
    # After everything else, which can say more of what is wrong.
    if metadata.get("checksum") != checksum(metadata, tensors):
        raise QuantizedNetworkError(
            f"{path}: the numbers are not those that were written, by their checksum; {ADVICE}"
        )
    return network


def _renew(descriptions: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    """Say what a file of version 2 says in the words of version 3.

    Its sums were divided by `2**length_bits` however many steps there were, and a constant channel, which was
    pooled like the others, held `2**one_bits` after so many. A mean needs no such channel.
    """
    pool, decoder = descriptions["pool"], descriptions["decoder"]
    length_bits, decoder["bias_shift"] = pool.pop("length_bits"), pool.pop("one_bits")
    if type(length_bits) is not int or not 0 <= length_bits <= MOST_LENGTH_BITS:
        raise QuantizedNetworkError(f"pool.length_bits is {length_bits!r}, not 0 to {MOST_LENGTH_BITS}")
    pool["max_steps"] = 1 << length_bits
    words = tensors.pop("decoder.weight")
    if words.ndim != 2 or words.shape[1] != decoder.pop("channels") + 1:
        raise QuantizedNetworkError(f"decoder.weight has shape {words.shape}")
    tensors |= {"decoder.weight": words[:, :-1], "decoder.bias": words[:, -1]}


def _assemble(
    descriptions: dict[str, Any], tensors: dict[str, np.ndarray], provenance: dict[str, object]
) -> QuantizedNetwork:
    layers: dict[str, Specification] = {}
    for name, description in descriptions.items():
        own = {key.split(".", 1)[1]: value for key, value in tensors.items() if key.split(".", 1)[0] == name}
        layers[name] = specification_class(description["kind"]).restore(description, own)
    unknown = {key.split(".", 1)[0] for key in tensors} - set(layers)
    if unknown:
        raise QuantizedNetworkError(f"tensors of an undescribed layer {sorted(unknown)[0]!r}")
    count = sum(name.startswith("array_") for name in layers)
    wanted: dict[str, Any] = {"encoder": AnyEncoderSpec, "pool": HeadSpec, "decoder": DecoderSpec}
    wanted |= {f"array_{index}": ArraySpec for index in range(count)}
    wanted |= {f"unit_{index}": None for index in range(count)}
    norms = [f"norm_{index}" for index in range(count)]
    wanted |= {name: LayerNormSpec for name in (*norms, "norm") if name in layers}
    for name, kind in wanted.items():
        if name not in layers:
            raise QuantizedNetworkError(f"layer {name!r} is missing")
        if kind is not None and not isinstance(layers[name], kind):
            raise QuantizedNetworkError(f"layer {name!r} is of kind {layers[name].kind!r}")
        if kind is None and layers[name].kind not in UNIT_KINDS:
            raise QuantizedNetworkError(f"layer {name!r} is not a unit")
    if set(layers) != set(wanted):
        misplaced = min(set(layers) - set(wanted))
        raise QuantizedNetworkError(f"layer {misplaced!r} has no place in a network")
    return QuantizedNetwork(
        cast(AnyEncoderSpec, layers["encoder"]),
        tuple(
            Block(
                cast(ArraySpec, layers[f"array_{index}"]),
                cast(UnitSpec, layers[f"unit_{index}"]),
                cast(LayerNormSpec | None, layers.get(norm)),
            )
            for index, norm in enumerate(norms)
        ),
        cast(HeadSpec, layers["pool"]),
        cast(DecoderSpec, layers["decoder"]),
        provenance,
        cast(LayerNormSpec | None, layers.get("norm")),
    )
