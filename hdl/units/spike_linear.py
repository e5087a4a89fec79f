"""A resonate-and-fire layer's unit in gates: spikes and the event mixer."""

from amaranth.hdl import Module
from amaranth.lib import wiring

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.primitives.fixed import requantise
from hdl.units.activations import Spikes
from hdl.units.event_mixer import Delay, EventMixer, MixerWidths
from hdl.units.unit import Unit, UnitKind
from quantize.layers.functions import TRIT_WIDTH
from quantize.layers.linear import WEIGHT_WIDTH, SpikeLinearSpec


class SpikeLinear(Unit):
    """`quantize.layers.linear.SpikeLinearSpec` in gates.

    Parameters
    ----------
    spec : SpikeLinearSpec
    lanes : int
        Of the mixer, 1 to H.
    target : DeviceFeatures
    """

    def __init__(self, spec: SpikeLinearSpec, lanes: int, target: DeviceFeatures = MULTIPLIER_BLOCKS):
        self.spikes = Spikes(spec)
        widths = MixerWidths(WEIGHT_WIDTH, spec.sum_width) if spec.any_contents else None
        self.mixer = EventMixer(spec.weight, spec.bias, lanes, TRIT_WIDTH, widths=widths)
        super().__init__(spec, lanes, target)

    @property
    def multipliers(self) -> int:
        return 0

    @property
    def cycles_per_step(self) -> int:
        """The worst case: every channel fires."""
        return self.cycles_taken_in(1)

    @staticmethod
    def _delay(taken_in: int) -> Delay:
        """Of a block's outputs, the first of which need not wait."""
        return lambda outputs: (len(outputs) - 1) * (taken_in - 1)

    def latency_taken_in(self, cycles: int) -> int:
        """See `Unit`."""
        return self.spec.channels + self.mixer.latency_cycles(self._delay(cycles))

    def cycles_taken_in(self, cycles: int) -> int:
        """See `Unit`: the mixer's next block waits for the last output of the one before."""
        walked = self.mixer.cycles(self.mixer.channels, self._delay(cycles))
        return max(walked, self.least_cycles_per_step + 1, cycles * self.spec.channels)

    @property
    def least_cycles_per_step(self) -> int:
        return self.spec.channels

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.spikes, m.submodules.mixer = spikes, mixer = self.spikes, self.mixer
        wiring.connect(m, wiring.flipped(self.i), spikes.i)
        wiring.connect(m, spikes.o, mixer.i)
        m.d.comb += [
            self.o.valid.eq(mixer.o.valid),
            mixer.o.ready.eq(self.o.ready),
            self.o.payload.first.eq(mixer.o.payload.first),
            self.o.payload.last.eq(mixer.o.payload.last),
            self.o.payload.value.eq(
                requantise(mixer.o.payload.value, self.spec.output_shift, self.spec.output.width)
            ),
        ]
        return m


KIND = UnitKind(SpikeLinearSpec, SpikeLinear)
