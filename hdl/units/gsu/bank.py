"""Steps of a Gated Spiking Unit's y in a ring of banks, and what each needs to know of itself as a whole."""

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from hdl.primitives.counters import StepGate, channel_counter
from hdl.primitives.deep_fifo import ShallowFifo
from hdl.primitives.fixed import exceeds, magnitude, times
from hdl.primitives.memory import ram
from hdl.primitives.registers import delayed
from hdl.primitives.streams import beats
from quantize.constants import THRESHOLD
from quantize.layers.gsu import GatedProductSpec, LeanGsuSpec


class StepScale(StructLayout):
    """What a step's walk needs to know of the whole step.

    Members
    -------
    first, last : 1
    headroom : unsigned
        Left shift of the magnitudes that fills their word.
    inverted_limit : unsigned
        What the multiple of a magnitude must exceed, inverted.
    """

    def __init__(self, headroom: int, limit: int):
        super().__init__({"first": 1, "last": 1, "headroom": headroom, "inverted_limit": limit})


class StepBank(wiring.Component):
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

    def __init__(self, spec: GatedProductSpec):
        self.spec = spec
        width = spec.magnitude_width
        if isinstance(spec, LeanGsuSpec):
            self.scale = StepScale(1, width)
        else:
            self.scale = StepScale(width.bit_length(), width + THRESHOLD.denominator.bit_length())
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
            marks.eq(Cat(self.i.payload.first, self.i.payload.last)),
        ]
        collected, _ = channel_counter(m, "collected", self.BANKS * channels, taken)
        m.d.comb += [
            write.en.eq(taken),
            write.addr.eq(collected),
            write.data.eq(Cat(y_magnitude, y_negative)),
        ]
        headroom, inverted_limit = self._scale(m, taken, begun, y_magnitude)
        m.submodules.steps = steps = ShallowFifo(self.scale, self.BANKS)
        wiring.connect(m, steps.o, wiring.flipped(self.steps))
        payload = steps.i.payload
        m.d.comb += [
            steps.i.valid.eq(delayed(m, gate.ends, 3)),
            Cat(payload.first, payload.last).eq(delayed(m, marks, 2)),
            payload.headroom.eq(headroom),
            payload.inverted_limit.eq(inverted_limit),
        ]
        return m

    def _scale(self, m: Module, taken: Value, begun: Value, y_magnitude: Value) -> tuple[Value, Value]:
        """A step's left shift and inverted limit, two cycles after its last magnitude."""
        width = self.spec.magnitude_width
        if isinstance(self.spec, LeanGsuSpec):
            return Const(0, 1), Const(~self.spec.threshold & (1 << width) - 1, width)
        inverted_largest = Signal(width, reset_less=True)
        with m.If(taken & (begun | exceeds(y_magnitude, inverted_largest))):
            m.d.sync += inverted_largest.eq(~y_magnitude)
        peak = ~inverted_largest
        headroom = Signal(range(width + 1), reset_less=True)
        inverted_limit = Signal(width + THRESHOLD.denominator.bit_length(), reset_less=True)
        m.d.sync += [
            inverted_limit.eq(times(peak, THRESHOLD.numerator) ^ Const(-1, len(inverted_limit))),
            headroom.eq(width),
        ]
        for position in range(width):  # the highest set bit is assigned last
            with m.If(peak[position]):
                m.d.sync += headroom.eq(width - 1 - position)
        return headroom, inverted_limit
