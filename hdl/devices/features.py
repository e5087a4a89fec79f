"""What a part's cells mean for whatever computes with them: how many cycles things take."""

from dataclasses import dataclass

BLOCK_LATENCY = 2
"""Cycles of a product in a multiplier block: its operands' registers, and its product's."""
LOGIC_LATENCY = 3
"""Cycles of a product in look-up tables."""


@dataclass(frozen=True)
class DeviceFeatures:
    """How a part multiplies, and what memories it has for a circuit.

    Parameters
    ----------
    multiplier_blocks : bool
        Otherwise products are made in look-up tables.
    single_port_memories : bool
        For what is never read and written at once; see `hdl.primitives.single_port`.
    buffers_in_blocks : bool
        Buffers that could lie in those lie in block memories, and leave them to tables that are loaded.
    tables_in_blocks : bool
        Small tables go into memory blocks too. Otherwise they are logic, where they take less than their
        share of a block: see `hdl.primitives.memory.in_blocks`.
    """

    multiplier_blocks: bool = True
    single_port_memories: bool = False
    buffers_in_blocks: bool = False
    tables_in_blocks: bool = False

    @property
    def table_block(self) -> bool | None:
        """Where tables go, for `hdl.primitives.memory.rom`."""
        return self.tables_in_blocks or None

    @property
    def product_latency(self) -> int:
        """Cycles from a multiplier's operands to its product."""
        return BLOCK_LATENCY if self.multiplier_blocks else LOGIC_LATENCY


MULTIPLIER_BLOCKS = DeviceFeatures()
LOGIC_MULTIPLIERS = DeviceFeatures(multiplier_blocks=False)
