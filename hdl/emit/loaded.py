"""What a circuit with tables that can be loaded is loaded with, and for which networks it serves."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from hdl.network.folding import Folding
from hdl.network.reloadable import ReloadableNetwork
from hdl.network.top import Network
from hdl.planning.census import CONTENTS
from hdl.primitives.reload import LoadedTable
from hdl.toolchain.verilog import rtlil_text
from quantize.network import QuantizedNetwork


@dataclass(frozen=True)
class LoadedShape:
    """What all networks have in common that one circuit can be loaded with, and the tables of one of them.

    Parameters
    ----------
    digest : str
        SHA-256 of the circuit, its RTLIL, without the contents of its tables.
    tables : sequence of LoadedTable
        In the order in which they are numbered; the last one has the identity.
    """

    digest: str
    tables: Sequence[LoadedTable]


def loaded_shape(network: QuantizedNetwork, folding: Folding) -> LoadedShape:
    """The shape of a network's circuit, and the contents of its tables.

    Parameters
    ----------
    network : QuantizedNetwork
    folding : Folding
        Of the circuit.

    Raises
    ------
    StatespikeError
        If the circuit has more tables, or larger ones, than can be loaded.
    """
    circuit = ReloadableNetwork(
        Network(network.for_any_contents(), folding), single_port_bits=folding.single_port_bits
    )
    text = CONTENTS.sub("", rtlil_text(circuit))
    return LoadedShape(sha256(text.encode()).hexdigest(), circuit.loaded)


def described_tables(tables: Sequence[LoadedTable]) -> dict[str, Any]:
    """Tables for a manifest, without the identity.

    Name, rows and bits of each, and how many of the bits lie in single-port memories; and the bytes of all.
    """
    *contents, _ = tables
    return {
        "list": [
            {
                "name": table.name,
                "rows": len(table.words),
                "bits": table.width,
                "single_port_bits": table.single_port_bits,
            }
            for table in contents
        ],
        "bytes": sum(table.content_bytes for table in contents),
    }


def placed_tables(tables: Sequence[LoadedTable], folding: Folding) -> dict[str, Any]:
    """`described_tables`, and what follows from where they lie.

    Whether the circuit begins with the contents of its own network, and whether the network's buffers, such
    as the sums of its pool, leave single-port memories to tables.
    """
    return described_tables(tables) | {
        "begin_loaded": not any(folding.single_port_bits),
        "buffers_in_blocks": folding.target.buffers_in_blocks,
    }


def difference_of_shapes(ours: QuantizedNetwork, theirs: QuantizedNetwork) -> str | None:
    """The first size, format or number in which networks differ that their circuits are built for, in words.

    None if there is no difference: only the contents of tables differ then.
    """
    if len(ours.blocks) != len(theirs.blocks):
        return f"{len(theirs.blocks)} layers, not {len(ours.blocks)}"
    ours_named, theirs_named = dict(ours.layers()), dict(theirs.layers())
    for name in ours_named.keys() ^ theirs_named.keys():
        return f"{'no' if name in ours_named else 'a'} part {name}"
    # What is easier to understand comes first: kinds and sizes, then formats.
    for facts_of in (_sizes_of, _built_of):
        for name, layer in ours_named.items():
            here, there = facts_of(layer), facts_of(theirs_named[name])
            for entry in here | there:
                if here.get(entry) != there.get(entry):
                    what = entry.replace("_", " ")
                    return f"{name} with {what} {there.get(entry)}, not {here.get(entry)}"
    return None


def _sizes_of(layer: Any) -> dict[str, Any]:
    return {"kind": layer.kind} | {f"size {letter}": size for letter, size in layer.shapes().items()}


def _built_of(layer: Any) -> dict[str, Any]:
    """All that a datapath follows from beside the contents of tables; its own scales, too."""
    description, _ = layer.describe()
    for name, value in description.items():
        if isinstance(value, dict):
            description[name] = f"Q({value['width'] - value['fraction']},{value['fraction']})"
    return description | layer.built_for()
