"""The two paths of a Gated Spiking Unit through one walk over its weights."""

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.primitives.fixed import (
    exceeds,
    magnitude,
    round_shift,
    saturate,
    shift_left,
    times,
    times_inverted,
)
from hdl.primitives.memory import concatenate, ram, rom, words_of
from hdl.primitives.registers import delayed
from hdl.primitives.streams import Factors, beats
from hdl.units.gsu.sums import LaneSums, MovedSums, StandingSums
from quantize.constants import THRESHOLD
from quantize.layers.functions import TRIT_WIDTH
from quantize.layers.gsu import ACTIVATION_BITS, OPERAND_WIDTH, GatedProductSpec, LeanGsuSpec


def weight_words(spec: GatedProductSpec) -> np.ndarray:
    """The stored bits of the real weights, (H, H) from input to output channels."""
    return (spec.weight >> spec.idle_weight_bits) & ((1 << spec.stored_weight_width) - 1)


def trit_words(spec: GatedProductSpec) -> np.ndarray:
    """The ternary weights as two bits each, (H, H): not zero, and above it negative."""
    return (spec.table != 0) | (spec.table < 0) << 1


def rows_of(words: np.ndarray, width: int, lanes: int) -> list[int]:
    """A memory's contents: block by block, a row for each input channel, a word for each lane."""
    return [
        concatenate([(word, width) for word in lane_words])
        for start in range(0, words.shape[1], lanes)
        for lane_words in words[:, start : start + lanes].tolist()
    ]


def memory_shapes(spec: GatedProductSpec, lanes: int) -> list[tuple[int, int]]:
    """Rows and bits of a row of the memories of real and of ternary weights."""
    depth = -(-spec.channels // lanes) * spec.channels
    return [(depth, lanes * spec.stored_weight_width), (depth, lanes * TRIT_WIDTH)]


class GsuMixer(wiring.Component):
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
    sequential : bool
        A block's walk waits until the sums before have left. Otherwise it is its last row that does.

    Members
    -------
    i : In(stream of Beat), y
    o : Out(stream of Factors), p and g of each channel
    """

    # Cycles from the issue of a block's last row until its sums are given, less one.
    ROW_LATENCY = 2
    # Cycles from an output to the next one at least: the sums move, and a bias is read.
    OUTPUT_CYCLES = 2

    def __init__(self, spec: GatedProductSpec, lanes: int, *, sequential: bool = False):
        if not 1 <= lanes <= spec.channels:
            raise ValueError(
                f"a mixer of {spec.channels} channels has 1 to {spec.channels} lanes, not {lanes}"
            )
        self.spec, self.lanes, self.sequential = spec, lanes, sequential
        self.sums = self.sums_of(sequential)
        super().__init__({"i": In(beats(spec.input.width)), "o": Out(self._output(spec))})

    @staticmethod
    def _output(spec: GatedProductSpec) -> stream.Signature:
        return stream.Signature(Factors(OPERAND_WIDTH))

    @staticmethod
    def sums_of(sequential: bool) -> type[LaneSums]:
        """What its lanes are made of."""
        return StandingSums if sequential else MovedSums

    @property
    def blocks(self) -> int:
        return -(-self.spec.channels // self.lanes)

    @property
    def cycles_per_step(self) -> int:
        return self.cycles_taken_in(1)

    def cycles_taken_in(self, cycles: int) -> int:
        """From one step's walk to the next, if each output is taken so many cycles after it is given.

        A cycle between blocks, one more after steps, or the outputs; where blocks wait, both. A block's last
        output is still on its way while the next block is walked.
        """
        channels, blocks = self.spec.channels, self.blocks
        rest = channels - (blocks - 1) * self.lanes

        def drained(outputs: int) -> int:
            first = self.ROW_LATENCY + self.sums.ready_after + 1
            return first + (outputs - 1) * max(self.OUTPUT_CYCLES, cycles)

        if self.sequential:
            return blocks * channels + (blocks - 1) * drained(self.lanes) + drained(rest)
        rows = channels + 1
        return (blocks - 1) * max(rows, drained(self.lanes) + 1) + max(rows + 1, drained(rest) + 1)

    def _scale(
        self, m: Module, taken: Value, y_magnitude: Value, walk_starts: Value
    ) -> tuple[Value, Value, int]:
        """How a step is walked: the left shift of its magnitudes; a limit, inverted, and the multiple of a
        magnitude that has to exceed it for a ternary activation that is not zero.
        """
        width = self.spec.magnitude_width
        if isinstance(self.spec, LeanGsuSpec):
            return Const(0, 1), Const(~self.spec.threshold & (1 << width) - 1, width), 1
        # A walk's first cycle takes over what its step has collected; no magnitude of the next one is there.
        starts = delayed(m, walk_starts, 1)
        inverted_largest = Signal(width, init=-1)
        with m.If(starts):
            m.d.sync += inverted_largest.eq(-1)
        with m.Elif(taken & exceeds(y_magnitude, inverted_largest)):
            m.d.sync += inverted_largest.eq(~y_magnitude)
        # The shift that fills the word, and the peak's side of the comparison.
        headroom = Signal(range(width + 1), reset_less=True)
        inverted_limit = Signal(width + THRESHOLD.denominator.bit_length(), reset_less=True)
        with m.If(starts):
            limit = times_inverted(inverted_largest, THRESHOLD.numerator)
            m.d.sync += [inverted_limit.eq(limit), headroom.eq(width)]
            for position in range(width):  # the highest set bit is assigned last
                with m.If(~inverted_largest[position]):
                    m.d.sync += headroom.eq(width - 1 - position)
        return headroom, inverted_limit, THRESHOLD.denominator

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, channels, lanes = self.spec, self.spec.channels, self.lanes
        width = spec.magnitude_width

        # Collecting: sign and magnitude of y into the bank that is not walked, with its marks. Nothing is
        # walked while sums that stand leave; then the same memory gives their biases.
        biases_inside = self.sequential and spec.bias_path_width <= width + 1
        biases_from = 2 * channels
        init = [*[0] * biases_from, *spec.bias] if biases_inside else []
        write, read = ram(m, "activations", max(2 * channels, len(init)), width + 1, init=init)
        filled = Signal(range(3))
        collected = Signal(range(2 * channels))
        marks = Signal(2, reset_less=True)
        take, collect_ends, walking, walk_ends = Signal(), Signal(), Signal(), Signal()
        y = self.i.payload.value
        y_magnitude, y_negative = Signal(width, reset_less=True), Signal(reset_less=True)
        taken, written = delayed(m, take, 1), delayed(m, collected, 1)
        m.d.sync += [y_magnitude.eq(magnitude(y)), y_negative.eq(y[width])]
        m.d.comb += [
            # A full bank waits until its marks have been taken over: the next step would replace them.
            self.i.ready.eq((filled == 0) | ((filled == 1) & walking)),
            take.eq(self.i.valid & self.i.ready),
            collect_ends.eq(take & ((collected == channels - 1) | (collected == 2 * channels - 1))),
            # A cycle later: into the memory, and the largest of the step.
            write.en.eq(taken),
            write.addr.eq(written),
            write.data.eq(Cat(y_magnitude, y_negative)),
        ]
        m.d.sync += filled.eq(filled + collect_ends - walk_ends)
        with m.If(take):
            m.d.sync += [
                collected.eq(Mux(collected == 2 * channels - 1, 0, collected + 1)),
                marks.eq(Cat(self.i.payload.first, self.i.payload.last)),
            ]

        # Walking: `row` within the block, `block` within the step; a cycle without a row after every block.
        pausing, bank = Signal(), Signal()
        row = Signal(range(channels))
        block = Signal(range(self.blocks))
        walk_marks = Signal(2, reset_less=True)
        pending, walk_starts = Signal(), Signal()
        # Known a cycle ahead: much waits for them.
        last_row, last_block = Signal(init=channels == 1), Signal(init=self.blocks == 1)
        issue = Signal()
        m.d.comb += [
            walk_starts.eq(~walking & ~pausing & (filled != 0)),
            issue.eq(walking & ~pausing & ~(pending if self.sequential else last_row & pending)),
            walk_ends.eq(issue & last_row & last_block),
        ]
        m.d.sync += pausing.eq(issue & last_row)
        with m.If(issue):
            m.d.sync += [
                row.eq(Mux(last_row, 0, row + 1)),
                last_row.eq((row == channels - 2) if channels > 1 else 1),
            ]
        with m.If(issue & last_row):
            m.d.sync += [
                block.eq(Mux(last_block, 0, block + 1)),
                last_block.eq((block == self.blocks - 2) if self.blocks > 1 else 1),
            ]
        m.d.sync += [walking.eq(walk_starts | (walking & ~walk_ends)), bank.eq(bank ^ walk_ends)]
        with m.If(walk_starts):
            m.d.sync += walk_marks.eq(marks)

        headroom, inverted_limit, factor = self._scale(m, taken, y_magnitude, walk_starts)

        # Cycle 1: y. 2: its multiple, shifted. 3: compared, rounded. 4: trit and activation.
        valid_at = [issue]
        last_at = [issue & last_row]
        for age in range(1, 6):
            valid, last = Signal(name=f"row_{age}"), Signal(name=f"last_row_{age}")
            m.d.sync += [valid.eq(valid_at[-1]), last.eq(last_at[-1])]
            valid_at.append(valid)
            last_at.append(last)
        magnitude2 = Signal(width, reset_less=True)
        multiple3 = Signal(len(inverted_limit), reset_less=True)
        aligned3, round_bit3 = Signal(ACTIVATION_BITS, reset_less=True), Signal(reset_less=True)
        negative2, negative3 = Signal(), Signal()
        dropped = spec.dropped
        aligned = (magnitude2 << headroom)[:width]
        rounded3 = aligned3 + round_bit3
        m.d.sync += [
            Cat(magnitude2, negative2).eq(read.data),
            multiple3.eq(times(magnitude2, factor)),
            Cat(round_bit3, aligned3).eq(aligned[dropped - 1 :]),
            negative3.eq(negative2),
        ]

        # Lanes: both sums of every output. What a trit makes of a row's sign is known a cycle before the row.
        m.submodules.sums = sums = self.sums(spec, lanes)
        rows = rows_of(weight_words(spec), spec.stored_weight_width, lanes)
        weights = rom(m, "weights", rows, len(sums.weights))
        trits = rom(m, "trits", rows_of(trit_words(spec), TRIT_WIDTH, lanes), len(sums.trits))
        weight_row, next_row = Signal(range(len(rows))), Signal(range(len(rows)))
        if len(rows) & (len(rows) - 1):
            m.d.comb += next_row.eq(
                Mux(valid_at[3] & (weight_row == len(rows) - 1), 0, weight_row + valid_at[3])
            )
        else:
            m.d.comb += next_row.eq(weight_row + valid_at[3])
        m.d.sync += weight_row.eq(next_row)
        m.d.comb += [
            trits.addr.eq(next_row),
            weights.addr.eq(weight_row),
            sums.adds.eq(valid_at[3]),
            sums.nonzero.eq(exceeds(multiple3, inverted_limit)),
            sums.negative.eq(negative3),
            sums.activation.eq(rounded3[:ACTIVATION_BITS] | rounded3[-1].replicate(ACTIVATION_BITS)),
            sums.trits.eq(trits.data),
            sums.weights.eq(weights.data),
            sums.complete.eq(last_at[5]),
        ]

        # Outputs, one after the other: each goes into registers that give it, and the sums behind it move up.
        left = Signal(range(lanes + 1))
        settled, given = Signal(), Signal()
        output = Signal(range(channels))
        block_marks, out_marks = Signal(2, reset_less=True), Signal(2, reset_less=True)
        address = row + Mux(bank, channels, 0)
        if biases_inside:
            address = Mux(pending, biases_from + output, address)
            bias: Value = read.data
        else:
            biases = rom(m, "biases", words_of(spec.bias, spec.bias_path_width), spec.bias_path_width)
            m.d.comb += biases.addr.eq(output)
            bias = biases.data.as_signed()
        m.d.comb += read.addr.eq(address)
        real_factor = Signal(signed(OPERAND_WIDTH), reset_less=True)
        gate = round_shift(sums.gate, spec.gate_shift)
        rounded_gate = Signal(gate.shape(), reset_less=True)
        passes = Signal()
        step_ends = output == channels - 1
        m.d.comb += [
            self.o.valid.eq(given),
            Cat(self.o.payload.first, self.o.payload.last).eq(out_marks),
            self.o.payload.a.eq(real_factor),
            self.o.payload.b.eq(saturate(rounded_gate, OPERAND_WIDTH)),
            passes.eq(settled & ~(given & ~self.o.ready)),
            sums.passes.eq(passes),
        ]
        m.d.sync += given.eq(passes | (given & ~self.o.ready))
        with m.If(passes):
            m.d.sync += [
                real_factor.eq(shift_left(sums.real, spec.idle_weight_bits) + bias),
                rounded_gate.eq(gate),
                out_marks.eq(block_marks),
                output.eq(Mux(step_ends, 0, output + 1)),
            ]
        with m.If(issue & last_row):
            m.d.sync += [pending.eq(1), block_marks.eq(walk_marks)]
        sums_ready = last_at[2 + sums.ready_after]
        m.d.sync += settled.eq(sums_ready | ((left != 0) & ~passes))
        with m.If(sums_ready):
            m.d.sync += left.eq(lanes)
        with m.Elif(passes):
            m.d.sync += left.eq(Mux(step_ends, 0, left - 1))
            with m.If((left == 1) | step_ends):
                m.d.sync += pending.eq(0)
        return m
