"""S4D networks of other programs, found by their structure rather than by one script's names.

What is known: state-spaces/s4 (`example.py` with `s4d.py`, and `train.py` with S4Block), SpikingSSM's
`ss4d.py`, and variants that are seen in forks: ends without a bias, as convolutions, as embeddings or in a
Sequential; mixers as convolutions or linear layers; BatchNorm in place of LayerNorm; every form of kernel
that `kernel.py` reads. The network is a linear encoder; blocks of a state-space model, an activation and a
pointwise gated linear unit, each with a norm before it or after the sum with its input; perhaps a LayerNorm;
the mean over the steps or the last one; a linear decoder.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from quantize.checkpoint import Tensor
from quantize.configuration import RUNNING_STATISTICS, NetworkConfig
from quantize.float_layers import identity_norm
from statespike.models.importers.failure import ImportFailure, some
from statespike.models.importers.options import Options
from statespike.models.importers.parts import Parts
from statespike.models.importers.s4d_block import S4dBlock, skip_name
from statespike.models.importers.s4d_ends import take_decoder, take_encoder
from statespike.models.importers.weights import Stack

KIND = "an S4D network: state-spaces/s4, SpikingSSM and their forks"
ACTIVATIONS = {
    "s4d": "GELU", "binary_s4d": "spikes", "tanh": "tanh", "sigmoid": "sigmoid",
    "spiking_ssm": "integrate-and-fire neurons", "gsu": "Gated Spiking Unit", "prf": "spikes",
    "gsu_lean": "lean Gated Spiking Unit",
}  # fmt: skip


@dataclass
class Found:
    """A network as it comes out of a file.

    Parameters
    ----------
    config : NetworkConfig
    tensors : dict of name to float32 array
        Under the names of a checkpoint.
    notes : list of str
        What was taken and what was assumed, a sentence each.
    """

    config: NetworkConfig
    tensors: dict[str, Tensor]
    notes: list[str] = field(default_factory=list)


def read_s4d(parts: Parts, stack: Stack, options: Options) -> Found:
    """Return a network with its sizes read from the shapes, its tensors under our names.

    Raises
    ------
    ImportFailure
        When a tensor is missing, is left over or does not fit the others, or an option contradicts the file.
    """
    notes: list[str] = []
    channels = _channels(parts, stack)
    encoder_weight, encoder_bias, encoder_name = take_encoder(parts, stack, channels, options, notes)
    blocks = [S4dBlock(parts, stack, layer, channels, options, notes) for layer in range(stack.layers)]
    final = f"{stack.root}norm."
    has_final_norm = parts.has(f"{final}weight")
    batch = parts.has(f"{final}running_mean")
    decoder_weight, decoder_bias = take_decoder(parts, stack, channels)
    model = blocks[0].model
    position = _position(options, model, has_final_norm, notes)
    config = NetworkConfig(
        model=model,
        features=encoder_weight.shape[1],
        channels=channels,
        modes=blocks[0].modes,
        layers=stack.layers,
        classes=len(decoder_weight),
        discretisation=options.discretisation or "zoh",
        pooling=options.pooling or "mean",
        norm=blocks[0].norm,
        norm_position=position,
        final_norm="layer" if has_final_norm and not batch else "batch",
    )
    for block in blocks:
        if (block.model, block.modes, block.norm) != (model, config.modes, config.norm):
            raise ImportFailure(
                f"{parts.source}: the layers differ in their kind, modes or norms; all have to be alike"
            )
    tensors: dict[str, Any] = {"encoder.weight": encoder_weight, "encoder.bias": encoder_bias}
    for layer, block in enumerate(blocks):
        tensors |= {f"layers.{layer}.{name}": value for name, value in block.tensors.items()}
    if has_final_norm:
        notes.append(f"a {'BatchNorm' if batch else 'LayerNorm'} stands before the pooling")
        names = ("weight", "bias", *(RUNNING_STATISTICS if batch else ()))
        tensors |= {f"norm.{name}": parts.take_as(f"{final}{name}", (channels,)) for name in names}
    else:
        tensors |= {f"norm.{name}": value for name, value in identity_norm(channels).items()}
    tensors |= {"decoder.weight": decoder_weight, "decoder.bias": decoder_bias}
    if not options.model and model == "s4d":
        notes.append("activation: GELU is assumed, for no tensor tells it (--model)")
    else:
        notes.append(f"activation: {ACTIVATIONS[model]}")
    if not options.pooling:
        notes.append("pooling: the mean over the steps is assumed (--pooling)")
    if not options.discretisation:
        notes.append("discretisation: zero-order hold is assumed (--discretisation)")
    notes.insert(0, f"encoder {encoder_name}, {stack.layers} layers {stack.root}{stack.container}")
    return Found(config, {name: np.ascontiguousarray(v, np.float32) for name, v in tensors.items()}, notes)


def _position(options: Options, model: str, has_final_norm: bool, notes: list[str]) -> str:
    if has_final_norm:
        if options.norm_position == "post":
            raise ImportFailure(
                "the network has a norm behind its last layer, as networks with norms before their layers "
                "have; leave --norm-position out"
            )
        notes.append("norms stand before the layers, as a norm behind the last one tells")
        return "pre"
    if options.norm_position:
        return options.norm_position
    position = "pre" if model == "spiking_ssm" else "post"
    words = "before the layers" if position == "pre" else "after the sums"
    notes.append(f"norms: {words} is assumed, as the public training has them (--norm-position)")
    return position


def _channels(parts: Parts, stack: Stack) -> int:
    """H, from the skip path's vector."""
    name = skip_name(parts, stack, 0)
    shape = parts.shape(name)
    if not shape or max(shape) != int(np.prod(shape)):
        raise ImportFailure(
            f"{parts.source}: {some([name])} has shape {shape}, which is no vector of channels: a "
            "bidirectional network or one with several kernels a channel cannot be streamed"
        )
    return int(np.prod(shape))
