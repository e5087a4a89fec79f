"""The neuron array: multipliers walk the grid of channels and modes, one state update after the other."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.primitives.counters import fill_level, next_is_last, wrapped_next
from hdl.primitives.fifo import RegisterFifo
from hdl.primitives.fixed import round_shift, saturate
from hdl.primitives.memory import ram, rom, words_of
from hdl.primitives.registers import delayed
from hdl.primitives.streams import Beat, marks_of
from hdl.ssm.component import ArrayComponent
from hdl.ssm.datapath import ArrayDatapath
from hdl.ssm.schedule import ROW_WIDTHS, Single, coefficient_rows, helper_rows, schedule_of
from hdl.ssm.state_update import StateUpdate
from quantize.formats import STREAM_WIDTH, Format
from quantize.layers.array import COEFFICIENT_WIDTH
from quantize.layers.leapfrog import LeapfrogSpec

# A lane's table of so few rows is one look-up table deep.
SHALLOW_ROWS = 16


class NeuronArray(ArrayComponent):
    """`quantize.layers.leapfrog.LeapfrogSpec` in gates: one S4D layer, state in memory.

    A channel takes the slots of `hdl.ssm.schedule.schedule_of`, one a cycle, without a gap over the ends of
    channels and steps. A slot's way: issued in cycle 0, read from the memories in cycle 1, and multiplied;
    from there its products go to the channel's sum and to the state's update.

    The state is cleared by gating its read on a sequence's first step. State written in one step is read in
    the next one `cycles_per_step` later, which is kept above the length of that way, so one address is never
    read and written in one cycle.

    Parameters
    ----------
    spec : LeapfrogSpec
    multipliers : int
        1 to 4.
    has_helper : bool
        One more than two; see `hdl.ssm.schedule.schedule_of`.
    lane : bool
        As a lane of a `hdl.ssm.laned_array.LanedArray`, which adds the offset, the skip path and the
        rounding: u comes in, and the sums of the modes' outputs leave as they are. With 2 or 4 multipliers.
    target : DeviceFeatures

    Members
    -------
    i : In(stream of Beat), x in the input format
    o : Out(stream of Beat), y in the output format
    """

    def __init__(
        self, spec: LeapfrogSpec, multipliers: int, *, has_helper: bool = False, lane: bool = False,
        target: DeviceFeatures = MULTIPLIER_BLOCKS,
    ):  # fmt: skip
        self.spec, self.has_helper, self.lane = spec, has_helper, lane
        self.walkers = multipliers
        self.slots = schedule_of(spec.modes, multipliers, skip=not lane, has_helper=has_helper)
        self.products = ArrayDatapath(spec, multipliers, target, has_helper=has_helper)
        # Helped, the last feedback of a channel and the next one's first follow each other.
        interval = 1 if has_helper else {1: 4, 2: 2}.get(multipliers, 1)
        self.update = StateUpdate(spec, interval, target.product_latency)
        self.output_width = spec.accumulator_width if lane else spec.output.width
        # A lane's coefficients are in memory blocks: as logic they are many look-up tables deep, for
        # synthesis shares what their bits have in common. Blocks of the ECP5 answer late in a cycle, and
        # stand far from the multipliers: two registers follow them.
        self.late = 2 * int(lane and spec.channels * spec.modes > SHALLOW_ROWS)
        # The sum of a lane has no format: what follows all lanes rounds it.
        super().__init__(spec.input, Format(self.output_width, 0) if lane else spec.output)

    @property
    def multipliers(self) -> int:
        return self.walkers + self.has_helper

    @property
    def cycles_per_channel(self) -> int:
        return len(self.slots)

    @property
    def idle_cycles(self) -> int:
        """Cycles that a step waits for its own first state, in arrays smaller than their latency."""
        read, longest = 0, 0
        for index, slot in enumerate(self.slots):
            read = index if slot.reads else read
            longest = max(longest, index - read) if slot.moves else longest
        written = longest + self.late + self.update.position_cycle + 1
        return max(0, written - self.cycles_per_channel * self.spec.channels)

    @property
    def cycles_per_step(self) -> int:
        return self.cycles_per_channel * self.spec.channels + self.idle_cycles

    @property
    def latency_cycles(self) -> int:
        """See `ArrayComponent`."""
        return self.cycles_per_step

    @property
    def output_latency(self) -> int:
        """Cycles from the issue of a channel's last slot until its y enters the output queue."""
        return self.late + self.products.total_latency + (not self.lane)

    @property
    def queue_depth(self) -> int:
        """Channels that can be between their last slot and the end of the queue without a gap."""
        # A sum leaves a lane's queue a cycle after it was taken.
        return -(-(self.output_latency + 3 + self.lane) // self.cycles_per_channel)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, modes_total = self.spec, self.spec.channels * self.spec.modes

        # Input: one channel ahead of the slots, offset added.
        m.submodules.queue = queue = RegisterFifo(Beat(self.output_width), self.queue_depth)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        take = Signal()
        given = Signal(range(spec.channels))
        given_next = Signal(range(spec.channels))
        m.d.comb += [
            take.eq(self.i.valid & self.i.ready),
            given_next.eq(Mux(take, wrapped_next(given, spec.channels), given)),
        ]
        m.d.sync += given.eq(given_next)
        u_in = self.i.payload.value
        if not self.lane and not self.has_helper:
            offsets = rom(m, "offsets", words_of(spec.offset, STREAM_WIDTH), STREAM_WIDTH)
            m.d.comb += offsets.addr.eq(given_next)
            u_in = saturate(u_in + offsets.data.as_signed(), spec.input.width)
        ahead = Signal(Beat(spec.input.width), reset_less=True)
        ahead_valid = Signal()
        # Not in the first cycle after a reset, which only reads the first offset.
        may_take = Signal()
        with m.If(take):
            m.d.sync += [
                marks_of(ahead).eq(marks_of(self.i.payload)),
                ahead.value.eq(u_in),
            ]

        # Slots, counted within a channel.
        busy = Signal()
        slot = Signal(range(self.cycles_per_channel))
        channel = Signal(range(spec.channels), init=spec.channels - 1)
        idle = Signal(range(self.idle_cycles + 1))
        first_step, last_step = Signal(reset_less=True), Signal(reset_less=True)
        u = Signal(signed(spec.input.width), reset_less=True)
        start, started, ending = Signal(), Signal(), Signal()
        # Known a cycle ahead: much waits for them.
        issue, last_slot = Signal(), Signal()
        _, place, _ = fill_level(m, self.queue_depth, queue.o.valid & queue.o.ready, ending, full=True)
        m.d.comb += [ending.eq(issue & last_slot), self.i.ready.eq(may_take)]
        step_ends = ending & (channel == spec.channels - 1)
        if self.idle_cycles:
            with m.If(step_ends):
                m.d.sync += idle.eq(self.idle_cycles - 1)
            with m.Elif(idle != 0):
                m.d.sync += idle.eq(idle - 1)
            free = (idle == 0) & (~busy | (ending & ~step_ends))
        else:
            free = ~busy | ending
        m.d.comb += start.eq(ahead_valid & ~started & free)
        still_ahead = take | (ahead_valid & ~started)
        m.d.sync += [started.eq(start), ahead_valid.eq(still_ahead), may_take.eq(~still_ahead | start)]
        busy_next = start | (busy & ~ending)
        m.d.sync += busy.eq(busy_next)
        with m.If(start):
            m.d.sync += [
                first_step.eq(ahead.first),
                last_step.eq(ahead.last),
                channel.eq(wrapped_next(channel, spec.channels)),
            ]
        # The last slot waits until there is a place for the channel's y, and was a cycle before.
        last_slot_next = Mux(issue, next_is_last(slot, self.cycles_per_channel), last_slot)
        m.d.sync += [
            last_slot.eq(last_slot_next),
            issue.eq(busy_next & (place | ~last_slot_next)),
        ]
        with m.If(issue):
            m.d.sync += slot.eq(Mux(last_slot, 0, slot + 1))
        u_next = ahead.value

        # What the slot does, known a cycle ahead too; from cycle 1 on beside its memories' words.
        names = ("reads", "moves", "weighs", "skip", "helps", "begins")
        does = {
            name: Signal(name=f"does_{name}", init=getattr(self.slots[0], name))
            for name in (*names, "second", "leaps")
        }
        single = Signal(range(len(Single)), init=self.slots[0].single)
        with m.If(issue), m.Switch(slot):
            for index, what in enumerate([*self.slots[1:], self.slots[0]]):
                with m.Case(index):
                    m.d.sync += [flag.eq(getattr(what, name)) for name, flag in does.items()]
                    m.d.sync += single.eq(what.single)
        reads, moves, weighs, skip, helps, begins = issued = [Signal(name=name) for name in names]
        m.d.comb += [flag.eq(does[flag.name] & issue) for flag in issued]
        first, clears, counts = Signal(), Signal(), Signal()
        m.d.comb += [
            first.eq(issue & (slot == 0)),
            # With one or two the last slot adds nothing: a cycle to clear the sum, which costs no logic.
            clears.eq(ending if self.walkers <= 2 else first),
            counts.eq(issue if self.walkers == 3 else weighs | skip),
        ]

        # Memories. A helper's has the next channel's offset too: it gives that where no slot wants its words.
        m.submodules.products = products = self.products
        m.submodules.update = update = self.update
        rows = coefficient_rows(spec, self.walkers)
        # A helper has the outputs of a channel's first mode.
        first_row = int(self.has_helper)
        row = Signal(range(len(rows)), init=first_row)
        width = ROW_WIDTHS[self.walkers]
        coefficients = rom(m, "coefficients", rows, width, block=self.late > 0 if self.lane else None)
        velocity_write, velocity_read, position_write, position_read = (
            port
            for name in ("velocities", "positions")
            for port in ram(m, name, modes_total, spec.state_width, quick=self.lane)
        )
        if self.has_helper:
            helper = rom(m, "helper", helper_rows(spec), COEFFICIENT_WIDTH)
            wanted = Mux(busy, single, Single.AHEAD)[:2]
            m.d.comb += [
                helper.addr.eq(Cat(channel, wanted, does["second"])),
                products.skip_weight.eq(helper.data.as_signed()),
            ]
            u_next = saturate(u_next + helper.data.as_signed(), spec.input.width)
        elif not self.lane:
            skips = rom(m, "skips", words_of(spec.skip, COEFFICIENT_WIDTH), COEFFICIENT_WIDTH)
            m.d.comb += [skips.addr.eq(channel), products.skip_weight.eq(skips.data.as_signed())]
        # A cycle later than the slot that it belongs to: the slots before still need the last one.
        with m.If(started):
            m.d.sync += u.eq(u_next)
        # One or two multipliers need a row for each slot of a mode's work.
        parts = len(rows) // modes_total
        has_row = issue & ~does["skip"] if parts > 1 else reads
        next_row = row + 1 + (does["leaps"] if self.has_helper else 0)
        with m.If(has_row):
            m.d.sync += row.eq(Mux(row == len(rows) - 1, first_row, next_row))
        mode = row // parts
        m.d.comb += [coefficients.addr.eq(row), coefficients.en.eq(has_row)]
        for port in (velocity_read, position_read):
            m.d.comb += [port.addr.eq(mode), port.en.eq(reads)]
        answered = 1 + self.late
        zero = delayed(m, first_step, answered)
        u_now, velocity, position, words = (
            delayed(m, value, self.late, reset_less=True)
            for value in (u, velocity_read.data, position_read.data, coefficients.data)
        )

        gated_velocity, gated_position = Mux(zero, 0, velocity), Mux(zero, 0, position)
        m.d.comb += [
            # A helped pair leaves products out by itself; elsewhere a register's reset makes the zeros.
            products.velocity.eq(velocity if self.has_helper else gated_velocity),
            products.position.eq(position if self.has_helper else gated_position),
            products.cleared.eq(zero),
            products.u.eq(u_now),
            products.row.eq(words),
            products.counts.eq(delayed(m, counts, answered)),
            products.clears.eq(delayed(m, clears, answered)),
            products.moves.eq(delayed(m, moves, answered)),
            products.weighs.eq(delayed(m, weighs, answered)),
            products.skip.eq(delayed(m, skip, answered)),
            products.helps.eq(delayed(m, helps, answered)),
            products.begins.eq(delayed(m, begins, answered)),
            products.single.eq(delayed(m, single, answered)),
            update.valid.eq(products.moves),
            update.velocity.eq(gated_velocity),
            update.position.eq(gated_position),
            update.u.eq(u_now),
            update.input_code.eq(products.input_code),
            update.position_code.eq(products.position_code),
            update.damping.eq(products.damping),
            update.stiffness.eq(products.stiffness),
        ]
        for write, valid, value in (
            (velocity_write, update.velocity_valid, update.new_velocity),
            (position_write, update.position_valid, update.new_position),
        ):
            target = Signal(range(modes_total))
            with m.If(valid):
                m.d.sync += target.eq(wrapped_next(target, modes_total))
            m.d.comb += [write.en.eq(valid), write.addr.eq(target), write.data.eq(value)]

        # Outputs: rounded in one cycle, clipped in the next.
        marks = Signal(2)
        result = products.total
        if not self.lane:
            rounded = round_shift(result, spec.output_shift)
            rounded_total = Signal(rounded.shape(), reset_less=True)
            m.d.sync += rounded_total.eq(rounded)
            result = saturate(rounded_total, spec.output.width)
        m.d.comb += [
            marks.eq(Cat(first_step, last_step)),
            queue.i.valid.eq(delayed(m, ending, self.output_latency)),
            marks_of(queue.i.payload).eq(delayed(m, marks, self.output_latency)),
            queue.i.payload.value.eq(result),
        ]
        return m
