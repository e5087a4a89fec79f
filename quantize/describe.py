"""What a network consists of, as plain values."""

from dataclasses import fields
from typing import Any

import numpy as np

from quantize.formats import Format
from quantize.layers.repeated import RunningSpec
from quantize.network import QuantizedNetwork
from quantize.specification import Specification


def describe(network: QuantizedNetwork) -> dict[str, Any]:
    """Return sizes, and for every layer its formats, numbers, and tables' extents.

    Examples
    --------
    >>> import statespike
    >>> network = statespike.quantise(statespike.load("digits-gsu"))
    >>> layers = statespike.describe(network)["layers"]
    >>> layers["unit_0"]["kind"], layers["unit_0"]["tables"]["weight"]["shape"]
    ('gsu', [8, 8])
    """
    return {
        "model": network.model,
        "features": network.features,
        "channels": network.channels,
        "modes": network.blocks[0].array.modes,
        "classes": network.classes,
        "head": describe_head(network),
        "multiplications_per_step": network.multiplications_per_step,
        "provenance": network.provenance,
        "layers": {name: _describe_layer(layer) for name, layer in network.layers()},
    }


def describe_head(network: QuantizedNetwork) -> dict[str, Any]:
    """Return what a network says, and when.

    `scale` is what a logit's unit stands for; of values, in the unit of the targets.
    """
    stride = network.answer_stride
    time_constant = 1 << network.pool.time_shift if isinstance(network.pool, RunningSpec) else None
    return {
        "kind": network.pool.head,
        "output": network.output,
        "scale": 2.0**-network.decoder.fraction,
        "stride": stride,
        "time_constant": time_constant,
        "answers_per_sequence": "1"
        if stride is None
        else "steps"
        if stride == 1
        else f"ceil(steps / {stride})",
    }


def when_answered(network: QuantizedNetwork) -> str:
    """Return when a network answers, for a sentence."""
    stride = network.answer_stride
    if stride is None:
        return "at the end of each sequence"
    return "after each step" if stride == 1 else f"after every {stride} steps and at the end of each sequence"


def _describe_layer(layer: Specification) -> dict[str, Any]:
    formats: dict[str, Any] = {}
    numbers: dict[str, int] = {}
    tables: dict[str, Any] = {}
    for item in fields(layer):
        value = getattr(layer, item.name)
        if isinstance(value, Format):
            formats[item.name] = {"width": value.width, "fraction": value.fraction, "format": str(value)}
        elif isinstance(value, np.ndarray):
            extent = {"minimum": int(value.min()), "maximum": int(value.max())}
            tables[item.name] = {"shape": list(value.shape)} | extent
        else:
            numbers[item.name] = value
    return {"kind": layer.kind, "formats": formats, "numbers": numbers, "tables": tables}
