"""The folded build: one residual block that all layers go through in turn."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.network.block import LayerBlock, ResidualBlock
from hdl.network.folding import LayerFolding
from hdl.network.kinds import UNITS
from hdl.primitives.counters import wrapped_next
from hdl.primitives.streams import Tap, beats, marks_of
from hdl.ssm.issue import START_LATENCY
from hdl.units.unit import LayeredUnit
from quantize.network import Block, QuantizedNetwork
from quantize.shared import difference


def obstacle(network: QuantizedNetwork) -> str | None:
    """Why one block cannot serve all layers of a network, in words; None if it can."""
    blocks = network.blocks
    if len(blocks) < 2:
        return "it has one layer"
    if any(block.norm is not None for block in blocks):
        return "its blocks have layer norms"
    kind = blocks[0].unit.kind
    component = UNITS[kind].component
    if not issubclass(component, LayeredUnit):
        return f"a unit of the kind {kind} serves one layer"
    differs = difference(network)
    if differs is not None:
        return f"{differs}; quantise it with shared formats"
    return component.obstacle([block.unit for block in blocks])


class LayerLoop(LayerBlock):
    """One `ResidualBlock` for all layers: what leaves it as an inner layer's output enters it again.

        i ──▶ ╲
               ▶── block: ring, array, unit, residual add ──┬──▶ o   (the last layer's)
        ┌───▶ ╱                                             │
        └────────────────── the other layers' ──────────────┘

    A step goes through layer after layer, and then the next one comes. To the array a step is one of all
    layers' channels, so its tables and states stand behind each other in the same memories, and depth costs
    memory and time. Values are passed on one by one: while the unit gives a layer's outputs, the array works
    on the next layer, and on the next step while it gives the last layer's.

    Nothing here can block: a step's beats enter layer by layer, so what waits for a place in the ring
    waits for beats that came before.

    Parameters
    ----------
    blocks : sequence of quantize.network.Block
        Two or more, in the same formats (`quantize.shared.difference`), without norms of their own.
    folding : LayerFolding
    target : DeviceFeatures
    taken_in : int
        Cycles in which what follows takes a beat.
    taps : bool
        Ports that show every layer's values to a simulation.

    Members
    -------
    i, o : streams of Beat, in the residual format
    tap_array_0, tap_layer_0, tap_array_1, ... : Out(Tap), with `taps`
        But for what the last layer gives, which leaves at `o`.
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        folding: LayerFolding,
        *,
        target: DeviceFeatures = MULTIPLIER_BLOCKS,
        taken_in: int = 1,
        taps: bool = False,
    ):
        first, *others = blocks
        self.layers, self.channels, self.taps = len(blocks), first.array.channels, taps
        self.block = ResidualBlock(first, folding, target=target, taken_in=taken_in, others=others)
        width = first.unit.output.width
        members = {"i": In(beats(width)), "o": Out(beats(width))}
        if taps:
            for layer in range(self.layers):
                members[f"tap_array_{layer}"] = Out(Tap(first.array.output.width))
            for layer in range(self.layers - 1):
                members[f"tap_layer_{layer}"] = Out(Tap(width))
        super().__init__(members)

    @property
    def multipliers(self) -> int:
        return self.block.multipliers

    @property
    def unit(self) -> LayeredUnit:
        """Of all layers."""
        unit = self.block.unit
        assert isinstance(unit, LayeredUnit)  # see `obstacle`
        return unit

    @property
    def cycles_per_step(self) -> int:
        """In the steady state: the next step's first layer, and then layer after layer; the worst case."""
        taken_in = self.block.unit_taken_in
        return self._cycles(self.unit.cycles_taken_in(taken_in), self.unit.output_delays(taken_in))

    @property
    def least_cycles_per_step(self) -> int:
        """In the steady state, whatever the data."""
        taken_in = self.block.unit_taken_in
        least = max(self.unit.least_cycles_per_step, taken_in * self.channels)
        return self._cycles(least, self.unit.least_output_delays(taken_in))

    def _cycles(self, unit_cycles: int, delays: Sequence[int]) -> int:
        """A step's cycles, with those of the unit and the delays of its outputs."""
        array = self.block.array
        inner = (self.layers - 1) * self.channels * array.cycles_per_channel
        first = max(array.cycles_per_step - inner, unit_cycles)
        return first + (self.layers - 1) * self._cycles_to_next_layer(delays)

    def _cycles_to_next_layer(self, delays: Sequence[int]) -> int:
        """Cycles from a layer's last y to that of the next one, which begins with the first output."""
        block, pace = self.block, self.block.array.cycles_per_channel
        way = block.SUM_LATENCY + block.ring.latency + START_LATENCY
        # From the issue of a channel's last slot until its y is taken.
        tail = block.array.latency_cycles - block.channels * pace - START_LATENCY
        # The array is free when it has issued the last slot of the layer before.
        begun = -tail + 1 - pace
        for delay in delays:
            begun = max(begun + pace, delay + way)
        return begun + pace + tail

    @property
    def latency_cycles(self) -> int:
        """Most cycles from a step's last beat to that of its output, when nothing else is under way."""
        pace = max(self.block.array.cycles_per_channel, self.block.ring.cycles_per_beat)
        inner = self.layers - 1
        to_next = self._cycles_to_next_layer(self.unit.output_delays(self.block.unit_taken_in))
        return self.block.latency_cycles - inner * self.channels * pace + inner * to_next

    @property
    def paces(self) -> dict[str, int]:
        """Cycles a step of each component, in all its layers."""
        unit = self.layers * self.block.unit.cycles_taken_in(self.block.unit_taken_in)
        return {"array": self.block.array.cycles_per_step, "unit": unit}

    @property
    def residual(self) -> ResidualBlock:
        """See `LayerBlock`."""
        return self.block

    def path_at(self, layer: int) -> str:
        """See `LayerBlock`."""
        return "layers.block"

    def taps_at(self, layer: int) -> dict[str, Any]:
        """See `LayerBlock`."""
        arrays = {f"array_{layer + each}": f"tap_array_{each}" for each in range(self.layers)}
        inner = {f"layer_{layer + each}": f"tap_layer_{each}" for each in range(self.layers - 1)}
        return {name: getattr(self, port) for name, port in (arrays | inner).items()}

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.block = block = self.block
        channels, beats_of_step = self.channels, self.channels * self.layers
        entering, leaving = (Signal(range(beats_of_step), name=name) for name in ("entering", "leaving"))
        comes, ends = Signal(), Signal()
        m.d.comb += [
            comes.eq(entering < channels),
            ends.eq(leaving >= beats_of_step - channels),
            block.i.valid.eq(Mux(comes, self.i.valid, block.o.valid & ~ends)),
            # An inner layer's marks are those that its step came with; the ring has kept them.
            marks_of(block.i.payload).eq(marks_of(self.i.payload)),
            block.i.payload.value.eq(Mux(comes, self.i.payload.value, block.o.payload.value)),
            self.i.ready.eq(comes & block.i.ready),
            self.o.valid.eq(block.o.valid & ends),
            self.o.payload.eq(block.o.payload),
            block.o.ready.eq(Mux(ends, self.o.ready, ~comes & block.i.ready)),
        ]
        for counter, port in ((entering, block.i), (leaving, block.o)):
            with m.If(port.valid & port.ready):
                m.d.sync += counter.eq(wrapped_next(counter, beats_of_step))
        if self.taps:
            worked = Signal(range(beats_of_step))
            with m.If(block.tap_array.valid):
                m.d.sync += worked.eq(wrapped_next(worked, beats_of_step))
            for layer in range(self.layers):
                of_array = getattr(self, f"tap_array_{layer}")
                places = range(layer * channels, (layer + 1) * channels)
                m.d.comb += [
                    of_array.valid.eq(
                        block.tap_array.valid & (worked >= places.start) & (worked < places.stop)
                    ),
                    of_array.value.eq(block.tap_array.value),
                ]
                if layer == self.layers - 1:
                    continue
                of_layer = getattr(self, f"tap_layer_{layer}")
                m.d.comb += [
                    of_layer.valid.eq(
                        block.o.valid & block.o.ready & (leaving >= places.start) & (leaving < places.stop)
                    ),
                    of_layer.value.eq(block.o.payload.value),
                ]
        return m
