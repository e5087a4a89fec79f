"""What makes activations of y in front of an event mixer, a beat at a time."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib.wiring import In, Out

from hdl.primitives.component import Component
from hdl.primitives.fixed import requantise, saturate
from hdl.primitives.functions import gelu_of, rise_of
from hdl.primitives.memory import ram, rom, words_of
from hdl.primitives.streams import beats
from quantize.layers.functions import TRIT_WIDTH, Gelu
from quantize.layers.glu import LEAK_SHIFT, FireGluSpec, SmoothGluSpec, SpikeGluSpec
from quantize.layers.linear import SpikeLinearSpec


class Spikes(Component):
    """1 where y exceeds the specification's threshold, in the same cycle.

    Parameters
    ----------
    spec : SpikeGluSpec or SpikeLinearSpec

    Members
    -------
    i : In(stream of Beat), y
    o : Out(stream of Beat(2))
    """

    cycles_per_beat = 1

    def __init__(self, spec: SpikeGluSpec | SpikeLinearSpec):
        self.spec = spec
        super().__init__({"i": In(beats(spec.input.width)), "o": Out(beats(TRIT_WIDTH))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += [
            self.o.valid.eq(self.i.valid),
            self.i.ready.eq(self.o.ready),
            self.o.payload.first.eq(self.i.payload.first),
            self.o.payload.last.eq(self.i.payload.last),
            self.o.payload.value.eq(self.i.payload.value > self.spec.threshold),
        ]
        return m


class _Patient(Component, ABC):
    """Holds each beat at its input until what is made of it stands at the output.

    `age` counts a beat's cycles up to `cycles_per_beat - 1`, in which it leaves.
    """

    cycles_per_beat: int

    def __init__(self, input_width: int, output_width: int):
        super().__init__({"i": In(beats(input_width)), "o": Out(beats(output_width))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        age = Signal(range(self.cycles_per_beat))
        ripe = age == self.cycles_per_beat - 1
        leaves = self.o.valid & self.o.ready
        m.d.comb += [
            self.o.valid.eq(ripe),
            self.i.ready.eq(ripe & self.o.ready),
            self.o.payload.first.eq(self.i.payload.first),
            self.o.payload.last.eq(self.i.payload.last),
        ]
        with m.If(leaves):
            m.d.sync += age.eq(0)
        with m.Elif(self.i.valid & ~ripe):
            m.d.sync += age.eq(age + 1)
        self.make(m, leaves)
        return m

    @abstractmethod
    def make(self, m: Module, leaves: Signal) -> None:
        """Add what gives the output's value from the input's by the beat's last cycle."""


class IntegrateAndFire(_Patient):
    """The neurons of `quantize.layers.glu.FireGluSpec`, their potentials in a memory.

    A potential is read with its beat, leaks and integrates in the next cycle, and is compared and written
    back when its spike leaves. The memory is never cleared: a sequence's first step takes no notice of it.

    Parameters
    ----------
    spec : FireGluSpec
    others : sequence of FireGluSpec
        Layers that it serves in turn behind that of `spec`, step by step, in the same formats.

    Members
    -------
    i : In(stream of Beat), y
    o : Out(stream of Beat(2)), 1 for a spike
    """

    cycles_per_beat = 3

    def __init__(self, spec: FireGluSpec, others: Sequence[FireGluSpec] = ()):
        self.spec, self.thresholds = spec, np.concatenate([each.threshold for each in (spec, *others)])
        super().__init__(spec.input.width, TRIT_WIDTH)

    def make(self, m: Module, leaves: Signal) -> None:
        spec = self.spec
        width, channels = spec.input.width, len(self.thresholds)
        write, read = ram(m, "potentials", channels, width)
        thresholds = rom(m, "thresholds", words_of(self.thresholds, width), width)
        channel = Signal(range(channels))
        potential = Signal(signed(width), reset_less=True)
        old = Mux(self.i.payload.first, 0, read.data)
        integrated = self.i.payload.value + (old >> LEAK_SHIFT) + old[LEAK_SHIFT - 1]
        spike = potential >= thresholds.data.as_signed()
        m.d.sync += potential.eq(saturate(integrated[: width + 1].as_signed(), width))
        m.d.comb += [
            read.addr.eq(channel),
            thresholds.addr.eq(channel),
            self.o.payload.value.eq(spike),
            write.en.eq(leaves),
            write.addr.eq(channel),
            write.data.eq(Mux(spike, 0, potential)),
        ]
        with m.If(leaves):
            m.d.sync += channel.eq(Mux(channel == channels - 1, 0, channel + 1))


class Smooth(_Patient):
    """The function of a `quantize.layers.glu.SmoothGluSpec`, from its table.

    Parameters
    ----------
    spec : SmoothGluSpec

    Members
    -------
    i : In(stream of Beat), y
    o : Out(stream of Beat), in the activations' format
    """

    cycles_per_beat = 2

    def __init__(self, spec: SmoothGluSpec):
        self.spec = spec
        super().__init__(spec.input.width, spec.activation_format.width)

    def make(self, m: Module, leaves: Signal) -> None:
        spec, function = self.spec, self.spec.function
        argument = Signal(signed(function.argument.width))
        m.d.comb += argument.eq(requantise(self.i.payload.value, spec.input_shift, len(argument)))
        if isinstance(function, Gelu):
            out = gelu_of(m, function, argument)
        else:
            out = rise_of(m, function.sigmoid, argument)
        shift = function.output.fraction - spec.activation_format.fraction
        m.d.comb += self.o.payload.value.eq(requantise(out, shift, spec.activation_format.width))
