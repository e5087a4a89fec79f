"""Gated linear units in gates: activations, the event mixer, and the gate."""

import numpy as np
from amaranth.hdl import Module
from amaranth.lib import wiring

from hdl.devices.family import Family
from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.primitives.blocks import block_sizes
from hdl.units.activations import IntegrateAndFire, Smooth, Spikes
from hdl.units.event_mixer import Delay, EventMixer
from hdl.units.gate import SigmoidGate
from hdl.units.unit import Unit
from quantize.layers.glu import FireGluSpec, GeluGluSpec, GluSpec, SpikeGluSpec, TanhGluSpec

ACTIVATIONS: dict[str, type[Spikes] | type[IntegrateAndFire] | type[Smooth]] = {
    SpikeGluSpec.kind: Spikes,
    FireGluSpec.kind: IntegrateAndFire,
    GeluGluSpec.kind: Smooth,
    TanhGluSpec.kind: Smooth,
}
"""Kind of a gated linear unit -> what makes its activations."""


# Logic cells on the iCE40: of a lane, and of what accompanies the pairs in a gate that does not wait.
LANE_CELLS = 32
PIPELINE_CELLS = 125


class Glu(Unit):
    """`quantize.layers.glu.GluSpec` in gates, whatever its activation.

    The mixer computes values and gates in turn, so each pair is complete as soon as its gate leaves.

    Parameters
    ----------
    spec : GluSpec
    lanes : int
        Of the mixer, 1 to 2 H.
    target : DeviceFeatures
    sequential : bool
        See `SigmoidGate`.
    """

    SEQUENTIAL_PART = "one pair after the other"

    def __init__(
        self,
        spec: GluSpec,
        lanes: int,
        target: DeviceFeatures = MULTIPLIER_BLOCKS,
        *,
        sequential: bool = False,
    ):
        # mypy cannot see that the table pairs specifications with their components.
        self.activations = ACTIVATIONS[spec.kind](spec)  # type: ignore[arg-type]
        # Outputs alternate: value of channel 0, gate of channel 0, value of channel 1, ...
        weight = np.stack([spec.value, spec.gate], axis=2).reshape(spec.channels, -1)
        bias = np.stack([spec.value_bias, spec.gate_bias], axis=1).reshape(-1)
        self.mixer = EventMixer(weight, bias, lanes, spec.activation_format.width, target)
        self.gate = SigmoidGate(spec, target, sequential=sequential)
        super().__init__(spec, lanes, target)

    @staticmethod
    def lane_choices(spec: GluSpec) -> list[int]:
        """Numbers of lanes worth choosing from: one, and whole pairs."""
        return [1, *(2 * pairs for pairs in block_sizes(spec.channels))]

    @staticmethod
    def mixer_size(spec: GluSpec, lanes: int, sequential: bool, family: Family) -> int:
        """Logic cells of the lanes, and of a gate that does not wait."""
        return LANE_CELLS * lanes + (0 if sequential else PIPELINE_CELLS)

    @property
    def holds(self) -> int:
        """See `Unit`: until what is made of y stands at the activation's output."""
        return self.activations.cycles_per_beat - 1

    @property
    def multipliers(self) -> int:
        """The gate's, and one a lane unless activations are signs."""
        return 1 + self.mixer.multipliers

    @property
    def cycles_per_step(self) -> int:
        """The worst case: no activation is zero, and each block waits for the pairs of the one before."""
        return self.cycles_taken_in(1)

    def _delay(self, taken_in: int) -> Delay:
        """Of a block's outputs, where a product is taken in every so many cycles at most."""
        gate = self.gate
        # A value waits for the pair before, which left its block so many cycles earlier.
        waiting = max(0, gate.outlet.period - self.mixer.block_latency - 1) if gate.sequential else 0

        def delay(outputs: range) -> int:
            pairs, begins_pair = -(-len(outputs) // 2), outputs[0] % 2 == 0
            return gate.burst_cycles(pairs, taken_in) - 2 * (pairs - 1) + begins_pair * waiting

        return delay

    def latency_taken_in(self, cycles: int) -> int:
        """See `Unit`: activations, the walk, and of the last pair the gate and the queue behind it."""
        activated = self.spec.channels * self.activations.cycles_per_beat
        outlet = self.gate.outlet
        queued = outlet.queue.depth * cycles
        walked = self.mixer.latency_cycles(self._delay(cycles))
        return activated + walked + outlet.latency + 1 + queued

    def cycles_taken_in(self, cycles: int) -> int:
        """See `Unit`: a queue behind the gate takes some pairs."""
        walked = self.mixer.cycles(self.mixer.channels, self._delay(cycles))
        return max(walked, self.least_cycles_per_step + 1, cycles * self.spec.channels)

    @property
    def least_cycles_per_step(self) -> int:
        return self.spec.channels * self.activations.cycles_per_beat

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.activations, m.submodules.mixer, m.submodules.gate = activations, mixer, gate = (
            self.activations,
            self.mixer,
            self.gate,
        )
        wiring.connect(m, wiring.flipped(self.i), activations.i)
        wiring.connect(m, activations.o, mixer.i)
        wiring.connect(m, mixer.o, gate.i)
        wiring.connect(m, gate.o, wiring.flipped(self.o))
        return m
