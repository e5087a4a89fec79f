"""The two paths of a Gated Spiking Unit where a channel comes and a product leaves in every cycle."""

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.data import View
from amaranth.lib.wiring import In, Out

from hdl.devices.features import BLOCK_LATENCY
from hdl.primitives.component import Component
from hdl.primitives.counters import channel_counter, next_is_last
from hdl.primitives.deep_fifo import CreditFifo
from hdl.primitives.fixed import round_shift, saturate, shift_left
from hdl.primitives.memory import rom, words_of
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.registers import delayed
from hdl.primitives.selection import choosing_cycles
from hdl.primitives.streams import Beat, beats, marks_of
from hdl.units.gsu.bank import StepBank
from hdl.units.gsu.front import activations_of_ring
from hdl.units.gsu.streamed_lanes import GsuLanes
from hdl.units.gsu.tables import blocks_of
from quantize.formats import OPERAND_WIDTH
from quantize.layers.gsu import GatedProductSpec


@dataclass(frozen=True)
class Walk:
    """The walk over a ring of banks.

    Parameters
    ----------
    issue, ends : Signal
        A row is issued; it is the last one of its block.
    last_block : Value
        The block is the last one of its step.
    may_end : Signal
        A block may end. Set by the drain.
    scale : View of StepScale
        Of the step.
    """

    issue: Signal
    ends: Signal
    last_block: Value
    may_end: Signal
    scale: View


class StreamedGsuMixer(Component):
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

    # Cycles from a step's last y until its first row is issued: in the bank's queue, out of it, taken over.
    COLLECT_LATENCY = StepBank.LATENCY + 1 + 1
    # Cycles of an output that was chosen: bias added, multiplied, rounded; clipped as it leaves.
    OUTPUT_LATENCY = 1 + BLOCK_LATENCY + 1

    def __init__(self, spec: GatedProductSpec, lanes: int):
        self.spec, self.lanes, self.blocks = spec, lanes, blocks_of(spec, lanes)
        super().__init__({"i": In(beats(spec.input.width)), "o": Out(beats(spec.mixer_width))})

    @property
    def cycles_per_step(self) -> int:
        """Rows of each block, or the way of its last one."""
        return self.blocks * max(self.spec.channels, GsuLanes.SUM_LATENCY + 2)

    @property
    def latency_cycles(self) -> int:
        """Most cycles from a step's last beat to its last output, when nothing else is under way."""
        # A block's end waits a cycle for `may_end`, and its first sum a cycle for its way out.
        around = self.COLLECT_LATENCY + 1 + 1 + CreditFifo.LATENCY
        return self.cycles_per_step + self.lanes + GsuLanes.SUM_LATENCY + self._drain_latency + around

    def latency_taken_in(self, cycles: int) -> int:
        """As `latency_cycles`, where an output is taken in every so many cycles at most."""
        return self.latency_cycles + (cycles - 1) * self.spec.channels

    @property
    def _drain_latency(self) -> int:
        """Cycles from a sum's departure from its lane to its product."""
        return choosing_cycles(self.lanes) + self.OUTPUT_LATENCY

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec = self.spec
        m.submodules.bank = bank = StepBank(spec)
        wiring.connect(m, wiring.flipped(self.i), bank.i)
        walk = self._walk(m, bank)
        m.submodules.lanes = lanes = GsuLanes(spec, self.lanes)
        activations = activations_of_ring(m, spec, bank.word, walk.scale)
        m.d.comb += [
            lanes.issue.eq(walk.issue),
            lanes.ends.eq(walk.ends),
            lanes.nonzero.eq(activations.nonzero),
            lanes.negative.eq(activations.negative),
            lanes.activation.eq(activations.magnitude),
        ]
        m.submodules.outlet = outlet = CreditFifo(
            Beat(spec.mixer_width), self._drain_latency, spare=lanes.SUM_LATENCY + 1
        )
        wiring.connect(m, outlet.o, wiring.flipped(self.o))
        drain, out_marks = self._drain(m, walk, lanes, outlet)
        self._multiply(m, outlet, delayed(m, drain, lanes.drain_latency), lanes.real, lanes.gate)
        m.d.comb += marks_of(outlet.value).eq(delayed(m, out_marks, self._drain_latency))
        return m

    def _walk(self, m: Module, bank: StepBank) -> Walk:
        """`row` within the block, `block` within the step."""
        channels, steps = self.spec.channels, bank.steps
        walking, may_end = Signal(), Signal()
        bank_start = Signal(range(bank.BANKS * channels))
        row, block = Signal(range(channels)), Signal(range(self.blocks))
        last_row = Signal(init=channels == 1)  # known a cycle ahead: much logic depends on it
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
                last_row.eq(next_is_last(row, channels)),
            ]
        with m.If(ends):
            m.d.sync += block.eq(Mux(last_block, 0, block + 1))
        with m.If(bank.step_leaves):
            last_bank = bank_start == (bank.BANKS - 1) * channels
            m.d.sync += [walking.eq(0), bank_start.eq(Mux(last_bank, 0, bank_start + channels))]
        with m.If(steps.valid & steps.ready):
            m.d.sync += [walking.eq(1), scale.eq(steps.payload)]
        return Walk(issue, ends, last_block, may_end, scale)

    def _drain(self, m: Module, walk: Walk, lanes: GsuLanes, outlet: CreditFifo) -> tuple[Signal, Signal]:
        """A block's sums leave the lanes one after the other: whether one does, and the marks of all.

        The next block may end when all are sure to have left in time.
        """
        channels, latency = self.spec.channels, lanes.SUM_LATENCY
        left, ended = Signal(range(self.lanes + 1)), Signal(range(self.lanes + 1))
        ended_marks, out_marks = Signal(2, reset_less=True), Signal(2, reset_less=True)
        under_way = Signal()
        drain = Signal()
        m.d.comb += [lanes.drain.eq(drain), outlet.enter.eq(drain)]
        m.d.sync += drain.eq((lanes.complete | (left > drain)) & (outlet.free > drain))
        gone_in_time = (left <= latency + 1) | (drain & (left == latency + 2))
        m.d.sync += walk.may_end.eq(~under_way & ~walk.ends & gone_in_time & (outlet.free >= left))
        with m.If(walk.ends):
            rest = channels - (self.blocks - 1) * self.lanes
            m.d.sync += [
                under_way.eq(1),
                ended.eq(Mux(walk.last_block, rest, self.lanes)),
                ended_marks.eq(marks_of(walk.scale)),
            ]
        with m.Elif(lanes.complete):
            m.d.sync += under_way.eq(0)
        with m.If(lanes.complete):
            m.d.sync += [left.eq(ended), out_marks.eq(ended_marks)]
        with m.Elif(drain):
            m.d.sync += left.eq(left - 1)
        return drain, out_marks

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
