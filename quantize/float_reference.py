"""A checkpoint's network in real arithmetic, in numpy: for calibration, and float accuracy without torch.

The definitions are those of `statespike.models` (a test holds the two together); here every intermediate
value can be looked at.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from quantize.checkpoint import Checkpoint
from quantize.float_layers import affine_norm, layer_norm, tensors
from quantize.kinds import ARRAYS, HEADS, UNITS, FloatArray

Real = NDArray[np.float64]


def decoder(checkpoint: Checkpoint) -> tuple[Real, Real]:
    """The decoder (classes, H) and its bias, with a final BatchNorm folded in."""
    weight, bias = tensors(checkpoint, "decoder", "weight", "bias")
    if checkpoint.config.final_norm != "batch":
        return weight, bias
    gain, constant = affine_norm(checkpoint, "norm")
    return weight * gain, bias + weight @ constant


class FloatNetwork:
    """The network of a checkpoint, ready for any number of blocks of sequences.

    Sequences do not depend on each other: the values of a block are those of its sequences by themselves, to
    the last bit.

    Members
    -------
    arrays : tuple of FloatArray
        Of each layer, a BatchNorm before it folded in.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self.arrays: tuple[FloatArray, ...] = tuple(
            ARRAYS[kind].reference(checkpoint, layer) for layer, kind in enumerate(checkpoint.config.arrays)
        )

    def taps(self, u: Real) -> Iterator[tuple[str, Real]]:
        """Name and values (sequences, steps, H) of every place in the network, in data-flow order.

        The names are those of a `quantize.trace.Trace`: `encoder`, then `array_0` (y), `layer_0` (block
        output), and so on. Before a norm at the end of a block there is a `sum_0`, too, and behind a
        LayerNorm after the last block a `norm`. The last tap is what is pooled.

        Parameters
        ----------
        u : (sequences, steps, features)
        """
        weight, bias = tensors(self._checkpoint, "encoder", "weight", "bias")
        x = u @ weight.T + bias
        yield "encoder", x
        config = self._checkpoint.config
        for layer, array in enumerate(self.arrays):
            given = x
            if config.norm_position == "pre" and not config.folds_norm:
                given = self._norm(layer, x)
                yield f"norm_{layer}", given
            y = array.compute(given)
            yield f"array_{layer}", y
            x = x + UNITS[config.model].reference(self._checkpoint, f"layers.{layer}.unit", y)
            if config.norm_position == "post":
                yield f"sum_{layer}", x
                x = self._norm(layer, x)
            yield f"layer_{layer}", x
        if config.final_norm == "layer":
            yield "norm", layer_norm(x, *tensors(self._checkpoint, "norm", "weight", "bias"))

    def logits(self, u: Real, lengths: NDArray[np.int64] | None = None) -> Real:
        """Logits (sequences, classes) of sequences (sequences, steps, features).

        Or (sequences, answers, classes) of a head with a stride.
        """
        last = u
        for _, values in self.taps(u):
            last = values
        return self.decoded(last, lengths)

    def decoded(self, x: Real, lengths: NDArray[np.int64] | None) -> Real:
        """Logits of the last tap (sequences, steps, H)."""
        lengths = np.full(len(x), x.shape[1]) if lengths is None else np.asarray(lengths)
        config = self._checkpoint.config
        pooled = HEADS[config.pooling].reference(config, x, lengths)
        weight, bias = decoder(self._checkpoint)
        result: Real = pooled @ weight.T + bias
        return result

    def _norm(self, layer: int, x: Real) -> Real:
        prefix = f"layers.{layer}.norm"
        if self._checkpoint.config.norm == "layer":
            return layer_norm(x, *tensors(self._checkpoint, prefix, "weight", "bias"))
        gain, constant = affine_norm(self._checkpoint, prefix)
        return gain * x + constant


def forward(checkpoint: Checkpoint, u: Real, lengths: NDArray[np.int64] | None = None) -> dict[str, Real]:
    """Run the network and keep everything: the taps of `FloatNetwork`, and `logits` (sequences, classes).

    Parameters
    ----------
    u : (sequences, steps, features)
    lengths : (sequences,), optional
    """
    network = FloatNetwork(checkpoint)
    values = dict(network.taps(u))
    last = list(values)[-1]
    return values | {"logits": network.decoded(values[last], lengths)}
