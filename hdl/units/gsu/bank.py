"""Steps of a Gated Spiking Unit's y in a ring of banks, and what each needs to know of itself as a whole."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.primitives.component import Component
from hdl.primitives.counters import StepGate, channel_counter
from hdl.primitives.deep_fifo import ShallowFifo
from hdl.primitives.fixed import magnitude
from hdl.primitives.memory import ram
from hdl.primitives.registers import delayed
from hdl.primitives.streams import beats, marks_of
from hdl.units.gsu.front import StepScale, scale_of_bank
from quantize.layers.gsu import GatedProductSpec


class StepBank(Component):
    """Collects steps while an earlier one is read.

    Parameters
    ----------
    spec : GatedProductSpec

    Members
    -------
    i : In(stream of Beat), y
    steps : Out(stream of StepScale)
        One for each step that is complete, in their order; their banks follow each other from address 0 on.
    address : In(range(BANKS * H))
    word : Out(y's width)
        Magnitude of y, and above it its sign, as the address of the cycle before says.
    step_leaves : In(1)
        The oldest step is read no more.
    """

    BANKS = 4
    # Cycles from a step's last y until its scale is queued: its magnitude, the largest, the scale.
    LATENCY = 3

    def __init__(self, spec: GatedProductSpec):
        self.spec = spec
        width = spec.magnitude_width
        self.scale = StepScale(spec)
        super().__init__(
            {
                "i": In(beats(spec.input.width)),
                "steps": Out(stream.Signature(self.scale)),
                "address": In(range(self.BANKS * spec.channels)),
                "word": Out(width + 1),
                "step_leaves": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        channels, width = self.spec.channels, self.spec.magnitude_width
        write, read = ram(m, "activations", self.BANKS * channels, width + 1, quick=True)
        m.submodules.gate = gate = StepGate(channels, self.BANKS)
        m.d.comb += [
            self.i.ready.eq(gate.ready),
            gate.take.eq(self.i.valid & gate.ready),
            gate.step_leaves.eq(delayed(m, self.step_leaves, 1)),  # a cycle late: it comes late in a cycle
            read.addr.eq(self.address),
            self.word.eq(read.data),
        ]

        # A cycle later: into the memory, and the largest of the step.
        y = self.i.payload.value
        y_magnitude, y_negative = Signal(width, reset_less=True), Signal(reset_less=True)
        marks = Signal(2, reset_less=True)
        taken, begun = delayed(m, gate.take, 1), delayed(m, gate.begins, 1)
        m.d.sync += [
            y_magnitude.eq(magnitude(y)),
            y_negative.eq(y[width]),
            marks.eq(marks_of(self.i.payload)),
        ]
        collected, _ = channel_counter(m, "collected", self.BANKS * channels, taken)
        m.d.comb += [
            write.en.eq(taken),
            write.addr.eq(collected),
            write.data.eq(Cat(y_magnitude, y_negative)),
        ]
        scale = scale_of_bank(m, self.spec, taken, begun, y_magnitude)
        m.submodules.steps = steps = ShallowFifo(self.scale, self.BANKS)
        wiring.connect(m, steps.o, wiring.flipped(self.steps))
        payload = steps.i.payload
        m.d.comb += [
            steps.i.valid.eq(delayed(m, gate.ends, self.LATENCY)),
            marks_of(payload).eq(delayed(m, marks, self.LATENCY - 1)),
            payload.headroom.eq(scale.headroom),
            payload.inverted_limit.eq(scale.inverted_limit),
        ]
        return m
