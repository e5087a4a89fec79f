"""The two paths of a Gated Spiking Unit where a channel comes and a product leaves in every cycle."""

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.data import View

from hdl.fixed import exceeds, round_shift, saturate, shift_left, times, trit_term
from hdl.primitives.counters import channel_counter
from hdl.primitives.memory import table, words_of
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.registers import delayed
from hdl.primitives.store import Outlet
from hdl.streams import Beat, beats
from hdl.units.gsu_bank import StepBank
from hdl.units.gsu_mixer import GsuMixer, rows_of, trit_words, weight_words
from quantize.constants import THRESHOLD
from quantize.layers.functions import TRIT_WIDTH
from quantize.layers.gsu import (
    ACTIVATION_BITS,
    OPERAND_WIDTH,
    GatedProductSpec,
    LeanGsuSpec,
)


class StreamedGsuMixer(GsuMixer):
    """`hdl.units.gsu_mixer.GsuMixer`, faster: what that one does in turn is done at once here.

    Steps are collected in a ring of banks while an earlier one is walked: for each block of `lanes` outputs,
    all input channels once, without a gap over the ends of blocks and steps. A block's sums leave their
    adders for a pipeline, from which one goes in every cycle while the next block is walked; its last row
    waits until there will be room for its sums.

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

    # Cycles from the issue of a block's last row until its adders give the sums.
    SUM_LATENCY = 7
    # Cycles of an output: bias added, into the multiplier, multiplied, rounded; clipped as it leaves.
    OUTPUT_LATENCY = 4

    @staticmethod
    def _output(spec: GatedProductSpec) -> stream.Signature:
        return beats(spec.mixer_width)

    @property
    def cycles_per_step(self) -> int:
        """Rows of each block, or the way of its last one."""
        return self.blocks * max(self.spec.channels, self.SUM_LATENCY + 2)

    @property
    def latency_cycles(self) -> int:
        """Most cycles from a step's last beat to its last output, when nothing else is under way."""
        return self.cycles_per_step + self.lanes + self.SUM_LATENCY + self.OUTPUT_LATENCY + 9

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, channels, lanes = self.spec, self.spec.channels, self.lanes
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

        nonzero, negative, activation = self._activations(m, bank.word, scale)
        valid_at, end_at = [issue], [ends]
        for _ in range(self.SUM_LATENCY + 1):
            valid_at.append(delayed(m, valid_at[-1], 1))
            end_at.append(delayed(m, end_at[-1], 1))

        # Lanes: both sums of every output, which a block's last row clears as they leave, and a reset. A
        # memory block answers late, and its bits have far to go: two registers follow it. Activations go to
        # all lanes, so a lane's terms wait in registers before they are added.
        weight_width = spec.stored_weight_width
        sum_shape = signed(spec.bias_path_width - spec.idle_weight_bits)
        word_width = weight_width + TRIT_WIDTH
        rows = rows_of(weight_words(spec) | trit_words(spec) << weight_width, word_width, lanes)
        weights = table(m, "weights", rows, lanes * word_width)
        weights_at, _ = channel_counter(m, "weight_row", self.blocks * channels, valid_at[3])
        read_words, words = (Signal.like(weights.data, reset_less=True) for _ in range(2))
        clear = Signal(init=1)
        m.d.comb += weights.addr.eq(weights_at)
        m.d.sync += [
            read_words.eq(weights.data),
            words.eq(read_words),
            clear.eq(end_at[self.SUM_LATENCY - 1]),
        ]

        def summed(name: str, shape: Shape, term: tuple[Value, Value]) -> Value:
            """A sum with the term of a row that was issued `SUM_LATENCY - 1` cycles ago, a cycle later."""
            total = Signal(shape, name=name, reset_less=True)
            value = Signal.like(term[0], name=f"{name}_term", reset_less=True)
            carry = Signal(name=f"{name}_carry", reset_less=True)
            m.d.sync += [value.eq(term[0]), carry.eq(term[1])]
            after = (total + value + carry)[: len(total)].as_signed()
            with m.If(valid_at[self.SUM_LATENCY]):
                m.d.sync += total.eq(after)
            # Without "else" this takes the flip-flops' own reset and no logic.
            with m.If(clear):
                m.d.sync += total.eq(0)
            return after

        real_sums, gate_sums = [], []
        for lane in range(lanes):
            word = words.word_select(lane, word_width)
            trit, trit_negative = word[weight_width], word[weight_width + 1] ^ negative
            weight = word[:weight_width].as_signed()
            real_sums.append(summed(f"p_{lane}", sum_shape, trit_term(weight, nonzero, negative)))
            gate_term = trit_term(Cat(activation, 0), trit, trit_negative)
            gate_sums.append(summed(f"g_{lane}", signed(spec.gate_width), gate_term))

        # A block's sums move into registers and from there, one after the other, into the output's pipeline.
        # The next block may end when the registers are sure to be free in time.
        m.submodules.outlet = outlet = Outlet(
            Beat(spec.mixer_width), self.OUTPUT_LATENCY, spare=self.SUM_LATENCY + 1
        )
        wiring.connect(m, outlet.o, wiring.flipped(self.o))
        real_out, gate_out = (
            [Signal.like(total, name=f"{name}_{lane}", reset_less=True) for lane, total in enumerate(sums)]
            for name, sums in (("p_out", real_sums), ("g_out", gate_sums))
        )
        left, ended = Signal(range(lanes + 1)), Signal(range(lanes + 1))
        ended_marks, out_marks = Signal(2, reset_less=True), Signal(2, reset_less=True)
        under_way = Signal()
        # A sum leaves; the registers take something new. Both are decided a cycle ahead, for hundreds of
        # flip-flops wait for them.
        drain, shift = Signal(), Signal()
        will_drain = (end_at[self.SUM_LATENCY] | (left > drain)) & (outlet.free > drain)
        m.d.comb += outlet.enter.eq(drain)
        m.d.sync += [drain.eq(will_drain), shift.eq(end_at[self.SUM_LATENCY - 1] | will_drain)]
        gone_in_time = (left <= self.SUM_LATENCY + 1) | (drain & (left == self.SUM_LATENCY + 2))
        m.d.sync += may_end.eq(~under_way & ~ends & gone_in_time & (outlet.free >= left))
        with m.If(ends):
            rest = channels - (self.blocks - 1) * lanes
            m.d.sync += [
                under_way.eq(1),
                ended.eq(Mux(last_block, rest, lanes)),
                ended_marks.eq(Cat(scale.first, scale.last)),
            ]
        with m.Elif(end_at[self.SUM_LATENCY]):
            m.d.sync += under_way.eq(0)
        complete = end_at[self.SUM_LATENCY]
        with m.If(shift):
            for registers, sums in ((real_out, real_sums), (gate_out, gate_sums)):
                following = [*registers[1:], registers[-1]]
                m.d.sync += [
                    register.eq(Mux(complete, total, after))
                    for register, total, after in zip(registers, sums, following, strict=True)
                ]
        with m.If(complete):
            m.d.sync += [left.eq(ended), out_marks.eq(ended_marks)]
        with m.Elif(drain):
            m.d.sync += left.eq(left - 1)
        self._multiply(m, outlet, drain, out_marks, real_out[0], gate_out[0])
        return m

    def _activations(self, m: Module, word: Value, scale: View) -> tuple[Signal, Signal, Signal]:
        """Both activations of the row that was issued six cycles ago: not zero, negative; the magnitude.

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
            delayed(m, value, age, reset_less=True) for value, age in ((nonzero4, 2), (negative2, 4))
        )
        return nonzero, negative, activation

    def _multiply(
        self, m: Module, outlet: Outlet, drain: Signal, marks: Signal, real: Value, gate: Value
    ) -> None:
        """p + bias times g. Cycle 1: the operands; 3: the product; 4: rounded, and clipped as it goes."""
        spec = self.spec
        biases = table(m, "biases", words_of(spec.bias, spec.bias_path_width), spec.bias_path_width)
        _, biases_at = channel_counter(m, "output", spec.channels, drain)
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
            outlet.arrive.eq(delayed(m, drain, self.OUTPUT_LATENCY)),
            Cat(outlet.value.first, outlet.value.last).eq(delayed(m, marks, self.OUTPUT_LATENCY)),
            outlet.value.value.eq(saturate(rounded_product, spec.mixer_width)),
        ]
