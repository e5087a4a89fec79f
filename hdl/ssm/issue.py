"""What arrays of every kind share: they take a channel ahead, and issue the slots of one after the other."""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data

from hdl.primitives.clips import LayerClips, tell_clip
from hdl.primitives.counters import fill_level, next_is_last, wrapped_next
from hdl.primitives.fifo import RegisterFifo
from hdl.primitives.fixed import saturate
from hdl.primitives.memory import rom, words_of
from hdl.primitives.streams import Beat, marks_of
from quantize.formats import STREAM_WIDTH, Integers

START_LATENCY = 2
"""Cycles from a channel's arrival until its first slot is issued: taken ahead, begun."""


@dataclass(frozen=True)
class ChannelAhead:
    """The next channel's input, in a register.

    Attributes
    ----------
    payload : view of a Beat
        Its value is u, or x where the offset is added later.
    valid : Signal
        It has come.
    take : Signal
        It comes in this cycle.
    may_take : Signal
        The register is free in this cycle; what follows drives it.
    """

    payload: data.View
    valid: Signal
    take: Signal
    may_take: Signal


@dataclass(frozen=True)
class Issue:
    """The slot at work, and when it is issued.

    Attributes
    ----------
    busy : Signal
        A channel is at work.
    issue : Signal
        A slot is issued in this cycle.
    ending : Signal
        It is the channel's last.
    slot, channel : Signal
        Which one, of which channel.
    started : Signal
        In a channel's first cycle; the input ahead is still its own.
    first_step, last_step : Signal
        The marks of its step.
    """

    busy: Signal
    issue: Signal
    ending: Signal
    slot: Signal
    channel: Signal
    started: Signal
    first_step: Signal
    last_step: Signal


def offsets_in_turn(m: Module, offset: Integers, taken: Value, block: bool | None = None) -> Value:
    """The offset of the channel that comes next, from a register of its table's memory.

    The table's address is a register, the channel after that one; a channel that is taken only enables the
    read. The first cycle after a reset reads the first offset, so no channel may be taken in it.

    Parameters
    ----------
    offset : (H,)
    taken : Value
        High in a cycle in which a channel is taken.
    block : bool, optional
        Where the offsets go, see `hdl.primitives.memory.rom`.
    """
    table = rom(m, "offsets", words_of(offset, STREAM_WIDTH), STREAM_WIDTH, block=block)
    address, is_read = Signal(range(len(offset)), name="next_offset"), Signal(name="offset_read")
    m.d.comb += [table.addr.eq(address), table.en.eq(taken | ~is_read)]
    m.d.sync += is_read.eq(1)
    with m.If(table.en):
        m.d.sync += address.eq(wrapped_next(address, len(offset)))
    return table.data.as_signed()


def take_ahead(
    m: Module, i: Any, channels: int, offset: Integers | None, clips: LayerClips | None = None,
    block: bool | None = None,
) -> ChannelAhead:  # fmt: skip
    """Take a channel ahead of the slots, the offset added if one is given.

    Parameters
    ----------
    i : In(stream of Beat)
    channels : int
    offset : (H,), optional
    clips : LayerClips, optional
        Where clipped sums with the offset are told.
    block : bool, optional
        Where the offsets go, see `hdl.primitives.memory.rom`.
    """
    width = i.payload.shape().width
    take = Signal()
    m.d.comb += take.eq(i.valid & i.ready)
    u_in: Value = i.payload.value
    if offset is not None:
        total = u_in + offsets_in_turn(m, offset, take, block)
        u_in = saturate(total, width)
        if clips is not None:
            tell_clip(m, clips.inputs, take, total, width)
    ahead = Signal(Beat(width), reset_less=True)
    ahead_valid = Signal()
    # Not in the first cycle after a reset, see `offsets_in_turn`.
    may_take = Signal()
    with m.If(take):
        m.d.sync += [
            marks_of(ahead).eq(marks_of(i.payload)),
            ahead.value.eq(u_in),
        ]
    return ChannelAhead(ahead, ahead_valid, take, may_take)


def places_of(latency: int, cycles_per_channel: int, held: int) -> int:
    """Places of the output's queue with which no channel waits for one.

    A channel's place is given away with its last slot. It is free again after the latency, a cycle into the
    queue and a cycle out of it, and a cycle until that is known.

    Parameters
    ----------
    latency : int
        Cycles from the issue of a channel's last slot until its output enters the queue.
    cycles_per_channel : int
    held : int
        Cycles that what follows holds an output at its input before it takes it.
    """
    return -(-(latency + 3 + held) // cycles_per_channel)


def issue_slots(
    m: Module, ahead: ChannelAhead, i: Any, queue: RegisterFifo, slots: int, channels: int, idle_cycles: int
) -> Issue:
    """Issue the slots of channel after channel, as long as there is a place for what they come to.

    Parameters
    ----------
    i : In(stream of Beat)
        Where `ahead` comes from.
    queue : RegisterFifo
        What a channel's output enters.
    slots : int
        Of a channel, two at least.
    channels, idle_cycles : int
        Of a step, and after its last channel.
    """
    busy = Signal()
    slot = Signal(range(slots))
    channel = Signal(range(channels), init=channels - 1)
    idle = Signal(range(idle_cycles + 1))
    first_step, last_step = Signal(reset_less=True), Signal(reset_less=True)
    start, started, ending = Signal(), Signal(), Signal()
    # Registers, for much depends on them.
    issue, last_slot = (Signal() for _ in range(2))
    _, place, _ = fill_level(m, queue.depth, queue.o.valid & queue.o.ready, ending, full=True)
    m.d.comb += [ending.eq(issue & last_slot), i.ready.eq(ahead.may_take)]
    step_ends = ending & (channel == channels - 1)
    if idle_cycles:
        with m.If(step_ends):
            m.d.sync += idle.eq(idle_cycles - 1)
        with m.Elif(idle != 0):
            m.d.sync += idle.eq(idle - 1)
        free = (idle == 0) & (~busy | (ending & ~step_ends))
    else:
        free = ~busy | ending
    m.d.comb += start.eq(ahead.valid & ~started & free)
    still_ahead = ahead.take | (ahead.valid & ~started)
    m.d.sync += [started.eq(start), ahead.valid.eq(still_ahead), ahead.may_take.eq(~still_ahead | start)]
    busy_next = start | (busy & ~ending)
    m.d.sync += busy.eq(busy_next)
    with m.If(start):
        m.d.sync += [
            first_step.eq(ahead.payload.first),
            last_step.eq(ahead.payload.last),
            channel.eq(wrapped_next(channel, channels)),
        ]
    # The last slot waits until there is a place for the channel's y, and was a cycle before.
    last_slot_next = Mux(issue, next_is_last(slot, slots), last_slot)
    m.d.sync += [
        last_slot.eq(last_slot_next),
        issue.eq(busy_next & (place | ~last_slot_next)),
    ]
    with m.If(issue):
        m.d.sync += slot.eq(Mux(last_slot, 0, slot + 1))
    return Issue(busy, issue, ending, slot, channel, started, first_step, last_step)
