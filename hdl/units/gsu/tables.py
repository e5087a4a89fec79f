"""The weights of a Gated Spiking Unit as its mixers' memories hold them: blocks of lanes."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.memory import ReadPort

from hdl.primitives.memory import rom, rows_of_blocks
from quantize.formats import OPERAND_WIDTH, Integers, stored_width, trailing_zeros
from quantize.layers.functions import TRIT_WIDTH
from quantize.layers.gsu import GatedProductSpec


class GateWidths(Protocol):
    """What the sums of a mixer need to know of its tables; a `GatedProductSpec` knows it of its own."""

    @property
    def gate_width(self) -> int: ...

    @property
    def bias_path_width(self) -> int: ...

    @property
    def idle_weight_bits(self) -> int: ...

    @property
    def stored_weight_width(self) -> int: ...


@dataclass(frozen=True)
class LayerTables:
    """The tables of the layers that one mixer serves in turn, behind each other: `GateWidths` of them all.

    Real weights and biases go up to the finest scale of all layers, which is exact and takes wider words.

    Parameters
    ----------
    specs : tuple of GatedProductSpec
        Equal in all that a datapath is built for, see `quantize.specification.Specification.built_for`.
    """

    specs: tuple[GatedProductSpec, ...]

    @property
    def finest(self) -> GatedProductSpec:
        """The layer whose weights have the finest scale."""
        return max(self.specs, key=lambda spec: spec.weight_fraction)

    @property
    def gate_width(self) -> int:
        return max(spec.gate_width for spec in self.specs)

    @property
    def bias_path_width(self) -> int:
        return OPERAND_WIDTH if self.any_contents else self.own_bias_path_width

    @property
    def own_bias_path_width(self) -> int:
        """Bits of p with these tables; no network is served whose p is no operand of the product."""
        return max(spec.own_bias_path_width + up for spec, up in self._aligned)

    @property
    def any_contents(self) -> bool:
        """See `quantize.specification.Specification.any_contents`."""
        return self.finest.any_contents

    @cached_property
    def idle_weight_bits(self) -> int:
        return 0 if self.any_contents else trailing_zeros(np.stack(self._weights))

    @cached_property
    def stored_weight_width(self) -> int:
        if self.any_contents:
            return max(spec.stored_weight_width + up for spec, up in self._aligned)
        return stored_width(np.stack(self._weights))

    @property
    def bias(self) -> Integers:
        """(layers * H,)"""
        return np.concatenate([spec.bias << up for spec, up in self._aligned])

    def weight_rows(self, lanes: int) -> list[int]:
        """Rows of real weights, layer by layer; see `rows_of_blocks`."""
        width, idle = self.stored_weight_width, self.idle_weight_bits
        words = (weight >> idle & ((1 << width) - 1) for weight in self._weights)
        return [row for each in words for row in rows_of_blocks(each, width, lanes)]

    def trit_rows(self, lanes: int) -> list[int]:
        """Rows of ternary weights, layer by layer; see `rows_of_blocks`."""
        return [row for spec in self.specs for row in rows_of_blocks(trit_words(spec), TRIT_WIDTH, lanes)]

    @property
    def _aligned(self) -> list[tuple[GatedProductSpec, int]]:
        """Each layer, and how far its real words go up."""
        return [(spec, self.finest.weight_fraction - spec.weight_fraction) for spec in self.specs]

    @cached_property
    def _weights(self) -> list[Integers]:
        return [spec.weight << up for spec, up in self._aligned]


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


def weight_memories(m: Module, tables: LayerTables, lanes: int, comes: Value) -> tuple[ReadPort, ReadPort]:
    """The rows of real and of ternary weights, read one after the other.

    Parameters
    ----------
    m : Module
        Receives both memories.
    tables : LayerTables
    lanes : int
    comes : Value
        The row that stands at the output is used, and the next one is to be read. That of the ternary weights
        stands there a cycle earlier.
    """
    rows = tables.weight_rows(lanes)
    weights = rom(m, "weights", rows, lanes * tables.stored_weight_width)
    trits = rom(m, "trits", tables.trit_rows(lanes), lanes * TRIT_WIDTH)
    weight_row, next_row = Signal(range(len(rows))), Signal(range(len(rows)))
    following: Value = weight_row + comes
    if len(rows) & (len(rows) - 1):
        following = Mux(comes & (weight_row == len(rows) - 1), 0, following)
    m.d.comb += next_row.eq(following)
    m.d.sync += weight_row.eq(next_row)
    m.d.comb += [trits.addr.eq(next_row), weights.addr.eq(weight_row)]
    return weights, trits
