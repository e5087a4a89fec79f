"""The LayerNorm of a block, before its array or after its sum."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.norm.step_norm import StepNorm
from hdl.norm.streamed_step_norm import PRODUCTS, StreamedStepNorm
from hdl.primitives.fixed import requantise
from hdl.primitives.streams import beats
from quantize.layers.norm import WORD, LayerNormSpec


class BlockNorm(wiring.Component):
    """`quantize.layers.norm.LayerNormSpec` in gates.

    Parameters
    ----------
    spec : LayerNormSpec
    target : DeviceFeatures

    Members
    -------
    i : In(stream of Beat), in the input format
    o : Out(stream of Beat), in the output format
    """

    # The second factor, which leaves the input's rounding to the norm.
    UNIT_SHIFT = WORD - 2

    def __init__(self, spec: LayerNormSpec, target: DeviceFeatures = MULTIPLIER_BLOCKS):
        self.spec, self.target = spec, target
        self.norm = self._make_norm()
        super().__init__({"i": In(beats(spec.input.width)), "o": Out(beats(spec.output.width))})

    def _make_norm(self) -> StepNorm | StreamedStepNorm:
        shift = self.UNIT_SHIFT + self.spec.input_shift
        width = self.spec.input.width
        return StepNorm(
            self.spec.norm, self.spec.output,
            factor_width=width, product_shift=shift, target=self.target,
        )  # fmt: skip

    def _connect_value(self, m: Module) -> None:
        """What the norm takes of a beat."""
        payload = self.norm.i.payload
        m.d.comb += [payload.a.eq(self.i.payload.value), payload.b.eq(1 << self.UNIT_SHIFT)]

    @property
    def multipliers(self) -> int:
        return self.norm.multipliers

    @property
    def cycles_per_step(self) -> int:
        return self.norm.cycles_per_step

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.norm = norm = self.norm
        m.d.comb += [
            norm.i.valid.eq(self.i.valid),
            self.i.ready.eq(norm.i.ready),
            norm.i.payload.first.eq(self.i.payload.first),
            norm.i.payload.last.eq(self.i.payload.last),
        ]
        self._connect_value(m)
        wiring.connect(m, norm.o, wiring.flipped(self.o))
        return m


class StreamedBlockNorm(BlockNorm):
    """A `BlockNorm` that takes a channel a cycle, or slower with fewer than four multiplier blocks.

    Parameters
    ----------
    spec : LayerNormSpec
    multipliers : int
        See `StreamedStepNorm`.

    Members
    -------
    i, o
        As of a `BlockNorm`.
    """

    def __init__(self, spec: LayerNormSpec, multipliers: int = PRODUCTS):
        self.norm_multipliers = multipliers
        super().__init__(spec)

    def _make_norm(self) -> StreamedStepNorm:
        return StreamedStepNorm(self.spec.norm, self.spec.output, multipliers=self.norm_multipliers)

    def _connect_value(self, m: Module) -> None:
        value = requantise(self.i.payload.value, self.spec.input_shift, self.spec.norm.input_width)
        m.d.comb += self.norm.i.payload.value.eq(value)

    @property
    def latency_cycles(self) -> int:
        """Most cycles from a step's last beat to its last output, when nothing else is under way."""
        return self.norm.latency_cycles
