"""The two paths of a Gated Spiking Unit through one walk over its weights."""

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.primitives.bank_walk import BankWalk, ages
from hdl.primitives.component import Component
from hdl.primitives.counters import is_last_of_each, next_is_last
from hdl.primitives.fixed import round_shift, saturate, shift_left
from hdl.primitives.memory import rom, words_of
from hdl.primitives.streams import Factors, beats, marks_of
from hdl.units.gsu.collection import Collected, collect
from hdl.units.gsu.front import activations_of_walk, scale_of_walk
from hdl.units.gsu.sums import LaneSums, MovedSums, StandingSums
from hdl.units.gsu.tables import LayerTables, blocks_of, weight_memories
from quantize.formats import OPERAND_WIDTH
from quantize.layers.gsu import GatedProductSpec


@dataclass(frozen=True)
class Rows:
    """The rows of a walk.

    Parameters
    ----------
    issue, last_row : Signal
        A row is issued; it is the last one of its block.
    row : Signal
    walk_starts : Signal
        The next cycle may issue the first one.
    marks : Signal
        Of the step.
    pending : Signal
        The sums of a block have not left. Set and cleared by the drain.
    """

    issue: Signal
    last_row: Signal
    row: Signal
    walk_starts: Signal
    marks: Signal
    pending: Signal


class GsuMixer(Component):
    """From y to the factors of the gate product: thresholds, ternary times real and real times ternary.

    A step is collected in one of two banks while the other one is walked: for each block of `lanes` outputs,
    all input channels once. A row of weights holds a real one for each lane; the ternary ones are read from
    their own memory a cycle earlier, and what they make of the activation's sign waits in registers. The
    ternary activation and the block-floating-point one are made from y on the way, again for each block,
    which is cheaper than storing them.

    Parameters
    ----------
    spec : GatedProductSpec
    lanes : int
        Output channels computed at a time, 1 to H.
    target : DeviceFeatures
    sequential : bool
        A block's walk waits until the sums before have left. Otherwise it is its last row that does.
    others : sequence of GatedProductSpec
        Layers that it serves in turn behind that of `spec`, step by step, in the same formats.

    Members
    -------
    i : In(stream of Beat), y
    o : Out(stream of Factors), p and g of each channel
    """

    # Cycles from a step's last y until its first row is issued.
    COLLECT_LATENCY = 2
    # Cycles from the issue of a block's last row until its sums are given, less one.
    ROW_LATENCY = 2
    # Cycles from an output to the next one at least: the sums move, and a bias is read.
    OUTPUT_CYCLES = 2

    def __init__(
        self, spec: GatedProductSpec, lanes: int, target: DeviceFeatures = MULTIPLIER_BLOCKS, *,
        sequential: bool = False, others: Sequence[GatedProductSpec] = (),
    ):  # fmt: skip
        self.tables, self.target = LayerTables((spec, *others)), target
        self.spec, self.lanes, self.blocks = spec, lanes, blocks_of(spec, lanes)
        self.sequential, self.sums = sequential, self.sums_of(sequential)
        factors = stream.Signature(Factors(OPERAND_WIDTH))
        super().__init__({"i": In(beats(spec.input.width)), "o": Out(factors)})

    @staticmethod
    def sums_of(sequential: bool) -> type[LaneSums]:
        """What its lanes are made of."""
        return StandingSums if sequential else MovedSums

    @property
    def cycles_per_step(self) -> int:
        return self.cycles_taken_in(1)

    def latency_taken_in(self, cycles: int) -> int:
        """Most cycles from a step's last y to its last output, when nothing else is under way.

        The walk begins when its bank is full; the last block's rows and outputs follow each other. Each
        output is taken so many cycles after it is given.
        """
        rest = self.spec.channels - (self.blocks - 1) * self.lanes
        return self.COLLECT_LATENCY + self.cycles_taken_in(cycles) + self._drained(rest, cycles)

    def cycles_taken_in(self, cycles: int) -> int:
        """From one step's walk to the next, if each output is taken so many cycles after it is given.

        A cycle between blocks, one more after steps, or the outputs; where blocks wait, both. A block's last
        output is still on its way while the next block is walked.
        """
        channels, blocks = self.spec.channels, self.blocks
        rest = channels - (blocks - 1) * self.lanes
        drained, drained_last = self._drained(self.lanes, cycles), self._drained(rest, cycles)
        if self.sequential:
            return blocks * channels + (blocks - 1) * drained + drained_last
        rows = channels + 1
        return (blocks - 1) * max(rows, drained + 1) + max(rows + 1, drained_last + 1)

    def output_delays(self, cycles: int) -> list[int]:
        """Cycles from a step's last y until each output is given, when nothing else is under way.

        Each output is taken so many cycles after it is given.
        """
        channels, walked = self.spec.channels, self.COLLECT_LATENCY - 1
        delays: list[int] = []
        for start in range(0, channels, self.lanes):
            outputs = min(self.lanes, channels - start)
            walked += channels if self.sequential or not start else 1
            delays += [walked + self._drained(each + 1, cycles) for each in range(outputs)]
            drained = self._drained(outputs, cycles)
            walked += drained if self.sequential else max(channels, drained)
        return delays

    def _drained(self, outputs: int, cycles: int) -> int:
        """Cycles from a block's last row until so many sums have left."""
        first = self.ROW_LATENCY + self.sums.ready_after + 1
        return first + (outputs - 1) * max(self.OUTPUT_CYCLES, cycles)

    @property
    def _biases_inside(self) -> bool:
        """Whether the memory of activations gives the biases too: nothing is walked while sums leave.

        Not where they can be loaded again: the memory has one port to write.
        """
        fits = self.tables.bias_path_width <= self.spec.magnitude_width + 1
        return self.sequential and fits and not self.tables.any_contents

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, walk = self.spec, BankWalk()
        biases = self.tables.bias if self._biases_inside else ()
        collected = collect(m, spec, self.i, walk, biases)
        rows = self._walk(m, walk, collected)
        scale = scale_of_walk(m, spec, collected.taken, collected.y_magnitude, rows.walk_starts)
        row, last_row = ages(m, 5, row=rows.issue, last_row=rows.issue & rows.last_row)
        activations = activations_of_walk(m, spec, collected.read.data, scale)

        # Lanes: both sums of every output. What a trit makes of a row's sign is known a cycle before the row.
        m.submodules.sums = sums = self.sums(self.tables, self.lanes)
        weights, trits = weight_memories(m, self.tables, self.lanes, row[3])
        m.d.comb += [
            sums.adds.eq(row[3]),
            sums.nonzero.eq(activations.nonzero),
            sums.negative.eq(activations.negative),
            sums.activation.eq(activations.magnitude),
            sums.trits.eq(trits.data),
            sums.weights.eq(weights.data),
            sums.complete.eq(last_row[5]),
        ]
        self._drain(m, walk, collected, rows, sums, last_row[2 + sums.ready_after])
        return m

    def _walk(self, m: Module, walk: BankWalk, collected: Collected) -> Rows:
        """`row` within the block, `block` within the step."""
        row = Signal(range(self.spec.channels))
        block = Signal(range(self.blocks))
        walk_marks = Signal(2, reset_less=True)
        pending, walk_starts = Signal(), Signal()
        # Known a cycle ahead: much logic depends on them.
        last_row, last_block = Signal(init=self.spec.channels == 1), Signal(init=self.blocks == 1)
        issue = Signal()
        m.d.comb += [
            walk_starts.eq(walk.may_begin()),
            issue.eq(walk.walking & ~walk.pausing & ~(pending if self.sequential else last_row & pending)),
            collected.walk_ends.eq(issue & last_row & last_block),
        ]
        walk.pause(m, issue & last_row)
        with m.If(issue):
            m.d.sync += [
                row.eq(Mux(last_row, 0, row + 1)),
                last_row.eq(next_is_last(row, self.spec.channels)),
            ]
        with m.If(issue & last_row):
            m.d.sync += [
                block.eq(Mux(last_block, 0, block + 1)),
                last_block.eq(next_is_last(block, self.blocks)),
            ]
        walk.walk(m, walk_starts, collected.walk_ends)
        with m.If(walk_starts):
            m.d.sync += walk_marks.eq(collected.marks)
        return Rows(issue, last_row, row, walk_starts, walk_marks, pending)

    def _drain(
        self, m: Module, walk: BankWalk, collected: Collected, rows: Rows, sums: LaneSums, ready: Value
    ) -> None:
        """Outputs, one after the other: each goes into registers that give it, those behind it move up."""
        spec, outputs = self.spec, self.spec.channels * len(self.tables.specs)
        left = Signal(range(self.lanes + 1))
        settled, given = Signal(), Signal()
        output = Signal(range(outputs))
        block_marks, out_marks = Signal(2, reset_less=True), Signal(2, reset_less=True)
        bias = self._bias(m, walk, collected, rows, output)
        real_factor = Signal(signed(OPERAND_WIDTH), reset_less=True)
        gate = round_shift(sums.gate, spec.gate_shift)
        rounded_gate = Signal(gate.shape(), reset_less=True)
        passes = Signal()
        layers = len(self.tables.specs)
        step_ends = is_last_of_each(output, spec.channels, layers)
        all_end = step_ends if layers == 1 else output == outputs - 1
        m.d.comb += [
            self.o.valid.eq(given),
            marks_of(self.o.payload).eq(out_marks),
            self.o.payload.a.eq(real_factor),
            self.o.payload.b.eq(saturate(rounded_gate, OPERAND_WIDTH)),
            passes.eq(settled & ~(given & ~self.o.ready)),
            sums.passes.eq(passes),
        ]
        m.d.sync += given.eq(passes | (given & ~self.o.ready))
        with m.If(passes):
            m.d.sync += [
                real_factor.eq(shift_left(sums.real, self.tables.idle_weight_bits) + bias),
                rounded_gate.eq(gate),
                out_marks.eq(block_marks),
                output.eq(Mux(all_end, 0, output + 1)),
            ]
        with m.If(rows.issue & rows.last_row):
            m.d.sync += [rows.pending.eq(1), block_marks.eq(rows.marks)]
        m.d.sync += settled.eq(ready | ((left != 0) & ~passes))
        with m.If(ready):
            m.d.sync += left.eq(self.lanes)
        with m.Elif(passes):
            m.d.sync += left.eq(Mux(step_ends, 0, left - 1))
            with m.If((left == 1) | step_ends):
                m.d.sync += rows.pending.eq(0)

    def _bias(self, m: Module, walk: BankWalk, collected: Collected, rows: Rows, output: Signal) -> Value:
        """The output's bias, a cycle later; here the memory of activations gets its address too."""
        channels, read = self.spec.channels, collected.read
        address = rows.row + Mux(walk.bank, channels, 0)
        if self._biases_inside:
            m.d.comb += read.addr.eq(Mux(rows.pending, 2 * channels + output, address))
            return read.data
        width = self.tables.bias_path_width
        biases = rom(m, "biases", words_of(self.tables.bias, width), width, block=self.target.table_block)
        m.d.comb += [biases.addr.eq(output), read.addr.eq(address)]
        return biases.data.as_signed()
