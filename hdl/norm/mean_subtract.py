"""The mean of each step taken from its values, a channel in every cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib.wiring import In, Out

from hdl.devices.features import BLOCK_LATENCY
from hdl.primitives.component import Component
from hdl.primitives.counters import StepGate, channel_counter
from hdl.primitives.deep_fifo import BlockFifo, ShallowFifo
from hdl.primitives.fixed import round_shift
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.registers import delayed
from hdl.primitives.streams import Beat, beats
from quantize.layers.norm import WORD, LayerNorm


class MeanSubtract(Component):
    """Subtracts the mean of each step.

    Parameters
    ----------
    norm : LayerNorm

    Members
    -------
    i : In(stream of Beat), z
    o : Out(stream of Beat(WORD)), z - mean
    """

    # One that comes, one that waits for its mean, one that leaves.
    STEPS = 3

    def __init__(self, norm: LayerNorm):
        self.norm = norm
        super().__init__({"i": In(beats(norm.input_width)), "o": Out(beats(WORD))})

    @property
    def multipliers(self) -> int:
        return 0 if self.norm.mean_is_shifted else 1

    @property
    def latency(self) -> int:
        """Cycles from a step's last value until its mean is there: taken, summed, rounded, perhaps twice."""
        return 3 if self.norm.mean_is_shifted else 3 + BLOCK_LATENCY + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        norm, channels = self.norm, self.norm.channels
        m.submodules.gate = gate = StepGate(channels, self.STEPS)
        m.submodules.values = values = BlockFifo(norm.input_width, self.STEPS * channels)
        m.submodules.means = means = ShallowFifo(Beat(WORD), self.STEPS)
        m.d.comb += [
            self.i.ready.eq(gate.ready & values.i.ready),
            gate.take.eq(self.i.valid & self.i.ready),
            values.i.valid.eq(self.i.valid & gate.ready),
            values.i.payload.eq(self.i.payload.value),
        ]

        # Cycle 1: a value; 2: the sum; 3: its word.
        value = Signal(signed(norm.input_width), reset_less=True)
        marks = Signal(2, reset_less=True)
        total = Signal(signed(norm.sum_width), reset_less=True)
        word = Signal(signed(WORD), reset_less=True)
        m.d.sync += [
            value.eq(self.i.payload.value),
            marks.eq(Cat(self.i.payload.first, self.i.payload.last)),
            word.eq(round_shift(total, norm.mean_shift)),
        ]
        taken, begun = delayed(m, gate.take, 1), delayed(m, gate.begins, 1)
        with m.If(taken):
            m.d.sync += total.eq(Mux(begun, 0, total) + value)
        mean = word
        if not norm.mean_is_shifted:
            m.submodules.multiplier = multiplier = Multiplier()
            mean = Signal.like(word, name="mean")
            m.d.comb += [multiplier.a.eq(word), multiplier.b.eq(norm.mean_factor)]
            m.d.sync += mean.eq(round_shift(multiplier.product, norm.mean_factor_fraction))
        m.d.comb += [
            means.i.valid.eq(delayed(m, gate.ends, self.latency)),
            Cat(means.i.payload.first, means.i.payload.last).eq(delayed(m, marks, self.latency - 1)),
            means.i.payload.value.eq(~mean),  # so that its subtraction is one adder: z + ~mean + 1
        ]

        leaves = Signal()
        left, _ = channel_counter(m, "left", channels, leaves)
        m.d.comb += [
            self.o.valid.eq(values.o.valid & means.o.valid),
            leaves.eq(self.o.valid & self.o.ready),
            values.o.ready.eq(means.o.valid & self.o.ready),
            gate.step_leaves.eq(leaves & (left == channels - 1)),
            means.o.ready.eq(gate.step_leaves),
            self.o.payload.first.eq(means.o.payload.first),
            self.o.payload.last.eq(means.o.payload.last),
            self.o.payload.value.eq(values.o.payload + means.o.payload.value + 1),
        ]
        return m
