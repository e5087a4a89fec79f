"""The two paths of a Gated Spiking Unit where a channel comes and a product leaves in every cycle."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.data import View

from hdl.primitives.counters import channel_counter
from hdl.primitives.deep_fifo import CreditFifo
from hdl.primitives.fixed import exceeds, round_shift, saturate, shift_left, times
from hdl.primitives.memory import rom, words_of
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.registers import delayed
from hdl.primitives.selection import choosing_cycles
from hdl.primitives.streams import Beat, beats
from hdl.units.gsu.bank import StepBank
from hdl.units.gsu.mixer import GsuMixer
from hdl.units.gsu.streamed_lanes import GsuLanes
from quantize.constants import THRESHOLD
from quantize.layers.gsu import (
    ACTIVATION_BITS,
    OPERAND_WIDTH,
    GatedProductSpec,
    LeanGsuSpec,
)


class StreamedGsuMixer(GsuMixer):
    """`hdl.units.gsu.mixer.GsuMixer`, faster: what that one does in turn is done at once here.

    Steps are collected in a ring of banks while an earlier one is walked: for each block of `lanes` outputs,
    all input channels once, without a gap over the ends of blocks and steps. A block's sums leave their
    lanes for a pipeline, one in every cycle, while the next block is walked; its last row waits until there
    will be room for its sums.

    Parameters
    ----------
    spec : GatedProductSpec
    lanes : int
        Output channels computed at a time, 1 to H.

    Members
    -------
    i : In(stream of Beat), y
    o : Out(stream of Beat), the shifted product
    """

    # Cycles of an output that was chosen: bias added, into the multiplier, multiplied, rounded; clipped as it
    # leaves.
    OUTPUT_LATENCY = 4

    @staticmethod
    def _output(spec: GatedProductSpec) -> stream.Signature:
        return beats(spec.mixer_width)

    @property
    def cycles_per_step(self) -> int:
        """Rows of each block, or the way of its last one."""
        return self.blocks * max(self.spec.channels, GsuLanes.SUM_LATENCY + 2)

    @property
    def latency_cycles(self) -> int:
        """Most cycles from a step's last beat to its last output, when nothing else is under way."""
        return self.cycles_per_step + self.lanes + GsuLanes.SUM_LATENCY + self._drain_latency + 9

    @property
    def _drain_latency(self) -> int:
        """Cycles from a sum's departure from its lane to its product."""
        return choosing_cycles(self.lanes) + self.OUTPUT_LATENCY

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, channels = self.spec, self.spec.channels
        m.submodules.bank = bank = StepBank(spec)
        wiring.connect(m, wiring.flipped(self.i), bank.i)
        steps = bank.steps

        # Walking: `row` within the block, `block` within the step.
        walking, may_end = Signal(), Signal()
        bank_start = Signal(range(bank.BANKS * channels))
        row, block = Signal(range(channels)), Signal(range(self.blocks))
        last_row = Signal(init=channels == 1)  # known a cycle ahead: much waits for it
        last_block = block == self.blocks - 1
        scale = Signal(bank.scale, reset_less=True)
        issue, ends = Signal(), Signal()
        m.d.comb += [
            steps.ready.eq(~walking | bank.step_leaves),
            issue.eq(walking & (~last_row | may_end)),
            ends.eq(issue & last_row),
            bank.step_leaves.eq(ends & last_block),
            bank.address.eq(bank_start + row),
        ]
        with m.If(issue):
            m.d.sync += [
                row.eq(Mux(last_row, 0, row + 1)),
                last_row.eq((row == channels - 2) if channels > 1 else 1),
            ]
        with m.If(ends):
            m.d.sync += block.eq(Mux(last_block, 0, block + 1))
        with m.If(bank.step_leaves):
            last_bank = bank_start == (bank.BANKS - 1) * channels
            m.d.sync += [walking.eq(0), bank_start.eq(Mux(last_bank, 0, bank_start + channels))]
        with m.If(steps.valid & steps.ready):
            m.d.sync += [walking.eq(1), scale.eq(steps.payload)]

        m.submodules.lanes = lanes = GsuLanes(spec, self.lanes)
        nonzero, negative, activation = self._activations(m, bank.word, scale)
        m.d.comb += [
            lanes.issue.eq(issue),
            lanes.ends.eq(ends),
            lanes.nonzero.eq(nonzero),
            lanes.negative.eq(negative),
            lanes.activation.eq(activation),
        ]

        # A block's sums leave the lanes one after the other. The next block may end when all are sure to have
        # left in time.
        latency = lanes.SUM_LATENCY
        m.submodules.outlet = outlet = CreditFifo(
            Beat(spec.mixer_width), self._drain_latency, spare=latency + 1
        )
        wiring.connect(m, outlet.o, wiring.flipped(self.o))
        left, ended = Signal(range(self.lanes + 1)), Signal(range(self.lanes + 1))
        ended_marks, out_marks = Signal(2, reset_less=True), Signal(2, reset_less=True)
        under_way = Signal()
        drain = Signal()
        m.d.comb += [lanes.drain.eq(drain), outlet.enter.eq(drain)]
        m.d.sync += drain.eq((lanes.complete | (left > drain)) & (outlet.free > drain))
        gone_in_time = (left <= latency + 1) | (drain & (left == latency + 2))
        m.d.sync += may_end.eq(~under_way & ~ends & gone_in_time & (outlet.free >= left))
        with m.If(ends):
            rest = channels - (self.blocks - 1) * self.lanes
            m.d.sync += [
                under_way.eq(1),
                ended.eq(Mux(last_block, rest, self.lanes)),
                ended_marks.eq(Cat(scale.first, scale.last)),
            ]
        with m.Elif(lanes.complete):
            m.d.sync += under_way.eq(0)
        with m.If(lanes.complete):
            m.d.sync += [left.eq(ended), out_marks.eq(ended_marks)]
        with m.Elif(drain):
            m.d.sync += left.eq(left - 1)
        self._multiply(m, outlet, delayed(m, drain, lanes.drain_latency), lanes.real, lanes.gate)
        marks = delayed(m, out_marks, self._drain_latency)
        m.d.comb += Cat(outlet.value.first, outlet.value.last).eq(marks)
        return m

    def _activations(self, m: Module, word: Value, scale: View) -> tuple[Signal, Signal, Signal]:
        """Both activations of the row that was issued six cycles ago: not zero; negative, of one issued five
        cycles ago; the magnitude.

        Cycle 1: the memory's word. 2: its multiple, aligned coarsely. 3: compared, aligned. 4: rounded.
        5: clipped.
        """
        spec, width = self.spec, self.spec.magnitude_width
        factor = 1 if isinstance(spec, LeanGsuSpec) else THRESHOLD.denominator
        headroom = Signal.like(scale.headroom, name="headroom")
        limit = Signal.like(scale.inverted_limit, name="limit")
        m.d.comb += [headroom.eq(scale.headroom), limit.eq(scale.inverted_limit)]
        fine_bits = min(2, len(headroom))
        # The scale belongs to the row just issued.
        coarse = delayed(m, headroom, 2, reset_less=True)[fine_bits:]
        fine_shift = delayed(m, headroom, 3, reset_less=True)[:fine_bits]
        limit_now = delayed(m, limit, 3, reset_less=True)
        magnitude2, coarse3, fine4 = (
            Signal(width, name=f"magnitude_{age}", reset_less=True) for age in (2, 3, 4)
        )
        multiple3 = Signal(len(limit), reset_less=True)
        nonzero4, rounded5 = Signal(reset_less=True), Signal(ACTIVATION_BITS + 1, reset_less=True)
        activation = Signal(ACTIVATION_BITS, reset_less=True)
        negative2 = Signal(reset_less=True)
        dropped = spec.dropped
        m.d.sync += [
            Cat(magnitude2, negative2).eq(word),
            multiple3.eq(times(magnitude2, factor)),
            coarse3.eq(magnitude2 << Cat(Const(0, fine_bits), coarse)),
            nonzero4.eq(exceeds(multiple3, limit_now)),
            fine4.eq(coarse3 << fine_shift),
            rounded5.eq(fine4[dropped:] + fine4[dropped - 1]),
            activation.eq(rounded5[:ACTIVATION_BITS] | rounded5[-1].replicate(ACTIVATION_BITS)),
        ]
        nonzero, negative = (
            delayed(m, value, age, reset_less=True) for value, age in ((nonzero4, 2), (negative2, 3))
        )
        return nonzero, negative, activation

    def _multiply(self, m: Module, outlet: CreditFifo, drained: Signal, real: Value, gate: Value) -> None:
        """p + bias times g. Cycle 1: the operands; 3: the product; 4: rounded, and clipped as it goes."""
        spec = self.spec
        biases = rom(m, "biases", words_of(spec.bias, spec.bias_path_width), spec.bias_path_width)
        _, biases_at = channel_counter(m, "output", spec.channels, drained)
        m.submodules.multiplier = multiplier = Multiplier()
        real_operand = Signal(signed(OPERAND_WIDTH), reset_less=True)
        gate_operand = round_shift(gate, spec.gate_shift)
        rounded_gate = Signal(gate_operand.shape(), reset_less=True)
        product = round_shift(multiplier.product, spec.mixer_shift)
        rounded_product = Signal(product.shape(), reset_less=True)
        m.d.sync += [
            real_operand.eq(shift_left(real, spec.idle_weight_bits) + biases.data.as_signed()),
            rounded_gate.eq(gate_operand),
            rounded_product.eq(product),
        ]
        m.d.comb += [
            biases.addr.eq(biases_at),
            multiplier.a.eq(real_operand),
            multiplier.b.eq(saturate(rounded_gate, OPERAND_WIDTH)),
            outlet.arrive.eq(delayed(m, drained, self.OUTPUT_LATENCY)),
            outlet.value.value.eq(saturate(rounded_product, spec.mixer_width)),
        ]
