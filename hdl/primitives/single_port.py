"""A memory with one port: one word is written or read in a cycle."""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from hdl.primitives.memory import BUFFER_BITS

SPRAM_WORDS, SPRAM_WIDTH = 1 << 14, 16
"""Words of an SB_SPRAM256KA, and bits of each."""
SINGLE_PORT = "single_port"
"""Attribute of a memory that goes there where the part has such blocks."""


class SinglePortMemory(Component):
    """Unsigned words of unknown initial contents.

    `r_data` shows the word read in the cycle before; after a cycle with a write it means nothing.

    Parameters
    ----------
    depth, width : int
    spram : bool
        In single-port memories of the UP5K, each of up to 16,384 words of 16 bits; otherwise in whatever the
        synthesis takes.

    Members
    -------
    address : In(range(depth))
    write : In(1)
        Write `w_data`; otherwise read.
    w_data : In(width)
    r_data : Out(width)

    Raises
    ------
    ValueError
        If it is deeper than the UP5K's single-port memory.
    """

    def __init__(self, depth: int, width: int, *, spram: bool):
        if spram and depth > SPRAM_WORDS:
            raise ValueError(f"{depth} words do not fit a single-port memory of the UP5K")
        self.depth, self.width, self.spram = depth, width, spram
        super().__init__(
            {"address": In(range(depth)), "write": In(1), "w_data": In(width), "r_data": Out(width)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if self.spram:
            for place in range(0, self.width, SPRAM_WIDTH):
                self._block(m, place)
        else:
            style = "block" if self.depth * self.width >= BUFFER_BITS else "logic"
            attributes = {"ram_style": style, SINGLE_PORT: 1}
            m.submodules.memory = memory = Memory(
                shape=self.width, depth=max(self.depth, 2), init=[], attrs=attributes
            )
            write, read = memory.write_port(), memory.read_port()
            m.d.comb += [
                write.addr.eq(self.address),
                write.data.eq(self.w_data),
                write.en.eq(self.write),
                read.addr.eq(self.address),
                read.en.eq(~self.write),
                self.r_data.eq(read.data),
            ]
        return m

    def _block(self, m: Module, place: int) -> None:
        """An SB_SPRAM256KA for the bits of a word from `place` on."""
        word = Signal(SPRAM_WIDTH, name=f"word_{place}")
        written = self.w_data[place:][:SPRAM_WIDTH]
        m.submodules[f"memory_{place}"] = Instance(
            "SB_SPRAM256KA",
            i_CLOCK=ClockSignal(),
            i_ADDRESS=Cat(self.address, Const(0, 14 - len(self.address))),
            i_DATAIN=Cat(written, Const(0, SPRAM_WIDTH - len(written))),
            i_MASKWREN=Const(0b1111, 4),
            i_WREN=self.write,
            i_CHIPSELECT=Const(1, 1),
            i_STANDBY=Const(0, 1),
            i_SLEEP=Const(0, 1),
            i_POWEROFF=Const(1, 1),  # low switches it off
            o_DATAOUT=word,
        )
        m.d.comb += self.r_data[place:][: len(written)].eq(word)
