"""What a counted circuit costs on a device.

Multipliers and memory blocks are exact; look-up tables are within about a tenth of synthesis.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hdl.devices.costs import PRODUCT
from hdl.devices.devices import Device
from hdl.devices.family import Family
from hdl.devices.memories import MemoryNeed
from hdl.devices.resources import Resources, too_many


def shortfall(estimate: Resources, logic_cells: int, device: Device) -> list[str]:
    """What a device lacks for a circuit of about so many cells, in words; placement needs some to spare.

    Parameters
    ----------
    estimate : Resources
    logic_cells : int
        See `Census.logic_cells`.
    device : Device
    """
    room = int(device.luts * device.fullest)
    if device.family.costs.packing is None:
        logic = [("look-up tables", estimate.lut, room), ("flip-flops", estimate.ff, device.flip_flops)]
    else:
        logic = [("logic cells", logic_cells, room)]
        if device.flip_flops < device.luts:
            logic.append(("flip-flops", estimate.ff, int(device.flip_flops * device.fullest)))
    return [*too_many(logic), *estimate.block_shortfall(device)]


@dataclass(frozen=True)
class Census:
    """What a circuit, or a part of one, is made of.

    Parameters
    ----------
    tables : int
        Look-up tables that cover its functions, see `hdl.planning.cover`.
    chains : int
        Look-up tables in carry chains.
    flip_flops : int
    unpaired : int
        Places of logic cells that no look-up table takes, see `hdl.planning.cover.Cover`.
    multipliers : list of (bits, bits)
        Operand widths of each.
    memories : list of MemoryNeed
    own_cells : dict
        Type -> number of the family's cells that the circuit asks for by name.
    """

    tables: int
    chains: int
    flip_flops: int
    unpaired: int
    multipliers: list[tuple[int, int]]
    memories: list[MemoryNeed]
    own_cells: Mapping[str, int]

    def multiplier_count(self, family: Family) -> int:
        """Multipliers, those that are the family's own cells among them."""
        return len(self.multipliers) + _weighed(self.own_cells, family.cells["dsp"])

    def resources(self, device: Device) -> Resources:
        """The estimate for a device."""
        luts = device.family.costs.minimised * self.tables + self.chains
        luts += _weighed(self.own_cells, device.family.cells["lut"])
        flip_flops = self.flip_flops
        memories = [memory.placed(device.family) for memory in self.memories]
        single = [memory for memory in memories if memory.single_port and device.sprams]
        others = [memory for memory in memories if not (memory.single_port and device.sprams)]
        for memory in others:
            if not memory.block:
                luts += memory.look_up_tables(device.family)
                flip_flops += memory.flip_flops
        if device.dsps:
            flip_flops -= sum(device.family.absorbed_registers(a, b) for a, b in self.multipliers)
        else:
            luts += PRODUCT * sum(a * b for a, b in self.multipliers)
        return Resources(
            lut=round(luts),
            ff=flip_flops,
            bram=sum(memory.blocks(device.family) for memory in others),
            spram=sum(memory.single_port_blocks(device.family) for memory in single),
            dsp=self.multiplier_count(device.family) if device.dsps else 0,
        )

    def logic_cells(self, device: Device) -> int:
        """Logic cells: look-up tables, and flip-flops that have none of their own before them.

        A cell holds both, but it has one output: a look-up table that others read too takes a cell more.
        """
        cells = self.resources(device).lut + self.unpaired
        cells += sum(memory.depth * memory.width for memory in self.memories if memory.in_flip_flops)
        if not device.dsps:  # the form counted has a register that a multiplier in logic does without
            cells -= sum(a + b for a, b in self.multipliers)
        return round((device.family.costs.packing or 1) * cells)


def sum_of(parts: Iterable[Census]) -> Census:
    """What several parts are made of together; of none, nothing."""
    total, own = Census(0, 0, 0, 0, [], [], {}), Counter[str]()
    for part in parts:
        own.update(part.own_cells)
        total = Census(
            total.tables + part.tables,
            total.chains + part.chains,
            total.flip_flops + part.flip_flops,
            total.unpaired + part.unpaired,
            [*total.multipliers, *part.multipliers],
            [*total.memories, *part.memories],
            own,
        )
    return total


def _weighed(cells: Mapping[str, int], weights: Mapping[str, int]) -> int:
    return sum(number * weights.get(name, 0) for name, number in cells.items())


def counted_form(device: Device) -> Family | None:
    """The platform for which a circuit is elaborated to be counted: None for the portable form."""
    return device.family if device.family.counts_own_cells else None
