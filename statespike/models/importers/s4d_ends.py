"""Encoder and decoder of an S4D network of another program."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from statespike.models.importers.failure import ImportFailure, some
from statespike.models.importers.options import Options
from statespike.models.importers.parts import Parts
from statespike.models.importers.weights import Stack

ENCODERS = ("encoder", "embedding", "embed", "input_proj", "in_proj", "input_layer", "linear_in", "proj_in")
DECODERS = ("decoder", "head", "classifier", "output_layer", "out_proj", "linear_out", "proj_out", "fc")


def take_encoder(
    parts: Parts, stack: Stack, channels: int, options: Options, notes: list[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """Weight (H, F), bias (H,) and what it is called."""
    name, weight, bias = _ends(parts, stack, ENCODERS, "encoder")
    if weight.ndim == 3 and weight.shape[2] == 1:
        weight = weight[:, :, 0]
    fits_linear, fits_table = weight.shape[0] == channels, weight.shape[-1] == channels and bias is None
    if weight.ndim != 2 or not (fits_linear or fits_table):
        raise ImportFailure(
            f"{parts.source}: {some([name])} has shape {weight.shape}, which is no linear encoder or "
            f"embedding of {channels} channels"
        )
    table = fits_table and (
        options.encoder == "token" or not fits_linear or (not options.encoder and "embed" in name)
    )
    if options.encoder and (options.encoder == "token") != table:
        raise ImportFailure(
            f"{parts.source}: {some([name])} does not have the shape of --encoder {options.encoder}"
        )
    if fits_table and fits_linear and not options.encoder:
        notes.append(
            f"encoder: a {'table of tokens' if table else 'linear layer'} is assumed, for its matrix is "
            "square (--encoder)"
        )
    if table:
        notes.append(f"a table of {len(weight)} tokens: the network takes one-hot steps")
        weight = weight.T
    if bias is None:
        bias = np.zeros(channels)
    return weight, _vector(parts, f"{name}.bias", bias, channels), name


def take_decoder(
    parts: Parts, stack: Stack, channels: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weight (classes, H) and bias (classes,)."""
    name, weight, bias = _ends(parts, stack, DECODERS, "decoder")
    if weight.ndim == 3 and weight.shape[2] == 1:
        weight = weight[:, :, 0]
    if weight.ndim != 2 or weight.shape[1] != channels:
        raise ImportFailure(
            f"{parts.source}: {some([name])} has shape {weight.shape}; a decoder of {channels} channels has "
            f"(classes, {channels})"
        )
    bias = np.zeros(len(weight)) if bias is None else bias
    return weight, _vector(parts, f"{name}.bias", bias, len(weight))


def _ends(
    parts: Parts, stack: Stack, names: tuple[str, ...], what: str
) -> tuple[str, NDArray[Any], NDArray[Any] | None]:
    """The one weight, and perhaps bias, of a module in the network's own or in one around it."""
    module = stack.root
    while True:
        for name in names:
            prefix = f"{module}{name}."
            found = parts.below(prefix)
            if not found:
                continue
            weights = [tensor for tensor in found if tensor.endswith("weight")]
            biases = [tensor for tensor in found if tensor.endswith("bias")]
            if len(weights) != 1 or len(biases) > 1 or len(found) != len(weights) + len(biases):
                raise ImportFailure(
                    f"{parts.source}: the {what} has the tensors {some(found)}; one weight and one bias "
                    "are what an S4D network has there"
                )
            weight = parts.take(prefix + weights[0])
            bias = parts.take(prefix + biases[0]) if biases else None
            return f"{name}.{weights[0]}".removesuffix(".weight"), weight, bias
        if not module:
            raise ImportFailure(
                f"{parts.source}: no {what} is found; looked for {', '.join(names[:3])} and the like beside "
                f"{stack.container}"
            )
        module = module.removesuffix(".").rpartition(".")[0]
        module = f"{module}." if module else ""


def _vector(parts: Parts, name: str, value: NDArray[Any], length: int) -> NDArray[np.float64]:
    if value.shape != (length,):
        raise ImportFailure(f"{parts.source}: {some([name])} has shape {value.shape}, not ({length},)")
    return value.astype(np.float64)
