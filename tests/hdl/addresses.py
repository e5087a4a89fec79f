"""Memories that refuse an address beyond their last row."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from amaranth.hdl import Assert, Module
from amaranth.lib.memory import Memory

_RIGHT = Memory.elaborate


@contextmanager
def addresses_checked(*, tables: bool = True) -> Iterator[None]:
    """Let every memory elaborated meanwhile assert its addresses in simulation.

    Those of reads, and of writes whether they are enabled or not: a disabled write changes nothing, but
    CXXRTL stops at its address all the same.

    Parameters
    ----------
    tables : bool
        Of constant memories too. What a colliding read gives may address a word of a table that nobody uses.
    """

    def elaborate(self: Memory, platform: object) -> Module:
        m = Module()
        m.submodules.checked = _RIGHT(self, platform)
        # Synthesis has no cell for an assertion; what is simulated is the portable form.
        if platform is None and (tables or self.write_ports):
            for write in self.write_ports:
                m.d.sync += Assert(write.addr < self.depth, "write address beyond the memory")
            for read in self.read_ports:
                with m.If(read.en):
                    m.d.sync += Assert(read.addr < self.depth, "read address beyond the memory")
        return m

    with patch.object(Memory, "elaborate", elaborate):
        yield
