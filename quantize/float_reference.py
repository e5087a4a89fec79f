"""A checkpoint's network in real arithmetic, in numpy: for calibration, and float accuracy without torch.

The definitions are those of `statespike.models` (a test holds the two together); here every intermediate
value is kept.
"""

import numpy as np
from numpy.typing import NDArray

from quantize.checkpoint import Checkpoint
from quantize.float_layers import affine_norm, layer_norm, tensors
from quantize.kinds import ARRAYS, UNITS, FloatArray

Real = NDArray[np.float64]


def float_array(checkpoint: Checkpoint, layer: int) -> FloatArray:
    """The array of a layer, a BatchNorm before it folded in."""
    return ARRAYS[checkpoint.config.arrays[layer]].reference(checkpoint, layer)


def _block_norm(checkpoint: Checkpoint, layer: int, x: Real) -> Real:
    prefix = f"layers.{layer}.norm"
    if checkpoint.config.norm == "layer":
        return layer_norm(x, *tensors(checkpoint, prefix, "weight", "bias"))
    gain, constant = affine_norm(checkpoint, prefix)
    return gain * x + constant


def decoder(checkpoint: Checkpoint) -> tuple[Real, Real]:
    """The decoder (classes, H) and its bias, with a final BatchNorm folded in."""
    weight, bias = tensors(checkpoint, "decoder", "weight", "bias")
    if checkpoint.config.final_norm != "batch":
        return weight, bias
    gain, constant = affine_norm(checkpoint, "norm")
    return weight * gain, bias + weight @ constant


def forward(checkpoint: Checkpoint, u: Real, lengths: NDArray[np.int64] | None = None) -> dict[str, Real]:
    """Run the network.

    Parameters
    ----------
    u : (sequences, steps, features)
    lengths : (sequences,), optional

    Returns
    -------
    dict
        `encoder`, then `array_0` (y), `layer_0` (block output), ..., each (sequences, steps, H); and `logits`
        (sequences, classes). The names are those of a `quantize.network.Trace`; before a norm at the end of a
        block there is a `sum_0`, too, and behind a LayerNorm after the last block a `norm`.
    """
    lengths = np.full(len(u), u.shape[1]) if lengths is None else np.asarray(lengths)
    weight = checkpoint.tensors["encoder.weight"].astype(np.float64)
    x = u @ weight.T + checkpoint.tensors["encoder.bias"].astype(np.float64)
    values = {"encoder": x}
    config = checkpoint.config
    for layer in range(config.layers):
        given = x
        if config.norm_position == "pre" and not config.folds_norm:
            given = values[f"norm_{layer}"] = _block_norm(checkpoint, layer, x)
        y = float_array(checkpoint, layer).compute(given)
        x = x + UNITS[config.model].reference(checkpoint, f"layers.{layer}.unit", y)
        if config.norm_position == "post":
            values[f"sum_{layer}"] = x
            x = _block_norm(checkpoint, layer, x)
        values |= {f"array_{layer}": y, f"layer_{layer}": x}
    if config.final_norm == "layer":
        x = values["norm"] = layer_norm(x, *tensors(checkpoint, "norm", "weight", "bias"))
    if config.pooling == "mean":
        valid = np.arange(u.shape[1]) < lengths[:, None]
        pooled = (x * valid[:, :, None]).sum(1) / lengths[:, None]
    else:
        pooled = x[np.arange(len(x)), lengths - 1]
    weight, bias = decoder(checkpoint)
    return values | {"logits": pooled @ weight.T + bias}
