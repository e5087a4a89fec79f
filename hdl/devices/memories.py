"""The memories of a circuit, and the cells that each takes."""

from dataclasses import dataclass, replace
from math import ceil
from typing import Self

from hdl.devices.blocks import count_blocks
from hdl.devices.costs import CHOOSER
from hdl.devices.family import Family

ROWS = 16
"""Rows of a look-up table, constant or written."""
CELL_BITS = 4
"""Bits of each row in a cell of written look-up tables."""
BUFFER_BITS = 96
"""A buffer of so many bits lies in a block: in logic it needs a flip-flop a bit."""


@dataclass(frozen=True)
class MemoryNeed:
    """One memory of a circuit.

    Parameters
    ----------
    depth, width : int
    block : bool
        In memory blocks, not in logic.
    written : bool
        Not a constant table.
    distributed : bool
        In look-up tables that are written, where the family has such; otherwise in blocks, see `placed`.
    single_port : bool
        In single-port memories, where the device has them.
    registers : int or None
        Flip-flops of the words that were read, where it is not in blocks; None for a whole word.
    covered : bool
        Its look-up tables are counted with those of the circuit's functions.
    """

    depth: int
    width: int
    block: bool
    written: bool
    distributed: bool = False
    single_port: bool = False
    registers: int | None = None
    covered: bool = False

    def placed(self, family: Family) -> Self:
        """The memory where a family has it."""
        if self.distributed and not family.distributed_memories:
            return replace(self, block=True, distributed=False)
        return self

    @property
    def flip_flops(self) -> int:
        """Of a memory that is not in blocks: words that were read, and all words if they lie there."""
        read = self.width if self.registers is None else self.registers
        return read + self.width * self.depth * self.in_flip_flops

    @property
    def in_flip_flops(self) -> bool:
        """Whether each of its bits is a flip-flop."""
        return self.written and not (self.block or self.distributed)

    def look_up_tables(self, family: Family) -> float:
        """Of a memory that is not in blocks: of its cells, and to choose between rows."""
        if self.covered:
            return 0.0
        if self.in_flip_flops:
            return self.width * CHOOSER * (self.depth - 1)
        rows = ceil(self.depth / ROWS)
        stored = self.width
        if self.distributed:
            stored = ceil(self.width / CELL_BITS) * family.cells["lut"][family.distributed_cell]
        return rows * stored + self.width * CHOOSER * (rows - 1)

    def single_port_blocks(self, family: Family) -> int:
        """Single-port memories it takes, if it is in such."""
        words, bits = family.single_port_shape
        return ceil(self.width / bits) * ceil(self.depth / words)

    def blocks(self, family: Family) -> int:
        """Memory blocks it takes, as synthesis lays it out, if it is not in single-port memories."""
        if not self.block:
            return 0
        return count_blocks(
            family.block_kinds, self.depth, self.width, written=self.written, single_port=self.single_port
        )
