"""The end of a gated linear unit: a value times the sigmoid of its gate."""

from amaranth.hdl import Cat, Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.primitives.component import Component
from hdl.primitives.deep_fifo import RegisterCreditFifo
from hdl.primitives.fixed import requantise, round_shift, saturate, shift_left
from hdl.primitives.functions import SIGMOID_LATENCY, sigmoid_of
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.registers import delayed
from hdl.primitives.streams import Beat, beats
from quantize.formats import OPERAND_WIDTH
from quantize.layers.glu import GluSpec


class SigmoidGate(Component):
    """Takes a value and its gate by turns, and gives `value * sigmoid(gate)`: a beat in every cycle.

    Parameters
    ----------
    spec : GluSpec
    target : DeviceFeatures
    sum_width : int, optional
        Bits of a sum, if not the specification's own.
    sequential : bool
        A pair is taken when the product before has left. Nothing has to accompany it then: some hundred
        logic cells less.

    Members
    -------
    i : In(stream of Beat), sums: value of channel 0, gate of channel 0, value of channel 1, ...
    o : Out(stream of Beat), in the residual format
    """

    def __init__(
        self, spec: GluSpec, target: DeviceFeatures = MULTIPLIER_BLOCKS, *,
        sum_width: int | None = None, sequential: bool = False,
    ):  # fmt: skip
        self.spec, self.sequential = spec, sequential
        self.multiplier = Multiplier(OPERAND_WIDTH, spec.sigmoid.fraction + 1, target=target)
        # Cycles from a gate until its sigmoid is an operand, and until its product comes to the end: rounded,
        # and clipped on its way into the queue there, for an addition that clips follows.
        self.operand_after = 1 + SIGMOID_LATENCY
        latency = self.operand_after + self.multiplier.latency + 1
        shape = Beat(spec.output.width)
        self.outlet = RegisterCreditFifo(
            shape, latency, latency + RegisterCreditFifo.RETURN if sequential else 2
        )
        super().__init__({"i": In(beats(sum_width or spec.sum_width)), "o": Out(beats(spec.output.width))})

    @property
    def pair_cycles(self) -> int:
        """Cycles from a pair to the next one; in the sequential form a value waits for room too."""
        return self.outlet.period + self.sequential

    def burst_cycles(self, pairs: int, taken_in: int) -> int:
        """Most cycles from the first of some pairs to the last one; see `RegisterCreditFifo.burst_cycles`."""
        if not self.sequential:
            return self.outlet.burst_cycles(pairs, taken_in)
        # Its only place is free again after the first product; then one leaves in each turn.
        return min(pairs - 1, 1) * self.pair_cycles + max(pairs - 2, 0) * max(self.pair_cycles, taken_in)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec = self.spec
        m.submodules.multiplier, m.submodules.outlet = multiplier, outlet = self.multiplier, self.outlet
        wiring.connect(m, outlet.o, wiring.flipped(self.o))

        def accompanied(of_pair: Signal, cycles: int) -> Signal:
            """What a pair's first beat left in a register, so many cycles after its second one."""
            return of_pair if self.sequential else delayed(m, of_pair, cycles, reset_less=True)

        at_gate, take = Signal(), Signal()
        value, marks = Signal(signed(OPERAND_WIDTH), reset_less=True), Signal(2, reset_less=True)
        # Only a pair that waits keeps its value from coming before there is room.
        m.d.comb += [
            self.i.ready.eq(outlet.room if self.sequential else outlet.room | ~at_gate),
            take.eq(self.i.valid & self.i.ready),
            outlet.enter.eq(take & at_gate),
        ]
        m.d.sync += at_gate.eq(at_gate ^ take)
        with m.If(take & ~at_gate):
            m.d.sync += [
                value.eq(requantise(self.i.payload.value, spec.value_shift, OPERAND_WIDTH)),
                marks.eq(Cat(self.i.payload.first, self.i.payload.last)),
            ]
        m.d.comb += [
            multiplier.a.eq(accompanied(value, self.operand_after)),
            multiplier.b.eq(sigmoid_of(m, spec.sigmoid, self._argument(m))),
        ]
        product = round_shift(multiplier.product, spec.product_shift)
        rounded = Signal(product.shape(), reset_less=True)
        m.d.sync += rounded.eq(product)
        m.d.comb += [
            outlet.arrive.eq(delayed(m, outlet.enter, outlet.latency)),
            outlet.value.value.eq(saturate(rounded, spec.output.width)),
            Cat(outlet.value.first, outlet.value.last).eq(accompanied(marks, outlet.latency)),
        ]
        return m

    def _argument(self, m: Module) -> Value:
        """A gate as an argument of the sigmoid, a cycle later."""
        shift, width = self.spec.argument_shift, self.spec.sigmoid.argument.width
        # A shift to the left comes behind the register: Yosys refuses constant bits in one ("conflicting init
        # values"). What it clips earlier lies beyond the table all the same.
        left = max(0, -shift)
        kept = Signal(signed(width - left), reset_less=True)
        m.d.sync += kept.eq(requantise(self.i.payload.value, shift + left, len(kept)))
        return shift_left(kept, left)
