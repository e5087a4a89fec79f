"""The Gated Spiking Unit in gates: its mixer, then LayerNorm and GELU."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.streams import beats
from hdl.units.gsu_mixer import GsuMixer
from hdl.units.layer_norm import LayerNormGelu
from quantize.layers.gsu import GsuSpec


class Gsu(wiring.Component):
    """`quantize.layers.gsu.GsuSpec` in gates.

    Parameters
    ----------
    spec : GsuSpec
    lanes : int
        Of the mixer, 1 to H.

    Members
    -------
    i : In(stream of Beat), y
    o : Out(stream of Beat), in the residual format
    """

    def __init__(self, spec: GsuSpec, lanes: int):
        self.spec = spec
        self.mixer = GsuMixer(spec, lanes)
        self.norm = LayerNormGelu(spec.norm, spec.gelu, spec.output)
        super().__init__({"i": In(beats(spec.input.width)), "o": Out(beats(spec.output.width))})

    @staticmethod
    def lane_choices(spec: GsuSpec) -> list[int]:
        """Numbers of lanes worth choosing from: those that no smaller number equals in blocks."""
        return sorted({-(-spec.channels // blocks) for blocks in range(1, spec.channels + 1)})

    @property
    def cycles_per_step(self) -> int:
        return max(self.mixer.cycles_per_step, self.norm.cycles_per_step)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.mixer, m.submodules.norm = self.mixer, self.norm
        wiring.connect(m, wiring.flipped(self.i), self.mixer.i)
        wiring.connect(m, self.mixer.o, self.norm.i)
        wiring.connect(m, self.norm.o, wiring.flipped(self.o))
        return m
