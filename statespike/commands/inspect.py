"""`statespike inspect`: what a network consists of."""

from dataclasses import fields
from typing import Any

import numpy as np

from quantize.formats import Format
from quantize.network import QuantizedNetwork
from quantize.specification import Specification
from quantize.words import count
from statespike.networks import integers_of
from statespike.options import Json, NetworkPath
from statespike.output import new_table, say, show, write_json


def inspect(network: NetworkPath, json: Json = None) -> None:
    """Print every layer of a network: formats, widths, tables.

    Example: statespike inspect digits-gsu
    """
    found = integers_of(network)
    description = describe(found)
    say(
        f"{found.model}: {count(found.features, 'feature')}, {count(found.channels, 'channel')}, "
        f"{count(found.blocks[0].array.modes, 'mode')}, {count(len(found.blocks), 'layer')}, "
        f"{count(found.classes, 'class')}"
    )
    say(f"{count(found.multiplications_per_step, 'multiplication')} a step")
    table = new_table("layer", "formats", "numbers", "tables")
    for name, layer in description["layers"].items():
        table.add_row(
            name if name.startswith(layer["kind"]) else f"{name}\n{layer['kind']}",
            "\n".join(f"{key} {value['format']}" for key, value in layer["formats"].items()),
            "\n".join(f"{key} {value}" for key, value in layer["numbers"].items()),
            "\n".join(
                f"{key} {'x'.join(map(str, value['shape']))}, {value['minimum']}..{value['maximum']}"
                for key, value in layer["tables"].items()
            ),
            end_section=True,
        )
    show(table)
    write_json(json, description)


def describe(network: QuantizedNetwork) -> dict[str, Any]:
    """The network as plain values: sizes, and for every layer its formats, numbers, and tables' extents."""
    return {
        "model": network.model,
        "features": network.features,
        "channels": network.channels,
        "modes": network.blocks[0].array.modes,
        "classes": network.classes,
        "multiplications_per_step": network.multiplications_per_step,
        "provenance": network.provenance,
        "layers": {name: _describe_layer(layer) for name, layer in network.layers()},
    }


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
