"""Tables that are loaded in single-port memories: they free block memories where those run out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hdl.devices.devices import Device
from hdl.devices.memories import MemoryNeed
from hdl.network.folding import Folding
from hdl.network.reloadable import tables_of
from hdl.planning.cost import Census
from hdl.primitives.reload import LoadedTable
from quantize.network import QuantizedNetwork


@dataclass(frozen=True)
class _Moved:
    """Tables in single-port memories.

    Parameters
    ----------
    bits : tuple of int
        Of a row of each table.
    freed : int
        Block memories.
    """

    bits: tuple[int, ...]
    freed: int


def with_tables_moved(
    network: QuantizedNetwork, folding: Folding, device: Device, found: Census
) -> Folding | None:
    """A choice whose tables free the most block memories; None if none can be freed.

    A single-port memory holds one table, or a column of one. The network's own buffers stay where they are,
    or leave their single-port memories to tables and lie in block memories.

    Parameters
    ----------
    network : QuantizedNetwork
        That takes any contents.
    folding : Folding
    device : Device
    found : Census
        Of the circuit without moved tables.
    """
    tables = tables_of(network, folding)
    buffers = [memory for memory in found.memories if memory.single_port]
    taken = sum(memory.single_port_blocks(device.family) for memory in buffers)
    beside = _moved(tables, device, device.sprams - taken)
    alone = _moved(tables, device, device.sprams)
    if alone.freed - sum(memory.blocks(device.family) for memory in buffers) > beside.freed:
        target = replace(folding.target, buffers_in_blocks=True)
        return replace(folding, target=target, single_port_bits=alone.bits)
    return replace(folding, single_port_bits=beside.bits) if beside.freed else None


def _moved(tables: Sequence[LoadedTable], device: Device, memories: int) -> _Moved:
    """The tables that so many single-port memories are best used for."""
    bits, freed = [0] * len(tables), 0
    for _ in range(memories):
        gains = [_gain(table, device, moved) for table, moved in zip(tables, bits, strict=True)]
        best = max(range(len(tables)), key=gains.__getitem__)
        if not gains[best]:
            break
        bits[best] = _one_more(tables[best], device, bits[best])
        freed += gains[best]
    return _Moved(tuple(bits), freed)


def _one_more(table: LoadedTable, device: Device, bits: int) -> int:
    """Bits of a row that lie in single-port memories if those are one more."""
    _, column = device.family.single_port_shape
    return min(table.width, bits + column)


def _gain(table: LoadedTable, device: Device, bits: int) -> int:
    """Block memories that one more single-port memory frees of a table that has some of its bits in such."""
    words, _ = device.family.single_port_shape
    if table.depth > words:
        return 0
    return _blocks(table, device, bits) - _blocks(table, device, _one_more(table, device, bits))


def _blocks(table: LoadedTable, device: Device, bits: int) -> int:
    if bits == table.width:
        return 0
    distributed = table.style == "distributed"
    need = MemoryNeed(table.depth, table.width - bits, table.style == "block", True, distributed)
    return need.placed(device.family).blocks(device.family)
