"""The neuron array: multipliers walk the grid of channels and modes, one state update after the other."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.fixed import requantise, saturate, shift_left, shifted_with_round_bit
from hdl.primitives.memory import buffer, concatenate, table, words_of
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.queue import Queue
from hdl.streams import Beat, beats
from quantize.layers.array import (
    COEFFICIENT_WIDTH,
    OUTPUT_WEIGHT_WIDTH,
    SHIFT_CODE_WIDTH,
    SHIFT_STEP,
    ArraySpec,
)


class NeuronArray(wiring.Component):
    """`quantize.layers.array.ArraySpec` in gates: one S4D layer, state in memory.

    A channel takes one slot for its skip path, then for each mode `4 / multipliers` slots; slots follow each
    other without a gap, over the ends of channels and steps. A slot's way:

        cycle  0     1          2        3        4           5          6
               issue memories   multiply ........ sum/weigh   velocity   position -> memories
                     read                         outputs     shifted

    The state is cleared by gating its read on a sequence's first step. State written in one step is read in
    the next one `cycles_per_step` later, which is kept above the length of that way, so one address is never
    read and written in one cycle.

    Parameters
    ----------
    spec : ArraySpec
    multipliers : int
        2 or 4.

    Members
    -------
    i : In(stream of Beat), x in the input format
    o : Out(stream of Beat), y in the output format
    """

    # Cycles from the issue of a mode's last slot to the first cycle that may read its new state.
    STATE_LATENCY = 7
    # Cycles from a channel's last slot until its place in the output queue is free again, at best.
    QUEUE_LATENCY = 7

    def __init__(self, spec: ArraySpec, multipliers: int):
        if multipliers not in (2, 4):
            raise ValueError(f"an array has 2 or 4 multipliers, not {multipliers}")
        self.spec, self.multipliers = spec, multipliers
        super().__init__({"i": In(beats(spec.input.width)), "o": Out(beats(spec.output.width))})

    @property
    def slots(self) -> int:
        """Slots a mode."""
        return 4 // self.multipliers

    @property
    def cycles_per_channel(self) -> int:
        return 1 + self.slots * self.spec.modes

    @property
    def idle_cycles(self) -> int:
        """Cycles that a step waits for its own first state, in arrays smaller than their latency."""
        return max(0, self.STATE_LATENCY + self.slots - 1 - self.cycles_per_channel * self.spec.channels)

    @property
    def cycles_per_step(self) -> int:
        return self.cycles_per_channel * self.spec.channels + self.idle_cycles

    @property
    def queue_depth(self) -> int:
        """Channels that can be between their last slot and the end of the queue without a gap."""
        return -(-self.QUEUE_LATENCY // self.cycles_per_channel)

    def coefficient_rows(self) -> list[int]:
        """The coefficient memory: a row a slot, the output weights before damping and stiffness.

        An output weight and a shift together are as wide as a coefficient.
        """
        spec, rows = self.spec, []
        for channel in range(spec.channels):
            for n in range(spec.modes):
                outputs = concatenate(
                    [
                        (spec.velocity_weight[channel, n], OUTPUT_WEIGHT_WIDTH),
                        (spec.input_shift[channel, n] // SHIFT_STEP, SHIFT_CODE_WIDTH),
                        (spec.position_weight[channel, n], OUTPUT_WEIGHT_WIDTH),
                        (spec.position_shift[channel, n] // SHIFT_STEP, SHIFT_CODE_WIDTH),
                    ]
                )
                feedback = concatenate(
                    [
                        (spec.damping[channel, n], COEFFICIENT_WIDTH),
                        (spec.stiffness[channel, n], COEFFICIENT_WIDTH),
                    ]
                )
                rows += [outputs | feedback << 32] if self.slots == 1 else [outputs, feedback]
        return rows

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, slots = self.spec, self.slots
        width, modes = spec.state_width, spec.modes

        # Input: one channel ahead of the slots, offset added.
        m.submodules.queue = queue = Queue(Beat(spec.output.width), self.queue_depth)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        offsets = table(m, "offsets", words_of(spec.offset, 16), 16)
        take = Signal()
        given = Signal(range(spec.channels))
        given_next = Signal(range(spec.channels))
        m.d.comb += [
            take.eq(self.i.valid & self.i.ready),
            given_next.eq(Mux(take, Mux(given == spec.channels - 1, 0, given + 1), given)),
            offsets.addr.eq(given_next),
        ]
        m.d.sync += given.eq(given_next)
        ahead = Signal(Beat(spec.input.width), reset_less=True)
        ahead_valid = Signal()
        primed = Signal()  # the first cycle after a reset only reads the first offset
        with m.If(take):
            m.d.sync += [
                ahead.first.eq(self.i.payload.first),
                ahead.last.eq(self.i.payload.last),
                ahead.value.eq(saturate(self.i.payload.value + offsets.data.as_signed(), spec.input.width)),
            ]

        # Slots. `slot` counts within a channel: 0 for the skip path, then modes.
        busy = Signal()
        slot = Signal(range(self.cycles_per_channel))
        channel = Signal(range(spec.channels))
        idle = Signal(range(self.idle_cycles + 1))
        credits = Signal(range(self.queue_depth + 1), init=self.queue_depth)
        current = Signal(Beat(spec.input.width), reset_less=True)
        start, issue, ending = Signal(), Signal(), Signal()
        last_slot = slot == self.cycles_per_channel - 1
        m.d.comb += [
            # The last slot waits until there is a place for the channel's y.
            issue.eq(busy & ~(last_slot & (credits == 0))),
            ending.eq(issue & last_slot),
            self.i.ready.eq(primed & (~ahead_valid | start)),
        ]
        m.d.sync += primed.eq(1)
        step_ends = ending & (channel == spec.channels - 1)
        if self.idle_cycles:
            with m.If(step_ends):
                m.d.sync += idle.eq(self.idle_cycles - 1)
            with m.Elif(idle != 0):
                m.d.sync += idle.eq(idle - 1)
            free = (idle == 0) & (~busy | (ending & ~step_ends))
        else:
            free = ~busy | ending
        m.d.comb += start.eq(ahead_valid & free)
        m.d.sync += [
            ahead_valid.eq(take | (ahead_valid & ~start)),
            credits.eq(credits + (queue.o.valid & queue.o.ready) - ending),
        ]
        with m.If(start):
            m.d.sync += [busy.eq(1), slot.eq(0), current.eq(ahead)]
        with m.Elif(ending):
            m.d.sync += busy.eq(0)
        with m.Elif(issue):
            m.d.sync += slot.eq(slot + 1)
        with m.If(ending):
            m.d.sync += channel.eq(Mux(channel == spec.channels - 1, 0, channel + 1))

        # What kind of slot is issued, and its copies along the way: `skip_at[k]` is the slot issued
        # k cycles ago.
        def delayed(value: Signal, cycles: int, *, reset: bool = True) -> list[Signal]:
            line = [value]
            for age in range(1, cycles + 1):
                after = Signal.like(value, name=f"{value.name}_{age}", reset_less=not reset)
                m.d.sync += after.eq(line[-1])
                line.append(after)
            return line

        skip, feedback, outputs = Signal(), Signal(), Signal()
        if slots == 1:
            m.d.comb += [feedback.eq(issue & (slot != 0)), outputs.eq(issue)]
        else:
            m.d.comb += feedback.eq(issue & (slot != 0) & ~slot[0])
            m.d.comb += outputs.eq(issue & ((slot == 0) | slot[0]))
        m.d.comb += skip.eq(issue & (slot == 0))
        skip_at = delayed(skip, 4)
        outputs_at = delayed(outputs, 4)
        feedback_at = delayed(feedback, 6)
        done_at = delayed(ending, 5)

        # Memories.
        modes_total = spec.channels * modes
        coefficients = table(m, "coefficients", self.coefficient_rows(), 32 if slots == 2 else 64)
        skips = table(m, "skips", words_of(spec.skip, COEFFICIENT_WIDTH), COEFFICIENT_WIDTH)
        velocity_write, velocity_read = buffer(m, "velocities", modes_total, width)
        position_write, position_read = buffer(m, "positions", modes_total, width)
        row = Signal(range(modes_total * slots))
        with m.If(issue & ~skip):
            m.d.sync += row.eq(Mux(row == modes_total * slots - 1, 0, row + 1))
        m.d.comb += [
            coefficients.addr.eq(row),
            skips.addr.eq(channel),
            velocity_read.addr.eq(row >> (slots - 1)),
            position_read.addr.eq(row >> (slots - 1)),
        ]
        zero = Signal()
        m.d.sync += zero.eq(current.first)
        velocity, position = Signal(signed(width)), Signal(signed(width))
        m.d.comb += [
            velocity.eq(Mux(zero, 0, velocity_read.data)),
            position.eq(Mux(zero | skip_at[1], 0, position_read.data)),
        ]

        # Products: the multipliers of the outputs also carry the skip path, whose second operand is zero.
        output_word = coefficients.data[:32]
        feedback_word = coefficients.data[-32:]
        products = []
        for index in range(self.multipliers):
            m.submodules[f"multiplier_{index}"] = multiplier = Multiplier()
            products.append(multiplier.product)
            state = (velocity, position)[index % 2]
            weight = output_word.word_select(index % 2, COEFFICIENT_WIDTH)[:OUTPUT_WEIGHT_WIDTH].as_signed()
            coefficient = feedback_word.word_select(index % 2, COEFFICIENT_WIDTH).as_signed()
            if slots == 2:  # one memory word is either
                factor = Mux(outputs_at[1], weight, coefficient)
            else:
                factor = weight if index < 2 else coefficient
            if index == 0:
                state = Mux(skip_at[1], current.value, state)
                factor = Mux(skip_at[1], skips.data.as_signed(), factor)
            m.d.comb += [multiplier.a.eq(state), multiplier.b.eq(factor)]

        # Outputs.
        pair = Signal(signed(spec.accumulator_width), reset_less=True)
        total = Signal(signed(spec.accumulator_width))
        m.d.sync += pair.eq(products[0] + products[1])
        if slots == 1:
            complete = 5
            with m.If(outputs_at[4]):
                m.d.sync += total.eq(Mux(skip_at[4], 0, total) + pair)
        else:
            # The last slot of a channel adds nothing: a cycle to clear the sum, which costs no logic.
            complete = 4
            with m.If(outputs_at[4]):
                m.d.sync += total.eq(total + pair)
            with m.Elif(done_at[4]):
                m.d.sync += total.eq(0)
        marks = Signal(2)
        m.d.comb += marks.eq(Cat(current.first, current.last))
        marks_at = delayed(marks, complete, reset=False)
        m.d.comb += [
            queue.i.valid.eq(done_at[complete]),
            Cat(queue.i.payload.first, queue.i.payload.last).eq(marks_at[complete]),
            queue.i.payload.value.eq(requantise(total, spec.output_shift, spec.output.width)),
        ]

        # State update. What a slot needs later is held from stage to stage, in registers that take the next
        # slot's value only when that one has come as far: at most every other cycle where a mode has two
        # slots.
        def held(value: Value, *ages: int) -> Value:
            for age in ages:
                after = Signal.like(value, name=f"held_{age}", reset_less=True)
                with m.If(feedback_at[age]):
                    m.d.sync += after.eq(value)
                value = after
            return value

        # Shifts arrive with the output weights: in the feedback slot itself or the one before.
        input_shift = Signal(SHIFT_CODE_WIDTH, reset_less=True)
        position_shift = Signal(SHIFT_CODE_WIDTH, reset_less=True)
        with m.If(outputs_at[1]):
            m.d.sync += [
                input_shift.eq(output_word[OUTPUT_WEIGHT_WIDTH:]),
                position_shift.eq(output_word[COEFFICIENT_WIDTH + OUTPUT_WEIGHT_WIDTH :]),
            ]
        u = Signal(signed(spec.input.width), reset_less=True)
        with m.If(skip_at[1]):
            m.d.sync += u.eq(current.value)
        ages = (1, 3, 5) if slots == 2 else (1, 2, 3, 4, 5)
        old_velocity = held(velocity, 1) if slots == 2 else held(velocity, 1, 2)
        old_position = held(position, *ages)
        shift_of_position = held(position_shift, 2, 4) if slots == 2 else held(position_shift, 2, 3, 4)
        driven = Signal(signed(max(width, spec.input.width) + 1), reset_less=True)
        drive = Signal(signed(spec.input.width + 1), reset_less=True)
        shifted, round_bit = shifted_with_round_bit(u, Cat(Const(0, SHIFT_STEP - 1), input_shift))
        m.d.sync += [drive.eq(shifted + round_bit), driven.eq(old_velocity + drive)]
        feedback_sum = Signal(signed(spec.feedback_width), reset_less=True)
        m.d.sync += feedback_sum.eq(
            shift_left(products[-2], spec.damping_alignment)
            + shift_left(products[-1], spec.stiffness_alignment)
        )
        # driven - round_shift(sum) as one adder: the inverted sum, and for +1 - round bit the inverted bit.
        amount = spec.feedback_shift
        fed_back = driven + ~(feedback_sum >> amount) + ~feedback_sum[amount - 1]
        new_velocity = Signal(signed(width), reset_less=True)
        m.d.sync += new_velocity.eq(saturate(fed_back, width))
        shifted, round_bit = shifted_with_round_bit(
            new_velocity, Cat(Const(0, SHIFT_STEP - 1), shift_of_position)
        )
        step = Signal(signed(width + 1), reset_less=True)
        m.d.sync += step.eq(Cat(round_bit, shifted))
        new_position = old_position + step[1:].as_signed() + step[0]

        # The velocity is written a cycle before the position that it moves.
        target = Signal(range(modes_total))
        position_target = Signal(range(modes_total), reset_less=True)
        m.d.sync += position_target.eq(target)
        with m.If(feedback_at[5]):
            m.d.sync += target.eq(Mux(target == modes_total - 1, 0, target + 1))
        m.d.comb += [
            velocity_write.en.eq(feedback_at[5]),
            velocity_write.addr.eq(target),
            velocity_write.data.eq(new_velocity),
            position_write.en.eq(feedback_at[6]),
            position_write.addr.eq(position_target),
            position_write.data.eq(saturate(new_position, width)),
        ]
        return m
