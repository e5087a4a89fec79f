"""A mixer of vectors behind streams of beats."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal, signed
from amaranth.lib.wiring import In, Out

from hdl.mixers.parallel import ParallelMixer
from hdl.mixers.serial import SerialMixer
from hdl.primitives.component import Component
from hdl.primitives.fixed import count_width
from hdl.primitives.streams import beats


class BurstMixer(Component):
    """Collects a step's beats for a mixer of vectors, and gives its product beat by beat.

    Beats are shifted in, which takes flip-flops but no look-up tables. The product stays in the mixer while
    it leaves through a multiplexer, so the mixer stands still meanwhile.

    Parameters
    ----------
    mixer : ParallelMixer or SerialMixer

    Members
    -------
    i : In(stream of Beat), x
    o : Out(stream of Beat), y
    """

    def __init__(self, mixer: ParallelMixer | SerialMixer):
        self.mixer = mixer
        self.product = mixer.graph.product
        super().__init__({"i": In(beats(self.product.input_width)), "o": Out(beats(self.product.sum_width))})

    @property
    def cycles_per_product(self) -> int:
        """At most so many from one product to the next, if inputs come and sums leave at once."""
        return max(self.product.inputs, self.product.outputs + self.mixer.latency - 1)

    @property
    def latency(self) -> int:
        """Cycles from a product's first input to its first sum."""
        return self.product.inputs + self.mixer.latency

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.mixer = mixer = self.mixer
        inputs, outputs = self.product.inputs, self.product.outputs

        arriving = [
            Signal(signed(self.product.input_width), name=f"arriving_{k}", reset_less=True)
            for k in range(inputs)
        ]
        marks = Signal(2, reset_less=True)
        arrived = Signal(range(inputs + 1))
        take, full = Signal(), Signal()
        m.d.comb += [
            full.eq(arrived == inputs),
            self.i.ready.eq(~full | mixer.i.ready),
            take.eq(self.i.valid & self.i.ready),
            mixer.i.valid.eq(full),
            Cat(mixer.i.payload.first, mixer.i.payload.last).eq(marks),
            *(mixer.i.payload.values[k].eq(value) for k, value in enumerate(arriving)),
        ]
        m.d.sync += arrived.eq(Mux(full & mixer.i.ready, 0, arrived) + take)
        with m.If(take):
            m.d.sync += marks.eq(Cat(self.i.payload.first, self.i.payload.last))
            following = [*arriving[1:], self.i.payload.value]
            m.d.sync += [register.eq(value) for register, value in zip(arriving, following, strict=True)]

        output = Signal(count_width(outputs))
        last = output == outputs - 1
        m.d.comb += [
            self.o.valid.eq(mixer.o.valid),
            self.o.payload.first.eq(mixer.o.payload.first),
            self.o.payload.last.eq(mixer.o.payload.last),
            self.o.payload.value.eq(Array(mixer.o.payload.values[k] for k in range(outputs))[output]),
            mixer.o.ready.eq(self.o.ready & last),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += output.eq(Mux(last, 0, output + 1))
        return m
