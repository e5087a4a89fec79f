"""A residual block in gates: `x + unit(array(x))`, all of it working on different steps at once."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.array import NeuronArray
from hdl.fixed import saturate
from hdl.primitives.queue import Queue
from hdl.ring import ResidualRing
from hdl.streams import Beat, Tap, beats
from hdl.units.glu import ACTIVATIONS, Glu
from hdl.units.gsu import Gsu, LeanGsu
from hdl.units.spike_linear import SpikeLinear
from quantize.layers.gsu import GsuSpec, LeanGsuSpec
from quantize.layers.linear import SpikeLinearSpec
from quantize.network import Block

Unit = Gsu | LeanGsu | Glu | SpikeLinear
UNITS: dict[str, type[Unit]] = {
    GsuSpec.kind: Gsu,
    LeanGsuSpec.kind: LeanGsu,
    SpikeLinearSpec.kind: SpikeLinear,
    **dict.fromkeys(ACTIVATIONS, Glu),
}
"""Kind of a unit's specification -> its component."""

# Steps between a block's input and its residual add at full speed: one in the array, two in each pair of
# banks of the unit, one being written.
STEPS_IN_FLIGHT = 6


class ResidualBlock(wiring.Component):
    """One layer of a network.

    Parameters
    ----------
    block : quantize.network.Block
    multipliers : int
        Of the array.
    lanes : int
        Of the unit's mixer.

    Members
    -------
    i, o : streams of Beat, in the residual format
    tap_array : Out(Tap), y
    """

    def __init__(self, block: Block, multipliers: int, lanes: int):
        self.block = block
        stream = block.array.input
        self.ring = ResidualRing(stream.width, block.array.channels, STEPS_IN_FLIGHT)
        self.array = NeuronArray(block.array, multipliers)
        # mypy cannot see that the table pairs specifications with their components.
        self.unit = UNITS[block.unit.kind](block.unit, lanes)  # type: ignore[arg-type]
        super().__init__(
            {
                "i": In(beats(stream.width)),
                "o": Out(beats(stream.width)),
                "tap_array": Out(Tap(block.array.output.width)),
            }
        )

    @property
    def cycles_per_step(self) -> int:
        return max(self.array.cycles_per_step, self.unit.cycles_per_step)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.ring, m.submodules.array, m.submodules.unit = ring, array, unit = (
            self.ring,
            self.array,
            self.unit,
        )
        wiring.connect(m, wiring.flipped(self.i), ring.i)
        wiring.connect(m, ring.o, array.i)
        wiring.connect(m, array.o, unit.i)
        # A register behind the sum keeps a unit's last stage and the next component's first one apart.
        m.submodules.sums = sums = Queue(Beat(ring.width), 1)
        wiring.connect(m, sums.o, wiring.flipped(self.o))
        m.d.comb += [
            sums.i.valid.eq(unit.o.valid & ring.o_residual.valid),
            sums.i.payload.first.eq(unit.o.payload.first),
            sums.i.payload.last.eq(unit.o.payload.last),
            sums.i.payload.value.eq(saturate(unit.o.payload.value + ring.o_residual.payload, ring.width)),
            unit.o.ready.eq(sums.i.ready & ring.o_residual.valid),
            ring.o_residual.ready.eq(sums.i.ready & unit.o.valid),
            self.tap_array.valid.eq(array.o.valid & array.o.ready),
            self.tap_array.value.eq(array.o.payload.value),
        ]
        return m
