"""The LayerNorm of a block, before its array or after its sum."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.norm.sources import Values
from hdl.norm.step_norm import StepNorm
from hdl.norm.streamed_step_norm import PRODUCTS, StreamedStepNorm
from hdl.primitives.component import Component
from hdl.primitives.fixed import requantise
from hdl.primitives.streams import beats, marks_of
from quantize.layers.norm import LayerNormSpec


class BlockNorm(StepNorm):
    """`quantize.layers.norm.LayerNormSpec` in gates: a `StepNorm` of its input.

    Parameters
    ----------
    spec : LayerNormSpec
    target : DeviceFeatures

    Members
    -------
    i : In(stream of Beat), in the input format
    o : Out(stream of Beat), in the output format
    """

    def __init__(self, spec: LayerNormSpec, target: DeviceFeatures = MULTIPLIER_BLOCKS):
        self.spec = spec
        super().__init__(spec.norm, Values(spec.input.width, spec.input_shift), spec.output, target=target)

    def latency_taken_in(self, cycles: int) -> int:
        """As of a `StepNorm`, but all beats may have come at once."""
        return self.arrival_cycles * self.spec.norm.channels + super().latency_taken_in(cycles)


class StreamedBlockNorm(Component):
    """A block's norm that takes a channel a cycle, or slower with fewer than four multiplier blocks.

    Parameters
    ----------
    spec : LayerNormSpec
    multipliers : int
        See `StreamedStepNorm`.

    Members
    -------
    i : In(stream of Beat), in the input format
    o : Out(stream of Beat), in the output format
    """

    def __init__(self, spec: LayerNormSpec, multipliers: int = PRODUCTS):
        self.spec = spec
        self.norm = StreamedStepNorm(spec.norm, spec.output, multipliers=multipliers)
        super().__init__({"i": In(beats(spec.input.width)), "o": Out(beats(spec.output.width))})

    @property
    def multipliers(self) -> int:
        return self.norm.multipliers

    @property
    def cycles_per_step(self) -> int:
        return self.norm.cycles_per_step

    def cycles_taken_in(self, cycles: int) -> int:
        """As `cycles_per_step`, where an output is taken in every so many cycles at most."""
        return self.norm.cycles_taken_in(cycles)

    @property
    def least_cycles_per_step(self) -> int:
        """In the steady state, whatever the data."""
        return self.norm.least_cycles_per_step

    @property
    def arrival_cycles(self) -> int:
        """Cycles from one arrival until the next one can come."""
        return self.norm.arrival_cycles

    def latency_taken_in(self, cycles: int) -> int:
        """As of a `StreamedStepNorm`."""
        return self.norm.latency_taken_in(cycles)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.norm = norm = self.norm
        z = requantise(self.i.payload.value, self.spec.input_shift, self.spec.norm.input_width)
        m.d.comb += [
            norm.i.valid.eq(self.i.valid),
            self.i.ready.eq(norm.i.ready),
            marks_of(norm.i.payload).eq(marks_of(self.i.payload)),
            norm.i.payload.value.eq(z),
        ]
        wiring.connect(m, norm.o, wiring.flipped(self.o))
        return m


AnyNorm = BlockNorm | StreamedBlockNorm
