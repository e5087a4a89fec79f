"""The neuron array: multipliers walk the grid of channels and modes, one state update after the other."""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.primitives.clips import LayerClips, tell_clip
from hdl.primitives.counters import wrapped_next
from hdl.primitives.fifo import RegisterFifo
from hdl.primitives.fixed import round_shift, saturate
from hdl.primitives.memory import ram, rom, words_of
from hdl.primitives.registers import delayed
from hdl.primitives.streams import Beat, marks_of
from hdl.ssm.datapaths import DATAPATHS
from hdl.ssm.issue import ChannelAhead, Issue, issue_slots, places_of, take_ahead
from hdl.ssm.schedule import ROW_WIDTHS, Operand, coefficient_rows, helper_rows, schedule_of
from hdl.ssm.slotted import SlottedArray
from hdl.ssm.state_update import StateUpdate
from quantize.formats import Format
from quantize.layers.array import COEFFICIENT_WIDTH
from quantize.layers.leapfrog import LeapfrogSpec

# A lane's table of so few rows is one look-up table deep.
SHALLOW_ROWS = 16


@dataclass(frozen=True)
class SlotWork:
    """What the slot at work does.

    Attributes
    ----------
    does : dict of Signal
        Fields of its `hdl.ssm.schedule.Slot`, by the names of their signals, whether it is issued or not.
    issued : dict of Signal
        Some of them, high only where it is issued.
    single : Signal
        Its operand.
    clears, counts : Signal
        See `hdl.ssm.datapath.ArrayDatapath`.
    """

    does: dict[str, Signal]
    issued: dict[str, Signal]
    single: Signal
    clears: Signal
    counts: Signal


class NeuronArray(SlottedArray):
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
    held : int
        See `hdl.ssm.issue.places_of`.

    Members
    -------
    i : In(stream of Beat), x in the input format
    o : Out(stream of Beat), y in the output format
    """

    def __init__(
        self, spec: LeapfrogSpec, multipliers: int, *, has_helper: bool = False, lane: bool = False,
        target: DeviceFeatures = MULTIPLIER_BLOCKS, held: int = 0,
    ):  # fmt: skip
        self.spec, self.lane, self.held, self.target = spec, lane, held, target
        self.slots = schedule_of(spec.modes, multipliers, skip=not lane, has_helper=has_helper)
        self.products = DATAPATHS[multipliers, has_helper](spec, target)
        self.update = StateUpdate(spec, self.products.MODE_INTERVAL, target.product_latency)
        self.output_width = spec.accumulator_width if lane else spec.output.width
        # A lane's coefficients are in memory blocks: as logic they are many look-up tables deep, for
        # synthesis shares what their bits have in common. Blocks of the ECP5 answer late in a cycle, and
        # stand far from the multipliers: two registers follow them.
        self.late = 2 * int(lane and spec.channels * spec.modes > SHALLOW_ROWS)
        # The sum of a lane has no format: what follows all lanes rounds it.
        super().__init__(spec.input, Format(self.output_width, 0) if lane else spec.output)

    def watch(self, clips: LayerClips) -> None:
        super().watch(clips)
        self.update.clips = clips

    @property
    def multipliers(self) -> int:
        return self.products.multipliers

    @property
    def cycles_per_channel(self) -> int:
        return len(self.slots)

    @property
    def written_after(self) -> int:
        read, longest = 0, 0
        for index, slot in enumerate(self.slots):
            read = index if slot.reads else read
            longest = max(longest, index - read) if slot.moves else longest
        return longest + self.late + self.update.position_cycle + 1

    @property
    def output_latency(self) -> int:
        return self.late + self.products.total_latency + (not self.lane)

    @property
    def queue_depth(self) -> int:
        """Channels that can be between their last slot and the end of the queue without a gap."""
        # A sum leaves a lane's queue a cycle after it was taken.
        return places_of(self.output_latency, self.cycles_per_channel, self.held + self.lane)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, has_helper = self.spec, self.products.HAS_HELPER
        m.submodules.queue = queue = RegisterFifo(Beat(self.output_width), self.queue_depth)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        # A helper's memory has the offsets too; what stands before all lanes adds theirs.
        offset = None if self.lane or has_helper else spec.offset
        ahead = take_ahead(m, self.i, spec.channels, offset, self.clips, self.target.table_block)
        now = issue_slots(m, ahead, self.i, queue, self.cycles_per_channel, spec.channels, self.idle_cycles)
        work = self._decode(m, now)
        m.submodules.products = self.products
        m.submodules.update = self.update
        self._write_back(m, *self._read(m, ahead, now, work))
        self._put_out(m, now, queue)
        return m

    def _decode(self, m: Module, now: Issue) -> SlotWork:
        """What the slot does, known a cycle ahead; from cycle 1 on beside its memories' words."""
        issue = now.issue
        # Names of signals -> fields of a slot.
        issued = {
            "reads": "reads", "moves": "moves", "weighs": "gives_output", "skip": "skip",
            "helps": "helps", "begins": "begins",
        }  # fmt: skip
        fields = issued | {"second": "second_helped", "leaps": "skips_row"}
        does = {
            name: Signal(name=f"does_{name}", init=getattr(self.slots[0], field))
            for name, field in fields.items()
        }
        single = Signal(range(len(Operand)), init=self.slots[0].operand)
        with m.If(issue), m.Switch(now.slot):
            for index, what in enumerate([*self.slots[1:], self.slots[0]]):
                with m.Case(index):
                    m.d.sync += [flag.eq(getattr(what, fields[name])) for name, flag in does.items()]
                    m.d.sync += single.eq(what.operand)
        in_issue = {name: Signal(name=name) for name in issued}
        m.d.comb += [flag.eq(does[name] & issue) for name, flag in in_issue.items()]
        first, clears, counts = Signal(), Signal(), Signal()
        m.d.comb += [
            first.eq(issue & (now.slot == 0)),
            clears.eq(now.ending if self.products.ENDS_UNCOUNTED else first),
            counts.eq(issue if self.products.COUNTS_ALWAYS else in_issue["weighs"] | in_issue["skip"]),
        ]
        return SlotWork(does, in_issue, single, clears, counts)

    def _read(self, m: Module, ahead: ChannelAhead, now: Issue, work: SlotWork) -> tuple[Any, Any]:
        """Read states and coefficients, for the datapath and the update; return the states' write ports."""
        spec, products, update, does = self.spec, self.products, self.update, work.does
        has_helper, reads = products.HAS_HELPER, work.issued["reads"]
        modes_total = spec.channels * spec.modes
        rows = coefficient_rows(spec, products.PAIRED)
        # A helper has the outputs of a channel's first mode.
        first_row = int(has_helper)
        row = Signal(range(len(rows)), init=first_row)
        width = ROW_WIDTHS[products.PAIRED]
        coefficients = rom(m, "coefficients", rows, width, block=self.late > 0 if self.lane else None)
        velocity_write, velocity_read, position_write, position_read = (
            port
            for name in ("velocities", "positions")
            for port in ram(m, name, modes_total, spec.state_width, quick=self.lane)
        )
        u = self._input(m, ahead, now, work)
        # One or two multipliers need a row for each slot of a mode's work.
        parts = len(rows) // modes_total
        has_row = now.issue & ~does["skip"] if parts > 1 else reads
        next_row = row + 1 + (does["leaps"] if has_helper else 0)
        with m.If(has_row):
            m.d.sync += row.eq(Mux(row == len(rows) - 1, first_row, next_row))
        mode = row // parts
        m.d.comb += [coefficients.addr.eq(row), coefficients.en.eq(has_row)]
        for port in (velocity_read, position_read):
            m.d.comb += [port.addr.eq(mode), port.en.eq(reads)]
        answered = 1 + self.late
        zero = delayed(m, now.first_step, answered)
        u_now, velocity, position, words = (
            delayed(m, value, self.late, reset_less=True)
            for value in (u, velocity_read.data, position_read.data, coefficients.data)
        )

        gated_velocity, gated_position = Mux(zero, 0, velocity), Mux(zero, 0, position)
        m.d.comb += [
            # A helped pair leaves products out by itself; elsewhere a register's reset makes the zeros.
            products.velocity.eq(velocity if has_helper else gated_velocity),
            products.position.eq(position if has_helper else gated_position),
            products.cleared.eq(zero),
            products.u.eq(u_now),
            products.row.eq(words),
            products.counts.eq(delayed(m, work.counts, answered)),
            products.clears.eq(delayed(m, work.clears, answered)),
        ]
        for name in ("moves", "weighs", "skip", "helps", "begins"):
            m.d.comb += getattr(products, name).eq(delayed(m, work.issued[name], answered))
        m.d.comb += [
            products.single.eq(delayed(m, work.single, answered)),
            update.valid.eq(products.moves),
            update.velocity.eq(gated_velocity),
            update.position.eq(gated_position),
            update.u.eq(u_now),
            update.input_code.eq(products.input_code),
            update.position_code.eq(products.position_code),
            update.damping.eq(products.damping),
            update.stiffness.eq(products.stiffness),
        ]
        return velocity_write, position_write

    def _input(self, m: Module, ahead: ChannelAhead, now: Issue, work: SlotWork) -> Signal:
        """The channel's input, and the weight with which it skips the modes to the datapath."""
        u_next: Value = ahead.payload.value
        if self.products.HAS_HELPER:
            # It gives the next channel's offset where no slot wants its words.
            helper = rom(m, "helper", helper_rows(self.spec), COEFFICIENT_WIDTH)
            wanted = Mux(now.busy, work.single, Operand.AHEAD)[:2]
            m.d.comb += [
                helper.addr.eq(Cat(now.channel, wanted, work.does["second"])),
                self.products.skip_weight.eq(helper.data.as_signed()),
            ]
            total = u_next + helper.data.as_signed()
            u_next = saturate(total, self.spec.input.width)
            if self.clips is not None:
                tell_clip(m, self.clips.inputs, now.started, total, self.spec.input.width)
        elif not self.lane:
            words = words_of(self.spec.skip, COEFFICIENT_WIDTH)
            skips = rom(m, "skips", words, COEFFICIENT_WIDTH, block=self.target.table_block)
            m.d.comb += [skips.addr.eq(now.channel), self.products.skip_weight.eq(skips.data.as_signed())]
        u = Signal(signed(self.spec.input.width), reset_less=True)
        # A cycle later than the slot that it belongs to: the slots before still need the last one.
        with m.If(now.started):
            m.d.sync += u.eq(u_next)
        return u

    def _write_back(self, m: Module, velocity_write: Any, position_write: Any) -> None:
        """States that have moved go to memory, in the order in which they were read."""
        update, modes_total = self.update, self.spec.channels * self.spec.modes
        for write, valid, value in (
            (velocity_write, update.velocity_valid, update.new_velocity),
            (position_write, update.position_valid, update.new_position),
        ):
            target = Signal(range(modes_total))
            with m.If(valid):
                m.d.sync += target.eq(wrapped_next(target, modes_total))
            m.d.comb += [write.en.eq(valid), write.addr.eq(target), write.data.eq(value)]

    def _put_out(self, m: Module, now: Issue, queue: RegisterFifo) -> None:
        """A channel's sum: rounded in one cycle, clipped in the next; of a lane as it is."""
        spec = self.spec
        marks = Signal(2)
        result: Value = self.products.total
        if not self.lane:
            rounded = round_shift(result, spec.output_shift)
            rounded_total = Signal(rounded.shape(), reset_less=True)
            m.d.sync += rounded_total.eq(rounded)
            result = saturate(rounded_total, spec.output.width)
            if self.clips is not None:
                tell_clip(m, self.clips.outputs, queue.i.valid, rounded_total, spec.output.width)
        m.d.comb += [
            marks.eq(Cat(now.first_step, now.last_step)),
            queue.i.valid.eq(delayed(m, now.ending, self.output_latency)),
            marks_of(queue.i.payload).eq(delayed(m, marks, self.output_latency)),
            queue.i.payload.value.eq(result),
        ]
