"""The end of a gated linear unit: a value times the sigmoid of its gate."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.fixed import requantise, round_shift, saturate, shift_left
from hdl.primitives.fabric import BLOCKS, Fabric
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.queue import Queue
from hdl.streams import Beat, beats
from hdl.units.functions import rise_of
from quantize.layers.glu import OPERAND_WIDTH, GluSpec


class SigmoidGate(wiring.Component):
    """Takes a value and its gate by turns, and gives `value * sigmoid(gate)`.

    The gate waits at the input while its sigmoid and the product are made.

    Parameters
    ----------
    spec : GluSpec
    fabric : Fabric

    Members
    -------
    i : In(stream of Beat), sums: value of channel 0, gate of channel 0, value of channel 1, ...
    o : Out(stream of Beat), in the residual format
    """

    def __init__(self, spec: GluSpec, fabric: Fabric = BLOCKS):
        self.spec = spec
        self.multiplier = Multiplier(OPERAND_WIDTH, spec.sigmoid.fraction + 1, fabric=fabric)
        super().__init__({"i": In(beats(spec.sum_width)), "o": Out(beats(spec.output.width))})

    @property
    def gate_latency(self) -> int:
        """Cycles from the gate's arrival until its product waits: argument, table, product, rounded."""
        return self.multiplier.latency + 3

    @property
    def pair_cycles(self) -> int:
        """Cycles that a pair takes: the value's, the gate's, into the queue, and the gate's handshake."""
        return 1 + self.gate_latency + 2

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, sigmoid = self.spec, self.spec.sigmoid
        m.submodules.multiplier = multiplier = self.multiplier
        value = Signal(signed(OPERAND_WIDTH), reset_less=True)
        # A shift to the left comes behind the register: Yosys refuses constant bits in one ("conflicting init
        # values"). What it clips earlier lies beyond the table all the same.
        left = max(0, -spec.argument_shift)
        kept = Signal(signed(sigmoid.argument.width - left), reset_less=True)
        m.d.sync += kept.eq(requantise(self.i.payload.value, spec.argument_shift + left, len(kept)))
        argument = shift_left(kept, left)
        rise = rise_of(m, sigmoid, argument)
        product = round_shift(multiplier.product, spec.product_shift)
        rounded = Signal(product.shape(), reset_less=True)
        m.d.sync += rounded.eq(product)
        # Clipped on the way into the queue: an addition that clips follows.
        m.submodules.queue = queue = Queue(Beat(spec.output.width), 1)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        m.d.comb += [
            multiplier.a.eq(value),
            # By an adder: Yosys refuses a constant bit of an operand's register ("conflicting init values").
            multiplier.b.eq(rise + (1 << (sigmoid.fraction - 1))),
            queue.i.payload.first.eq(self.i.payload.first),
            queue.i.payload.last.eq(self.i.payload.last),
            queue.i.payload.value.eq(saturate(rounded, spec.output.width)),
        ]
        age = Signal(range(self.gate_latency))
        ripe = Signal()
        with m.FSM():
            with m.State("value"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.d.sync += [
                        value.eq(requantise(self.i.payload.value, spec.value_shift, OPERAND_WIDTH)),
                        age.eq(0),
                    ]
                    m.next = "gate"
            with m.State("gate"):
                with m.If(self.i.valid & ~ripe):
                    m.d.sync += [age.eq(age + 1), ripe.eq(age == self.gate_latency - 1)]
                m.d.comb += queue.i.valid.eq(ripe)
                with m.If(ripe & queue.i.ready):
                    m.d.sync += ripe.eq(0)
                    m.next = "leave"
            with m.State("leave"):  # of its own, for what takes the gate away waits for nothing else
                m.d.comb += self.i.ready.eq(1)
                m.next = "value"
        return m
