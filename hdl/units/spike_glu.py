"""Binary S4D's unit in gates: spikes, the event mixer, and a gate by a sigmoid from a table."""

import numpy as np
from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.fixed import magnitude, requantise
from hdl.mixers.event import EventMixer
from hdl.primitives.memory import table
from hdl.primitives.multiplier import Multiplier
from hdl.streams import beats
from quantize.layers.functions import TABLE_DEPTH, TABLE_WIDTH
from quantize.layers.glu import WEIGHT_WIDTH, SpikeGluSpec


class SpikeGlu(wiring.Component):
    """`quantize.layers.glu.SpikeGluSpec` in gates.

    The mixer computes values and gates in turn, so each pair is complete as soon as its gate leaves; the gate
    waits in the mixer's output register while its sigmoid and the product are made.

    Parameters
    ----------
    spec : SpikeGluSpec
    lanes : int
        Of the mixer, 1 to 2 H.

    Members
    -------
    i : In(stream of Beat), y
    o : Out(stream of Beat), in the residual format
    """

    # Cycles that a pair takes: the value, then argument, table and product of the gate, then its handshake.
    PAIR_CYCLES = 6

    def __init__(self, spec: SpikeGluSpec, lanes: int):
        self.spec = spec
        # Outputs alternate: value of channel 0, gate of channel 0, value of channel 1, ...
        weight = np.stack([spec.value, spec.gate], axis=2).reshape(spec.channels, -1)
        bias = np.stack([spec.value_bias, spec.gate_bias], axis=1).reshape(-1)
        self.mixer = EventMixer(weight, bias, WEIGHT_WIDTH, lanes)
        super().__init__({"i": In(beats(spec.input.width)), "o": Out(beats(spec.output.width))})

    @staticmethod
    def lane_choices(spec: SpikeGluSpec) -> list[int]:
        """Numbers of lanes worth choosing from: whole pairs that no smaller number equals in blocks."""
        return sorted({2 * -(-spec.channels // blocks) for blocks in range(1, spec.channels + 1)})

    @property
    def cycles_per_step(self) -> int:
        """The worst case: every channel fires, and each block waits for the pairs of the one before."""
        mixer = self.mixer
        pairs = -(-mixer.lanes // 2) * self.PAIR_CYCLES
        block = max(mixer.channels + 1, mixer.BLOCK_LATENCY + pairs)
        return mixer.blocks * block + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, sigmoid = self.spec, self.spec.sigmoid
        m.submodules.mixer = mixer = self.mixer
        m.submodules.multiplier = multiplier = Multiplier()
        spike = ~self.i.payload.value[-1] & (self.i.payload.value != 0)
        m.d.comb += [
            mixer.i.valid.eq(self.i.valid),
            self.i.ready.eq(mixer.i.ready),
            mixer.i.payload.first.eq(self.i.payload.first),
            mixer.i.payload.last.eq(self.i.payload.last),
            mixer.i.payload.value.eq(spike),
        ]

        # Stages of a gate while it waits: argument, table, operands of the product, product.
        value = Signal(signed(16), reset_less=True)
        argument = Signal(signed(sigmoid.argument.width), reset_less=True)
        rises = table(m, "rises", [int(entry) for entry in sigmoid.entries], TABLE_WIDTH, block=True)
        position = magnitude(argument) >> sigmoid.table.index_shift
        gate = Signal(signed(sigmoid.fraction + 2))
        half = 1 << (sigmoid.fraction - 1)
        m.d.sync += [
            argument.eq(requantise(mixer.o.payload.value, spec.argument_shift, sigmoid.argument.width)),
        ]
        m.d.comb += [
            rises.addr.eq(Mux(position >= TABLE_DEPTH, TABLE_DEPTH - 1, position)),
            gate.eq(Mux(argument[-1], half - rises.data, half + rises.data)),
            multiplier.a.eq(value),
            multiplier.b.eq(gate),
            self.o.payload.first.eq(mixer.o.payload.first),
            self.o.payload.last.eq(mixer.o.payload.last),
            self.o.payload.value.eq(requantise(multiplier.product, spec.product_shift, spec.output.width)),
        ]
        age = Signal(range(5))
        with m.FSM():
            with m.State("value"):
                m.d.comb += mixer.o.ready.eq(1)
                with m.If(mixer.o.valid):
                    m.d.sync += [value.eq(mixer.o.payload.value), age.eq(0)]
                    m.next = "gate"
            with m.State("gate"):
                with m.If(mixer.o.valid & (age != 4)):
                    m.d.sync += age.eq(age + 1)
                m.d.comb += [self.o.valid.eq(age == 4), mixer.o.ready.eq((age == 4) & self.o.ready)]
                with m.If(self.o.valid & self.o.ready):
                    m.next = "value"
        return m
