"""Clipped values, counted on request: what components tell, and the counters."""

from dataclasses import dataclass, field, fields

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.wiring import Out

from hdl.primitives.component import Component
from hdl.primitives.fixed import fits


@dataclass
class LayerClips:
    """Events of one layer, by kind: signals that are high in each cycle in which a value is clipped.

    Components add theirs while they are elaborated. The kinds are those of `quantize.trace.Trace`.
    """

    inputs: list[Signal] = field(default_factory=list)
    states: list[Signal] = field(default_factory=list)
    outputs: list[Signal] = field(default_factory=list)
    sums: list[Signal] = field(default_factory=list)


KINDS = tuple(kind.name for kind in fields(LayerClips))


def tell_clip(m: Module, found: list[Signal], valid: Value, value: Value, width: int) -> None:
    """Add an event: `value` is taken in this cycle, and does not fit `width` bits."""
    event = Signal(name=f"clips_{len(found)}")
    m.d.comb += event.eq(valid & ~fits(value, width))
    found.append(event)


class ClipCounters(Component):
    """Counters of clipped values, which stay at their largest value; a reset clears them.

    Parameters
    ----------
    layers : list of LayerClips
        With an event of each kind, and complete when this is elaborated: it must be a later submodule than
        the components that tell them.
    width : int
        Bits of each counter.

    Members
    -------
    inputs_0, states_0, outputs_0, sums_0, inputs_1, ... : Out(width)
        Values clipped since the reset, by kind and layer.
    """

    def __init__(self, layers: list[LayerClips], width: int):
        self.layers, self.width = layers, width
        super().__init__({f"{kind}_{layer}": Out(width) for layer in range(len(layers)) for kind in KINDS})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for layer, clips in enumerate(self.layers):
            for kind in KINDS:
                events, counter = getattr(clips, kind), getattr(self, f"{kind}_{layer}")
                many = Signal(range(len(events) + 1), name=f"many_{kind}_{layer}")
                total = counter + many
                m.d.sync += [
                    many.eq(sum(events[1:], start=events[0])),
                    counter.eq(Mux(total[self.width :].any(), (1 << self.width) - 1, total)),
                ]
        return m
