"""A residual block in gates: `x + unit(array(x))` and perhaps a norm, all of it busy with different steps."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.network.folding import LayerFolding
from hdl.network.kinds import ARRAYS, make_unit
from hdl.network.residual_fifo import ResidualFifo, ResidualFork
from hdl.norm.block_norm import BlockNorm, StreamedBlockNorm
from hdl.primitives.clips import LayerClips, tell_clip
from hdl.primitives.component import Component
from hdl.primitives.fifo import RegisterFifo
from hdl.primitives.fixed import saturate
from hdl.primitives.streams import Beat, Tap, beats, marks_of
from hdl.units.gsu.unit import StreamedGsu, StreamedLeanGsu
from hdl.units.unit import Unit
from quantize.block import Block
from quantize.layers.norm import LayerNormSpec

# Steps between a block's input and its residual add at full speed: one in the array, two in each pair of
# banks of the unit, one being written. A norm has a pair of banks.
STEPS_IN_FLIGHT = 6
STEPS_IN_NORM = 2


class LayerBlock(Component):
    """The frame of what a network has between its two ends: a block of one layer, or one of several in turn.

    Attributes
    ----------
    layers : int
        How many it computes.
    multipliers, cycles_per_step, least_cycles_per_step, latency_cycles : int
        As of any component.
    paces : dict of str to int
        Cycles a step of its parts.

    Members
    -------
    i, o : streams of Beat, in the residual format
    """

    layers: int

    @property
    @abstractmethod
    def multipliers(self) -> int: ...

    @property
    @abstractmethod
    def cycles_per_step(self) -> int: ...

    @property
    @abstractmethod
    def least_cycles_per_step(self) -> int: ...

    @property
    @abstractmethod
    def latency_cycles(self) -> int: ...

    @property
    @abstractmethod
    def paces(self) -> dict[str, int]: ...

    @property
    @abstractmethod
    def residual(self) -> "ResidualBlock":
        """Where its array and its unit are."""

    @abstractmethod
    def path_at(self, layer: int) -> str:
        """Where `residual` is in the network if its first layer is this one; the first name is its own."""

    @abstractmethod
    def taps_at(self, layer: int) -> dict[str, Any]:
        """Ports of values by their names in `quantize.trace.Trace`, but for what leaves at `o`."""


class ResidualBlock(LayerBlock):
    """One layer of a network.

    Parameters
    ----------
    block : quantize.network.Block
    folding : LayerFolding
    streamed : bool
        Every part in the build that takes a channel a cycle, where it has one.
    target : DeviceFeatures
    taken_in : int
        Cycles in which what follows takes a beat.
    others : sequence of quantize.network.Block
        Layers that it serves in turn behind `block`, in the same formats: a step then has the channels of all
        of them, layer after layer.

    Members
    -------
    i, o : streams of Beat, in the residual format
    tap_norm : Out(Tap), what a norm before the array gives; only with one
    tap_array : Out(Tap), y
    """

    def __init__(
        self,
        block: Block,
        folding: LayerFolding,
        *,
        streamed: bool = False,
        target: DeviceFeatures = MULTIPLIER_BLOCKS,
        taken_in: int = 1,
        others: Sequence[Block] = (),
    ):
        array = block.array.followed_by([other.array for other in others]) if others else block.array
        self.block, self.streamed, self.taken_in = block, streamed, taken_in
        self.channels = array.channels
        stream, channels = block.unit.output, array.channels

        def norm(spec: LayerNormSpec | None) -> BlockNorm | StreamedBlockNorm | None:
            if spec is None:
                return None
            return StreamedBlockNorm(spec, folding.norm_multipliers) if streamed else BlockNorm(spec, target)

        self.norm_before, self.norm_after = norm(block.norm_before), norm(block.norm_after)
        self.unit = make_unit(
            block.unit, folding.lanes, streamed=streamed, sequential=folding.sequential,
            norm_multipliers=folding.norm_multipliers, target=target, others=[other.unit for other in others],
        )  # fmt: skip
        kind = ARRAYS[block.array.kind]
        self.array = kind.make(array, folding.array, streamed=streamed, target=target, held=self.unit.holds)
        self.ring: ResidualFifo | ResidualFork
        if streamed:
            in_flight = self._steps_in_flight()
            self.ring = ResidualFork(stream.width, channels, in_flight)
        elif others:
            # A step of two layers and more is under way, and its next layer comes as values leave.
            self.ring = ResidualFifo(stream.width, channels, 1)
        else:
            in_flight = STEPS_IN_FLIGHT + (0 if self.norm_before is None else STEPS_IN_NORM)
            self.ring = ResidualFifo(stream.width, channels, in_flight)
        members = {
            "i": In(beats(stream.width)),
            "o": Out(beats(stream.width)),
            "tap_array": Out(Tap(block.array.output.width)),
        }
        if block.norm_before is not None:
            members["tap_norm"] = Out(Tap(block.norm_before.output.width))
        super().__init__(members)

    layers = 1

    @property
    def residual(self) -> "ResidualBlock":
        """See `LayerBlock`."""
        return self

    def path_at(self, layer: int) -> str:
        """See `LayerBlock`."""
        return f"layer_{layer}"

    def taps_at(self, layer: int) -> dict[str, Any]:
        """See `LayerBlock`."""
        taps = {f"array_{layer}": self.tap_array}
        return taps if self.norm_before is None else taps | {f"norm_{layer}": self.tap_norm}

    clips: LayerClips | None = None
    """Where it tells the values that it clips."""

    def watch(self, clips: LayerClips) -> None:
        """Tell the values that it and its array clip from now on."""
        self.clips = clips
        self.array.watch(clips)

    # Cycles from a sum until it can leave.
    SUM_LATENCY = 1

    @property
    def _banked(self) -> list[Unit | BlockNorm | StreamedBlockNorm]:
        """Components that collect a step before they work on it."""
        return [self.unit, *(norm for norm in (self.norm_before, self.norm_after) if norm is not None)]

    @property
    def multipliers(self) -> int:
        return sum(part.multipliers for part in (self.array, *self._banked))

    @property
    def cycles_per_step(self) -> int:
        """In the steady state; the worst case where they follow the data."""
        return max(self._ring_cycles, *self.paces.values())

    @property
    def least_cycles_per_step(self) -> int:
        """In the steady state, whatever the data."""
        fixed = max(self._ring_cycles, self.array.cycles_per_step)
        return max(fixed, *(part.least_cycles_per_step for part in self._banked))

    @property
    def unit_taken_in(self) -> int:
        """Cycles in which one of the unit's outputs is taken: what a residual is added to leaves with it."""
        behind_sum = self.taken_in if self.norm_after is None else self.norm_after.arrival_cycles
        return max(self.ring.cycles_per_beat, behind_sum)

    @property
    def _ring_cycles(self) -> int:
        return self.ring.cycles_per_beat * self.channels

    @property
    def paces(self) -> dict[str, int]:
        """Cycles a step of each component, its outputs taken as fast as what follows it takes them."""
        unit = self.unit.cycles_taken_in(self.unit_taken_in)
        if unit > self.unit.cycles_per_step and self.unit_taken_in == self.ring.cycles_per_beat:
            unit += self.ring.contention
        found = {"array": self.array.cycles_per_step, "unit": unit}
        if self.norm_before is not None:
            found["norm_before"] = self.norm_before.cycles_taken_in(self.array.cycles_per_channel)
        if self.norm_after is not None:
            found["norm_after"] = self.norm_after.cycles_taken_in(self.taken_in)
        return found

    def _steps_in_flight(self) -> int:
        """Steps in a streamed block at full speed; one more is written, one more is not yet whole.

        What collects a step before it works on it gives its last value two steps later.
        """
        pace = max(part.cycles_per_step for part in (self.array, *self._banked))
        cycles = self.array.latency_cycles
        for part in self._banked:
            streamed = isinstance(part, StreamedGsu | StreamedLeanGsu | StreamedBlockNorm)
            cycles += part.latency_taken_in(1) if streamed else 2 * part.cycles_per_step
        return 2 + cycles // pace

    @property
    def latency_cycles(self) -> int:
        """Most cycles from a step's last beat to that of its output, when nothing else is under way.

        All beats may have come at once. The ring gives them as fast as the array takes them, or slower.
        """
        ring, array, channels = self.ring, self.array, self.channels
        through_ring = ring.latency + channels * max(0, ring.cycles_per_beat - array.cycles_per_channel)
        before = 0 if self.norm_before is None else self.norm_before.latency_taken_in(1)
        taken_in = self.unit_taken_in
        summed = self.SUM_LATENCY + ring.cycles_per_beat
        after = 0 if self.norm_after is None else self.norm_after.latency_taken_in(self.taken_in)
        unit = self.unit.latency_taken_in(taken_in)
        return through_ring + before + array.latency_cycles + unit + summed + after

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.ring, m.submodules.array, m.submodules.unit = ring, array, unit = (
            self.ring,
            self.array,
            self.unit,
        )
        wiring.connect(m, wiring.flipped(self.i), ring.i)
        given = ring.o
        if self.norm_before is not None:
            m.submodules.norm_before = self.norm_before
            wiring.connect(m, ring.o, self.norm_before.i)
            given = self.norm_before.o
            m.d.comb += [
                self.tap_norm.valid.eq(given.valid & given.ready),
                self.tap_norm.value.eq(given.payload.value),
            ]
        wiring.connect(m, given, array.i)
        wiring.connect(m, array.o, unit.i)
        # A register behind the sum keeps a unit's last stage and the next component's first one apart; with
        # two a beat passes in every cycle. At a streamed block's clock the sum is clipped behind them.
        total = exact = unit.o.payload.value + ring.o_residual.payload
        if not self.streamed:
            total = saturate(total, ring.width)
        m.submodules.sums = sums = RegisterFifo(Beat(len(total)), 1 + self.streamed)
        out = beats(ring.width).create()
        m.d.comb += [
            out.valid.eq(sums.o.valid),
            sums.o.ready.eq(out.ready),
            marks_of(out.payload).eq(marks_of(sums.o.payload)),
            out.payload.value.eq(saturate(sums.o.payload.value, ring.width)),
        ]
        if self.norm_after is not None:
            m.submodules.norm_after = self.norm_after
            wiring.connect(m, out, self.norm_after.i)
            out = self.norm_after.o
        wiring.connect(m, out, wiring.flipped(self.o))
        m.d.comb += [
            sums.i.valid.eq(unit.o.valid & ring.o_residual.valid),
            marks_of(sums.i.payload).eq(marks_of(unit.o.payload)),
            sums.i.payload.value.eq(total),
            unit.o.ready.eq(sums.i.ready & ring.o_residual.valid),
            ring.o_residual.ready.eq(sums.i.ready & unit.o.valid),
            self.tap_array.valid.eq(array.o.valid & array.o.ready),
            self.tap_array.value.eq(array.o.payload.value),
        ]
        if self.clips is not None:
            tell_clip(m, self.clips.sums, sums.i.valid & sums.i.ready, exact, ring.width)
        return m
