"""Weights that a network of real numbers has and its integers lose: whole matrices that are rounded to 0."""

from collections.abc import Iterator

import numpy as np

from quantize.checkpoint import Checkpoint
from quantize.formats import Integers
from quantize.layers.embedding import EmbeddingSpec
from quantize.network import QuantizedNetwork

UNIT_MATRICES = ("weight", "value", "gate")
"""Members of a unit's specification that are matrices of words."""


def vanished_weights(checkpoint: Checkpoint, network: QuantizedNetwork) -> str | None:
    """A sentence about matrices whose integers are all 0 though no real matrix is; None if there are none."""
    lost = [
        name
        for name, prefix, integers in _matrices(network)
        if not any(np.any(one) for one in integers) and _matter(checkpoint, prefix)
    ]
    if not lost:
        return None
    return (
        f"all weights of {', '.join(lost)} are less than half a unit of their format, and count as 0: "
        "nothing passes there; check the checkpoint, or scale these weights"
    )


def _matrices(network: QuantizedNetwork) -> Iterator[tuple[str, str, list[Integers]]]:
    """What the weights are called, how the names of their tensors begin, and their integers."""
    encoder = network.encoder
    yield (
        "the encoder",
        "encoder.weight",
        [encoder.table if isinstance(encoder, EmbeddingSpec) else encoder.weight],
    )
    for index, block in enumerate(network.blocks):
        yield f"array_{index}", f"layers.{index}.ssm.C", list(block.array.output_weights)
        for name in UNIT_MATRICES:
            if (matrix := getattr(block.unit, name, None)) is not None:
                yield f"unit_{index}", f"layers.{index}.unit.", [matrix]
    yield "the decoder", "decoder.weight", [network.decoder.weight]


def _matter(checkpoint: Checkpoint, prefix: str) -> bool:
    """Whether there are such tensors with weights, and all of them have some that are not 0."""
    found = [
        values for name, values in checkpoint.tensors.items() if name.startswith(prefix) and values.ndim > 1
    ]
    return bool(found) and all(np.any(values) for values in found)
