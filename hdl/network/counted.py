"""The network with counters of clipped values at its ports."""

from typing import Literal

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.network.folding import Folding
from hdl.network.top import Network
from hdl.primitives.clips import KINDS, ClipCounters, LayerClips
from hdl.primitives.streams import answer_layout, beats
from quantize.network import QuantizedNetwork

COUNTER_WIDTH = 16
MOST_COUNTED = (1 << COUNTER_WIDTH) - 1
"""Where a counter stays."""


TOGETHER: Literal["all"] = "all"
"""In place of a number of layers: one count for all of them, where one block serves them in turn."""
Counted = int | Literal["all"]
"""Layers that are counted, each by itself; or `TOGETHER`."""


def counter_ports(layers: Counted) -> list[str]:
    """Names of the counters' ports."""
    groups = [TOGETHER] if layers == TOGETHER else range(layers)
    return [f"clipped_{kind}_{group}" for group in groups for kind in KINDS]


def layers_counted(network: QuantizedNetwork, folding: Folding) -> Counted:
    """What a `CountedNetwork` of this folding counts."""
    return TOGETHER if folding.folded else len(network.blocks)


class CountedNetwork(wiring.Component):
    """A network that counts the values that it clips, as the integer reference does.

    Parameters
    ----------
    network : QuantizedNetwork
    folding : Folding

    Members
    -------
    i, o : streams, see `Network`
    clipped_inputs_0, clipped_states_0, clipped_outputs_0, clipped_sums_0, ... : Out(16)
        Of each layer, or of all together, `clipped_inputs_all` and so on, where one block serves all: values
        clipped since the last reset, two cycles ago. A counter stays at its largest value.
    """

    def __init__(self, network: QuantizedNetwork, folding: Folding):
        self.network = Network(network, folding)
        self.counted = layers_counted(network, folding)
        self.layers = [LayerClips() for _ in self.network.blocks]
        for block, clips in zip(self.network.blocks, self.layers, strict=True):
            block.residual.watch(clips)
        answer = answer_layout(network.decoder.logit_width, network.answer_stride)
        super().__init__(
            {
                "i": In(beats(network.input.width)),
                "o": Out(stream.Signature(answer)),
                **{name: Out(COUNTER_WIDTH) for name in counter_ports(self.counted)},
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.network = self.network
        # Behind the network: it is elaborated when all events are known.
        m.submodules.counters = counters = ClipCounters(self.layers, COUNTER_WIDTH)
        wiring.connect(m, wiring.flipped(self.i), self.network.i)
        wiring.connect(m, self.network.o, wiring.flipped(self.o))
        for port, counter in zip(counter_ports(self.counted), counter_ports(len(self.layers)), strict=True):
            m.d.comb += getattr(self, port).eq(getattr(counters, counter.removeprefix("clipped_")))
        return m
