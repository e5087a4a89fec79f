"""Memories: constant tables, and two-bank buffers that hold one step while the next arrives."""

from collections.abc import Iterable, Sequence

import numpy as np
from amaranth.hdl import Module, signed, unsigned
from amaranth.lib.memory import Memory, ReadPort, WritePort

from hdl.devices.memories import BUFFER_BITS
from hdl.primitives.fast_contents import set_words
from hdl.primitives.loaded_memory import loaded_memory
from hdl.primitives.reload import loaded_table
from quantize.formats import Integers

# A table this small costs fewer look-up tables than the share of a memory block it would occupy.
LOGIC_BITS = 2048
# More rows than these are so many look-up tables deep that they hold the clock.
LOGIC_ROWS = 64
# A constant table of so many rows is one look-up table a bit; a deeper one's bits arrive late in their cycle.
LOOK_UP_ROWS = 16
# A memory in look-up tables is 16 words deep; more of them need multiplexers.
DISTRIBUTED_DEPTH = 64


def words_of(values: Iterable[int], width: int) -> list[int]:
    """Two's complement words as the unsigned integers a memory is initialised with."""
    return [int(value) & ((1 << width) - 1) for value in values]


def in_blocks(rows: int, width: int) -> bool:
    """Whether a constant memory of this size goes into memory blocks rather than into logic."""
    return rows > LOGIC_ROWS or rows * width > LOGIC_BITS


def rom(
    m: Module, name: str, rows: Sequence[int], width: int, *, block: bool | None = None, fixed: bool = False
) -> ReadPort:
    """A constant memory with one synchronous read port, added to `m`.

    Where tables are collected (`hdl.primitives.reload`) it can be loaded with others.

    Parameters
    ----------
    rows : unsigned words
    block : bool, optional
        In memory blocks or in logic; by its size if not given.
    fixed : bool
        The same for all networks: never loaded.

    Raises
    ------
    ValueError
        If a row has more bits than the width.
    """
    if block is None:
        block = in_blocks(len(rows), width)
    words = [int(row) for row in rows]
    if words and (min(words) < 0 or max(words) >> width):
        raise ValueError(f"words from {min(words)} to {max(words)} do not fit {width} bits")
    if not fixed:
        loaded = loaded_table(name, words, width, "block" if block else _written_style(len(words) * width))
        if loaded is not None:
            return loaded_memory(m, loaded)
    style = {"rom_style": "block" if block else "logic"}
    memory = Memory(shape=unsigned(width), depth=max(len(rows), 2), init=[], attrs=style)
    set_words(memory, words)
    m.submodules[name] = memory
    return memory.read_port()


def _written_style(bits: int) -> str:
    """Where a table that is small enough for logic goes if it can be loaded; see `ram`."""
    return "distributed" if bits >= BUFFER_BITS else "logic"


def ram(
    m: Module, name: str, depth: int, width: int, *, quick: bool = False, init: Sequence[int] = ()
) -> tuple[WritePort, ReadPort]:
    """A memory of signed words with one write port and one synchronous read port, added to `m`.

    Parameters
    ----------
    quick : bool
        In look-up tables if it is shallow: what they read is there within a nanosecond of the clock, a memory
        block needs six. The iCE40 cannot write look-up tables; synthesis takes a block there.
    init : sequence of int
        The first words' contents at the start.

    What a read gives of the address written in the same cycle is not defined in gates, so nothing may use it:
    the logic that would define it costs 40 flip-flops and 28 look-up tables a memory.
    """
    depth = max(depth, 2)
    style = "block" if depth * width >= BUFFER_BITS else "logic"
    if quick and depth <= DISTRIBUTED_DEPTH:
        style = "distributed"
    memory = Memory(
        shape=signed(width), depth=depth, init=[int(word) for word in init], attrs={"ram_style": style}
    )
    m.submodules[name] = memory
    return memory.write_port(), memory.read_port()


def concatenate(fields: Sequence[tuple[int, int]]) -> int:
    """Pack (value, width) pairs into one word, the first in the low bits."""
    word, position = 0, 0
    for value, width in fields:
        word |= (int(value) & ((1 << width) - 1)) << position
        position += width
    return word


def rows_of_blocks(words: Integers, width: int, lanes: int) -> list[int]:
    """The rows of a matrix (inputs, outputs) as a memory's contents, in blocks of so many outputs.

    Block by block, a row for each input, a word of `width` bits for each lane; the last block's row may have
    fewer.
    """
    bits = (words[:, :, None] >> np.arange(width) & 1).astype(np.uint8)
    rows = []
    for start in range(0, words.shape[1], lanes):
        block = bits[:, start : start + lanes]
        packed = np.packbits(block.reshape(len(block), -1), axis=1, bitorder="little")
        size, content = packed.shape[1], packed.tobytes()
        rows += [
            int.from_bytes(content[place : place + size], "little") for place in range(0, len(content), size)
        ]
    return rows
