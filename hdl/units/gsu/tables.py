"""The weights of a Gated Spiking Unit as its mixers' memories hold them: blocks of lanes."""

import numpy as np
from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.memory import ReadPort

from hdl.primitives.memory import rom, rows_of_blocks
from quantize.layers.functions import TRIT_WIDTH
from quantize.layers.gsu import GatedProductSpec


def blocks_of(spec: GatedProductSpec, lanes: int) -> int:
    """Blocks of so many output channels.

    Raises
    ------
    ValueError
        If there are no lanes, or more than channels.
    """
    if not 1 <= lanes <= spec.channels:
        raise ValueError(f"a mixer of {spec.channels} channels has 1 to {spec.channels} lanes, not {lanes}")
    return -(-spec.channels // lanes)


def weight_words(spec: GatedProductSpec) -> np.ndarray:
    """The stored bits of the real weights, (H, H) from input to output channels."""
    return (spec.weight >> spec.idle_weight_bits) & ((1 << spec.stored_weight_width) - 1)


def trit_words(spec: GatedProductSpec) -> np.ndarray:
    """The ternary weights as two bits each, (H, H): not zero, and above it negative."""
    return (spec.table != 0) | (spec.table < 0) << 1


def memory_shapes(spec: GatedProductSpec, lanes: int) -> list[tuple[int, int]]:
    """Rows and bits of a row of the memories of real and of ternary weights."""
    depth = blocks_of(spec, lanes) * spec.channels
    return [(depth, lanes * spec.stored_weight_width), (depth, lanes * TRIT_WIDTH)]


def weight_memories(m: Module, spec: GatedProductSpec, lanes: int, comes: Value) -> tuple[ReadPort, ReadPort]:
    """The rows of real and of ternary weights, read one after the other.

    Parameters
    ----------
    m : Module
        Receives both memories.
    spec : GatedProductSpec
    lanes : int
    comes : Value
        The row that stands at the output is used, and the next one is to be read. That of the ternary weights
        stands there a cycle earlier.
    """
    (_, weight_bits), (_, trit_bits) = memory_shapes(spec, lanes)
    rows = rows_of_blocks(weight_words(spec), spec.stored_weight_width, lanes)
    weights = rom(m, "weights", rows, weight_bits)
    trits = rom(m, "trits", rows_of_blocks(trit_words(spec), TRIT_WIDTH, lanes), trit_bits)
    weight_row, next_row = Signal(range(len(rows))), Signal(range(len(rows)))
    following: Value = weight_row + comes
    if len(rows) & (len(rows) - 1):
        following = Mux(comes & (weight_row == len(rows) - 1), 0, following)
    m.d.comb += next_row.eq(following)
    m.d.sync += weight_row.eq(next_row)
    m.d.comb += [trits.addr.eq(next_row), weights.addr.eq(weight_row)]
    return weights, trits
