"""The state dict of our own `statespike.models.network.Network`, saved by a training that is not ours."""

import numpy as np

from quantize.checkpoint import Tensor
from quantize.configuration import NetworkConfig, tensor_shapes
from quantize.kinds import UNITS
from statespike.models.importers.failure import ImportFailure, some
from statespike.models.importers.kernel import read_kernel
from statespike.models.importers.options import Options
from statespike.models.importers.parts import Parts
from statespike.models.importers.s4d import Found
from statespike.models.importers.weights import Stack

KIND = "a network of statespike.models"


def read_statespike(parts: Parts, stack: Stack, options: Options) -> Found:
    """Return a network with its sizes read from the shapes, its tensors under a checkpoint's names.

    A trained B goes into C, and sets of poles that channels share are repeated.

    Raises
    ------
    ImportFailure
        When a tensor is missing, is left over or does not fit the others, or the model is not clear.
    """
    root = stack.root
    notes: list[str] = []
    encoder = parts.shape(f"{root}encoder.weight")
    decoder = parts.shape(f"{root}decoder.weight")
    if len(encoder) != 2 or len(decoder) != 2:
        raise ImportFailure(f"{parts.source}: encoder and decoder have shapes {encoder} and {decoder}")
    channels, features = encoder
    config = NetworkConfig(
        model=_model(parts, stack, options.model),
        features=features,
        channels=channels,
        modes=parts.shape(f"{root}layers.0.ssm.log_A_real")[-1],
        layers=stack.layers,
        classes=decoder[0],
        discretisation=options.discretisation or "zoh",
        pooling=options.pooling or "mean",
        norm="batch" if parts.has(f"{root}layers.0.norm.running_mean") else "layer",
        norm_position=options.norm_position or "pre",
        final_norm="batch" if parts.has(f"{root}norm.running_mean") else "layer",
        array=",".join(_arrays(parts, stack)),
    )
    for option, assumed in (
        ("discretisation", config.discretisation), ("pooling", config.pooling),
        ("norm_position", config.norm_position),
    ):  # fmt: skip
        if not getattr(options, option):
            notes.append(f"{option.replace('_', ' ')}: {assumed} is assumed (--{option.replace('_', '-')})")
    tensors: dict[str, Tensor] = {}
    for layer in range(stack.layers):
        if config.arrays[layer] != "s4d":
            continue  # its tensors are a checkpoint's already
        kernel, done = read_kernel(parts, f"{root}layers.{layer}.ssm.", channels)
        notes += [note for note in done if note not in notes]
        tensors |= {f"layers.{layer}.ssm.{name}": value for name, value in kernel.items()}
    for name, shape in tensor_shapes(config).items():
        if name not in tensors:
            tensors[name] = np.ascontiguousarray(parts.take_as(root + name, shape), np.float32)
    return Found(config, tensors, notes)


def _arrays(parts: Parts, stack: Stack) -> list[str]:
    """The kind of array of each layer, or one for all: real modes have no imaginary parts of poles."""
    kinds = [
        "s4d" if parts.has(f"{stack.root}layers.{layer}.ssm.A_imag") else "s4d_real"
        for layer in range(stack.layers)
    ]
    return kinds if len(set(kinds)) > 1 else kinds[:1]


def _model(parts: Parts, stack: Stack, wanted: str) -> str:
    """The model whose unit has the tensors of the first block's."""
    found = set(parts.below(f"{stack.prefix(0)}unit."))
    suitable = [model for model, unit in UNITS.items() if set(unit.tensors(1)) == found]
    if wanted in suitable:
        return wanted
    if wanted or not suitable:
        raise ImportFailure(
            f"{parts.source}: the unit's tensors {some(found) or '(none)'} are those of "
            f"{' or '.join(suitable) or 'no model'}{', not of ' + wanted if wanted else ''}; "
            "check --from and --model"
        )
    if len(suitable) > 1:
        raise ImportFailure(
            f"{parts.source}: the tensors suit the models {', '.join(suitable)}; say which with --model"
        )
    return suitable[0]
