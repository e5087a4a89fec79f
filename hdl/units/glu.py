"""Gated linear units in gates: activations, the event mixer, and the gate."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from amaranth.hdl import Module
from amaranth.lib import wiring

from hdl.devices.family import Family
from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.primitives.blocks import block_sizes
from hdl.units.activations import IntegrateAndFire, Smooth, Spikes
from hdl.units.event_mixer import Delay, EventMixer, MixerWidths
from hdl.units.gate import SigmoidGate
from hdl.units.unit import LayeredUnit, UnitKind
from quantize.formats import OPERAND_WIDTH
from quantize.layers.glu import WEIGHT_WIDTH, FireGluSpec, GluSpec, SmoothGluSpec

# Logic cells on the iCE40: of a lane, and of what accompanies the pairs in a gate that does not wait.
LANE_CELLS = 32
PIPELINE_CELLS = 125


def activations_of(specs: Sequence[Any]) -> Spikes | IntegrateAndFire | Smooth:
    """What makes the activations of layers of one kind in turn."""
    first, *others = specs
    if isinstance(first, FireGluSpec):
        return IntegrateAndFire(first, others)
    return Smooth(first) if isinstance(first, SmoothGluSpec) else Spikes(first)


def finest(specs: Sequence[GluSpec]) -> GluSpec:
    """The layer whose weights have the finest scale."""
    return max(specs, key=lambda spec: spec.weight_fraction)


def aligned(specs: Sequence[GluSpec]) -> list[tuple[GluSpec, int]]:
    """Each layer, and how far its words go up to the finest scale, which is exact."""
    return [(spec, finest(specs).weight_fraction - spec.weight_fraction) for spec in specs]


class Glu(LayeredUnit):
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
    others : sequence of GluSpec
        Layers that it serves in turn behind that of `spec`, step by step, in the same formats.
    """

    SEQUENTIAL_PART = "one pair after the other"

    def __init__(
        self,
        spec: GluSpec,
        lanes: int,
        target: DeviceFeatures = MULTIPLIER_BLOCKS,
        *,
        sequential: bool = False,
        others: Sequence[GluSpec] = (),
    ):
        specs = (spec, *others)
        self.activations = activations_of(specs)
        # Outputs alternate: value of channel 0, gate of channel 0, value of channel 1, ...
        weights, biases = [], []
        for each, up in aligned(specs):
            weights.append(np.stack([each.value, each.gate], axis=2).reshape(each.channels, -1) << up)
            biases.append(np.stack([each.value_bias, each.gate_bias], axis=1).reshape(-1) << up)
        self.mixer = EventMixer(
            np.concatenate(weights, axis=1), np.concatenate(biases), lanes,
            spec.activation_format.width, target, len(specs), self._widths(specs),
        )  # fmt: skip
        self.gate = SigmoidGate(finest(specs), target, sum_width=self.mixer.sum_width, sequential=sequential)
        super().__init__(spec, lanes, target)

    @staticmethod
    def _widths(specs: Sequence[GluSpec]) -> MixerWidths | None:
        """Of the mixer's words, where others can be loaded."""
        if not specs[0].any_contents:
            return None
        ups = [up for _, up in aligned(specs)]
        # See `obstacle` for layers of several scales.
        total = OPERAND_WIDTH if any(ups) else specs[0].sum_width
        return MixerWidths(WEIGHT_WIDTH + max(ups), total)

    @staticmethod
    def lane_choices(spec: GluSpec) -> list[int]:
        """Numbers of lanes worth choosing from: one, and whole pairs."""
        return [1, *(2 * pairs for pairs in block_sizes(spec.channels))]

    @staticmethod
    def mixer_size(spec: GluSpec, lanes: int, sequential: bool, family: Family) -> int:
        """Logic cells of the lanes, and of a gate that does not wait."""
        return LANE_CELLS * lanes + (0 if sequential else PIPELINE_CELLS)

    @staticmethod
    def obstacle(specs: Sequence[GluSpec]) -> str | None:
        """See `LayeredUnit`."""
        ups = [up for _, up in aligned(specs)]
        width = max(spec.own_sum_width + up for spec, up in aligned(specs))
        if not any(ups) or width <= OPERAND_WIDTH:
            return None
        return f"at one scale, sums take {width} bits in its units, and the product has {OPERAND_WIDTH}"

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

    def _delay(self, taken_in: int, *, prompt: int = 0) -> Delay:
        """Of a block's outputs, where a product is taken in every so many cycles at most.

        Of so many outputs of a step the pairs wait for none before.
        """
        gate = self.gate
        # A value waits for the pair before, which left its block so many cycles earlier.
        waiting = max(0, gate.outlet.period - self.mixer.block_latency - 1) if gate.sequential else 0

        def delay(outputs: range) -> int:
            pairs = -(-len(outputs) // 2)
            begins_pair = outputs[0] % 2 == 0 and outputs[0] >= prompt
            return gate.burst_cycles(pairs, taken_in) - 2 * (pairs - 1) + begins_pair * waiting

        return delay

    def latency_taken_in(self, cycles: int) -> int:
        """See `Unit`: activations, the walk, and of the last pair the gate and the queue behind it."""
        activated = self.spec.channels * self.activations.cycles_per_beat
        outlet = self.gate.outlet
        queued = outlet.queue.depth * cycles
        walked = self.mixer.latency_cycles(self._delay(cycles))
        return activated + walked + outlet.latency + 1 + queued

    def output_delays(self, cycles: int) -> list[int]:
        """See `LayeredUnit`: every channel fires; the first pair finds the unit at rest."""
        return self._delays(self.spec.channels, cycles, self._delay(cycles, prompt=1))

    def least_output_delays(self, cycles: int) -> list[int]:
        """See `LayeredUnit`: no channel fires."""
        return self._delays(0, cycles, self._delay(cycles, prompt=self.mixer.outputs))

    def _delays(self, events: int, cycles: int, delay: Delay) -> list[int]:
        """As `output_delays`, with so many activations that are not zero."""
        of_gates = self.mixer.output_delays(events, delay)[1::2]
        found: list[int] = []
        for left in of_gates:
            stands = left + self.gate.outlet.latency + 1
            found.append(max(stands, found[-1] + cycles) if found else stands)
        return found

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


KIND = UnitKind(GluSpec, Glu)
