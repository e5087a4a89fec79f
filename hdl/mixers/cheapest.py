"""Which build of a mixer is the cheapest for the cycles that there are.

The estimates follow from the builds' structure; their few constants are fitted to synthesised mixers of 24 to
64 inputs and outputs (`benchmarks/mixers.py` compares them with synthesis again).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from itertools import product as pairs
from typing import Literal

import numpy as np

from hdl.devices.costs import CHOOSER
from hdl.devices.family import Family
from hdl.devices.memories import BUFFER_BITS, MemoryNeed
from hdl.devices.resources import Resources
from hdl.mixers.event import TernaryEventMixer
from hdl.mixers.parallel import ParallelMixer
from hdl.mixers.pipeline import register_bits
from hdl.mixers.serial import SerialMixer
from hdl.mixers.table import TableMixer
from hdl.mixers.trits import TRITS, UNPACKING
from hdl.primitives.blocks import block_sizes
from hdl.primitives.drafts import drafts
from hdl.primitives.memory import in_blocks
from hdl.primitives.selection import NEAR
from quantize.errors import StatespikeError
from quantize.mixing import AdderGraph, TernaryProduct

Build = Literal["parallel", "serial", "table", "event"]

# Look-up tables a bit of constant and of written memory in logic.
ROM_WEIGHT = 0.13
BUFFER_WEIGHT = 1.5
# An event mixer's lists and walks; what a table mixer needs to come back to a sum.
EVENT_CONTROL = 80
RETURN_CONTROL = 10
# The signs of an adder in a table mixer's tree, made of those of its operands.
SIGN = 3


@dataclass(frozen=True)
class MixerBuild:
    """One way to build a mixer.

    Parameters
    ----------
    build : "parallel", "serial", "table" or "event"
    lanes : int or None
        Of table and event.
    cycles : int
        From one product to the next.
    estimate : Resources
    packed : bool
        A table whose trits are five to a byte.
    split_rows : bool
        An event mixer with two rows for an input, see `hdl.mixers.event`.
    """

    build: Build
    lanes: int | None
    cycles: int
    estimate: Resources
    packed: bool = False
    split_rows: bool = False

    @property
    def name(self) -> str:
        """Build and lanes, in words."""
        lanes = "" if self.lanes is None else f", {self.lanes} lanes"
        form = ", packed" if self.packed else ", split rows" if self.split_rows else ""
        return f"{self.build}{lanes}{form}"

    @property
    def wide_tables(self) -> bool:
        """How it is synthesised best, see `hdl.toolchain.synthesise`: full adders have few inputs."""
        return self.build != "serial"

    def component(
        self, graph: AdderGraph, family: Family
    ) -> ParallelMixer | SerialMixer | TableMixer | TernaryEventMixer:
        """The mixer. Parallel and serial ones take and give vectors (see `hdl.mixers.burst`)."""
        if self.build == "parallel":
            return ParallelMixer(graph, complements=family.costs.free_complements)
        if self.build == "serial":
            return SerialMixer(graph)
        return self.folded(graph.product)

    def folded(self, product: TernaryProduct) -> TableMixer | TernaryEventMixer:
        """The mixer of a build with lanes, which needs no graph.

        Raises
        ------
        ValueError
            If it has none.
        """
        if self.lanes is None:
            raise ValueError(f"a {self.build} mixer is made of an adder graph")
        if self.build == "table":
            return TableMixer(product, self.lanes, packed=self.packed)
        return TernaryEventMixer(product, self.lanes, split_rows=self.split_rows)


def cheapest(choices: Sequence[MixerBuild], cycles: int, block_worth: float = 0.0) -> MixerBuild:
    """The choice of fewest look-up tables that takes at most so many cycles a product; of equals the fastest.

    Parameters
    ----------
    choices : sequence of MixerBuild
    cycles : int
    block_worth : float
        Look-up tables that a memory block counts for, where those are scarce.

    Raises
    ------
    StatespikeError
        If none is that fast.
    """
    fast_enough = [build for build in choices if build.cycles <= cycles]
    if not fast_enough:
        raise StatespikeError(
            f"no mixer takes {cycles} cycles a product; the fastest takes {min(c.cycles for c in choices)}"
        )

    def cost(build: MixerBuild) -> tuple[float, int, int]:
        found = build.estimate
        return found.lut + block_worth * found.bram, build.cycles, found.ff

    return min(fast_enough, key=cost)


def mixer_builds(graph: AdderGraph, family: Family, activity: float = 1.0) -> list[MixerBuild]:
    """All ways to build a mixer that are worth considering.

    Parameters
    ----------
    graph : AdderGraph
    family : Family
    activity : float
        Share of the inputs that are not zero, which an event mixer's cycles follow. Its promise is only kept
        with 1, the worst case.
    """
    return [*graph_builds(graph, family), *folded_builds(graph.product, family, activity)]


def graph_builds(graph: AdderGraph, family: Family) -> list[MixerBuild]:
    """The builds that take and give whole vectors: an adder, or a full adder, for each node."""
    with drafts():
        parallel = ParallelMixer(graph, complements=family.costs.free_complements)
        serial = SerialMixer(graph)
        return [
            MixerBuild("parallel", None, parallel.cycles_per_product, _parallel(parallel, family)),
            MixerBuild("serial", None, serial.cycles_per_product, _serial(serial, family)),
        ]


def folded_builds(product: TernaryProduct, family: Family, activity: float = 1.0) -> list[MixerBuild]:
    """The builds that work on some inputs or outputs at a time; see `mixer_builds`."""
    with drafts():
        return [*_tables(product, family), *_events(product, family, activity)]


def _tables(product: TernaryProduct, family: Family) -> Iterator[MixerBuild]:
    for lanes in block_sizes(product.inputs):
        table = TableMixer(product, lanes)
        plain = MixerBuild("table", lanes, table.cycles_per_product, _table(table, family))
        yield plain
        estimate = _table(TableMixer(product, lanes, packed=True), family)
        if estimate.bram < plain.estimate.bram:
            yield replace(plain, estimate=estimate, packed=True)


def _events(product: TernaryProduct, family: Family, activity: float) -> Iterator[MixerBuild]:
    # Where a trit takes no look-up table there is nothing to gain by split rows.
    forms = [False] if family.costs.trit_in_adder else [False, True]
    for lanes, split_rows in pairs(block_sizes(product.outputs), forms):
        event = TernaryEventMixer(product, lanes, split_rows=split_rows)
        cycles = max(event.cycles(round(activity * product.inputs)), product.inputs)
        yield MixerBuild("event", lanes, cycles, _event(event, family), split_rows=split_rows)


def _parallel(mixer: ParallelMixer, family: Family) -> Resources:
    graph = mixer.graph
    lut = graph.adder_bits + (graph.inverter_bits if mixer.complements else 0)
    return _estimate(lut, register_bits(graph, mixer.schedule, graph.widths), [], family)


def _serial(mixer: SerialMixer, family: Family) -> Resources:
    """Sum and carry of each adder, and the multiplexers that load the inputs' words."""
    graph, product = mixer.graph, mixer.graph.product
    words = product.inputs * product.input_width
    lut = 2 * graph.adders + words
    carried = register_bits(graph, mixer.schedule, np.ones_like(graph.widths))
    return _estimate(lut, graph.adders + words + carried + product.outputs * product.sum_width, [], family)


def _table(mixer: TableMixer, family: Family) -> Resources:
    """The tree and what inverts its operands, the last adder and what waits for it, counters."""
    product, lanes, width = mixer.product, mixer.lanes, mixer.product.sum_width
    rows = mixer.blocks * product.outputs
    tree = list(chain.from_iterable(mixer.tree.adder_widths(product.input_width)))
    costs = family.costs
    lut: float = sum(costs.adder(adder + costs.carry_in) for adder in [*tree, width])
    lut += max(1, lanes // 2) * product.input_width + (width + RETURN_CONTROL if mixer.blocks > 1 else 0)
    lut += 0 if costs.free_complements else sum(tree) / 2
    lut += costs.counter * sum(count.bit_length() for count in (rows, product.outputs, lanes))
    ff = 3 * lanes * product.input_width + sum(tree) + 2 * lanes + width
    ff += mixer.row_latency * (4 if mixer.blocks == 1 else 5 + product.outputs.bit_length())
    if mixer.packed:
        lut += UNPACKING * (lanes // TRITS) + SIGN * (lanes - 1)
    memories = [MemoryNeed(rows, mixer.row_width, in_blocks(rows, mixer.row_width), written=False)]
    if mixer.blocks > 1:
        memories.append(_buffer(product.outputs, width))
    return _estimate(lut, ff, memories, family)


def _event(mixer: TernaryEventMixer, family: Family) -> Resources:
    """Accumulator, term and place among those that are chosen from of each lane, and the walks."""
    product, lanes, width = mixer.product, mixer.lanes, mixer.product.sum_width
    costs = family.costs
    lane = costs.adder(width + 1) if mixer.split_rows else costs.trit_adder(width, product.input_width)
    build = CHOOSER * width
    rows = mixer.blocks * product.inputs * mixer.rows_of_event
    row = lanes * mixer.weight_width
    table = MemoryNeed(rows, row, in_blocks(rows, row), written=False)
    events = _buffer(2 * product.inputs, product.inputs.bit_length() + product.input_width)
    ff = lanes * (2 * width + 1) + width * lanes / NEAR + EVENT_CONTROL
    return _estimate(lanes * (lane + build) + EVENT_CONTROL, ff, [table, events], family)


def _buffer(depth: int, width: int) -> MemoryNeed:
    return MemoryNeed(depth, width, depth * width >= BUFFER_BITS, written=True)


def _estimate(lut: float, ff: float, memories: Sequence[MemoryNeed], family: Family) -> Resources:
    """The sum with what memories in logic take."""
    for memory in memories:
        if not memory.block:
            bits = memory.depth * memory.width
            lut += (BUFFER_WEIGHT if memory.written else ROM_WEIGHT) * bits
            ff += memory.width + (bits if memory.written else 0)
    return Resources(
        lut=round(lut), ff=round(ff), bram=sum(memory.blocks(family) for memory in memories), spram=0, dsp=0
    )
