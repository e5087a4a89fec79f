"""The network with counters of clipped values at its ports."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.network.block import ResidualBlock
from hdl.network.folding import Folding
from hdl.network.top import Network
from hdl.primitives.clips import KINDS, ClipCounters, LayerClips
from hdl.primitives.streams import answer_layout, beats
from quantize.errors import StatespikeError
from quantize.network import QuantizedNetwork

COUNTER_WIDTH = 16
MOST_COUNTED = (1 << COUNTER_WIDTH) - 1
"""Where a counter stays."""


def counter_ports(layers: int) -> list[str]:
    """Names of the counters' ports."""
    return [f"clipped_{kind}_{layer}" for layer in range(layers) for kind in KINDS]


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
        Of each layer: values clipped since the last reset, two cycles ago. A counter stays at its largest
        value.
    """

    def __init__(self, network: QuantizedNetwork, folding: Folding):
        if folding.folded:
            raise StatespikeError(
                "one block serves all layers of this circuit, and counts of each layer's clipped values are "
                "not made there; choose another interface, or a plan that is not folded"
            )
        self.network = Network(network, folding)
        self.layers = [LayerClips() for _ in network.blocks]
        blocks = [block for block in self.network.blocks if isinstance(block, ResidualBlock)]
        for block, clips in zip(blocks, self.layers, strict=True):
            block.watch(clips)
        answer = answer_layout(network.decoder.logit_width, network.answer_stride)
        super().__init__(
            {
                "i": In(beats(network.input.width)),
                "o": Out(stream.Signature(answer)),
                **{name: Out(COUNTER_WIDTH) for name in counter_ports(len(self.layers))},
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.network = self.network
        # Behind the network: it is elaborated when all events are known.
        m.submodules.counters = counters = ClipCounters(self.layers, COUNTER_WIDTH)
        wiring.connect(m, wiring.flipped(self.i), self.network.i)
        wiring.connect(m, self.network.o, wiring.flipped(self.o))
        for name in counter_ports(len(self.layers)):
            m.d.comb += getattr(self, name).eq(getattr(counters, name.removeprefix("clipped_")))
        return m
