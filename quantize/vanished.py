"""Weights that a network of real numbers has and its integers lose: outputs all of whose weights become 0."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantize.checkpoint import Checkpoint
from quantize.formats import Integers
from quantize.layers.embedding import EmbeddingSpec
from quantize.network import QuantizedNetwork

UNIT_TENSORS = {"weight": ("weight", "mix.weight"), "value": ("value.weight",), "gate": ("gate.weight",)}
"""Members of a unit's specification that are matrices of words, rows for inputs, and the tensors of each."""


@dataclass(frozen=True)
class _Matrix:
    """A matrix by its outputs.

    Parameters
    ----------
    name : str
    before, after : (outputs,) of bool
        Whether an output has a weight that is not 0: in the checkpoint, and in the integers.
    """

    name: str
    before: NDArray[np.bool_]
    after: NDArray[np.bool_]

    @property
    def lost(self) -> int:
        """Outputs that lost all their weights."""
        return int(np.count_nonzero(self.before & ~self.after))


def vanished_weights(checkpoint: Checkpoint, network: QuantizedNetwork) -> tuple[str, ...]:
    """Sentences about outputs of matrices whose integers are all 0 though the real weights are not.

    One is about whole matrices, one about single outputs; an output without weights in the checkpoint is told
    in neither.
    """
    told = []
    found = [matrix for matrix in _matrices(checkpoint, network) if matrix.lost]
    if whole := [matrix.name for matrix in found if not matrix.after.any()]:
        told.append(
            f"all weights of {', '.join(whole)} are too small for their format, and count as 0: "
            "nothing passes there; check the checkpoint, or scale these weights"
        )
    if partly := [matrix for matrix in found if matrix.after.any()]:
        outputs = ", ".join(
            f"{matrix.name} ({matrix.lost:,} of {len(matrix.after):,} outputs)" for matrix in partly
        )
        told.append(
            f"some outputs have only weights that are too small for their format, and count as 0: {outputs}; "
            "check the checkpoint, or scale these weights"
        )
    return tuple(told)


def _matrices(checkpoint: Checkpoint, network: QuantizedNetwork) -> Iterator[_Matrix]:
    """All matrices of a network."""
    tensors, encoder = checkpoint.tensors, network.encoder
    # A table has the bias in every row; the last one has nothing else.
    weight = (encoder.table - encoder.table[-1]).T if isinstance(encoder, EmbeddingSpec) else encoder.weight
    yield _Matrix("the encoder", _any(tensors["encoder.weight"]), _any(weight))
    for index, block in enumerate(network.blocks):
        prefix = f"layers.{index}"
        after = np.any([_any(weights) for weights in block.array.output_weights], axis=0)
        yield _Matrix(f"array_{index}", _any(tensors[f"{prefix}.ssm.C"]) & _scaled(checkpoint, prefix), after)
        for member, names in UNIT_TENSORS.items():
            words: Integers | None = getattr(block.unit, member, None)
            for name in names:
                if words is None or (real := tensors.get(f"{prefix}.unit.{name}")) is None:
                    continue
                # Those of a linear layer are kept by outputs.
                before = _any(real if "." in name else real.T) & _scaled(checkpoint, f"{prefix}.unit")
                yield _Matrix(f"unit_{index}.{member}", before, _any(words.T))
    yield _Matrix("the decoder", _any(tensors["decoder.weight"]), _any(network.decoder.weight))


def _any(weights: NDArray) -> NDArray[np.bool_]:
    """Whether each output has a weight that is not 0; outputs come first."""
    return np.any(weights.reshape(len(weights), -1) != 0, axis=1)


def _scaled(checkpoint: Checkpoint, prefix: str) -> NDArray[np.bool_]:
    """Whether a norm, which may be taken into the weights, lets each channel pass."""
    gain = checkpoint.tensors.get(f"{prefix}.norm.weight")
    return np.ones(1, dtype=bool) if gain is None else gain != 0
