"""`statespike inspect`: what a network consists of."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table

from quantize.bounds import describe_bounds
from quantize.checkpoint import read_checkpoint
from quantize.describe import describe, when_answered
from quantize.words import count
from statespike.library.networks import shipped_networks
from statespike.models import network_file
from statespike.networks import integers_of
from statespike.options import Json, OptionalNetworkPath
from statespike.output import new_table, say, show, write_json


def inspect(network: OptionalNetworkPath = None, json: Json = None) -> None:
    """Print every layer of a network: formats, widths, tables, and how far its values can go.

    Without a network, the names of those that ship.

    Example: statespike inspect digits-gsu
    """
    if network is None:
        _list_shipped(json)
        return
    found = integers_of(network)
    description = describe(found)
    say(
        f"{found.model}: {count(found.features, 'feature')}, {count(found.channels, 'channel')}, "
        f"{count(found.blocks[0].array.modes, 'mode')}, {count(len(found.blocks), 'layer')}, "
        f"{count(found.classes, 'class')}"
    )
    head = description["head"]
    constant = f", time constant {count(head['time_constant'], 'step')}" if head["time_constant"] else ""
    say(f"head: {head['kind']}{constant}; {head['output']} {when_answered(found)}")
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
    bounds = describe_bounds(found)
    show(_bounds(bounds))
    write_json(json, description | {"bounds": bounds})


def _bounds(bounds: dict[str, Any]) -> Table:
    """A row for each state and sum of the arrays."""
    table = new_table("layer", "value", title="how far values go, for any input; and without one")
    for column in ("reach", "room", "limit cycles"):
        table.add_column(column, justify="right")
    for name, values in bounds.items():
        for value, entry in values.items():
            if isinstance(entry, dict) and "reach" in entry:
                room = entry.get("limit", (1 << (entry.get("width", 1) - 1)) - 1)
                cycle = entry.get("limit_cycle")
                table.add_row(
                    name, value, f"{entry['reach']:,}", f"{room:,}", "" if cycle is None else f"{cycle:,}"
                )
    safe = "; ".join(
        f"{name} {values['input']['never_saturates']:,}"
        for name, values in bounds.items()
        if "never_saturates" in values.get("input", {})
    )
    table.caption = (
        "a state that can go beyond its room may saturate, and `evaluate` counts how often; "
        f"inputs of up to this magnitude never saturate one: {safe}"
    )
    table.caption_justify = "left"
    return table


def _list_shipped(json: Path | None) -> None:
    """The shipped networks, a line each."""
    table = new_table(
        "network", "size", "task", "test score", title="shipped networks; size: layers x channels x modes"
    )
    networks: dict[str, Any] = {}
    for name in shipped_networks():
        checkpoint = read_checkpoint(network_file(name))
        config, measured = checkpoint.config, checkpoint.provenance["test_accuracy"]
        score = f"{measured['accuracy']:.2%}"
        if "measure" in measured:
            score = f"R² {score}"  # the explained variance
        size = f"{config.layers} x {config.channels} x {config.modes}"
        table.add_row(name, size, checkpoint.provenance["task"], score)
        networks[name] = {"config": asdict(config), "provenance": checkpoint.provenance}
    show(table)
    write_json(json, {"networks": networks})
