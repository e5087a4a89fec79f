"""Counters that walk the channels of a step over and over."""

from amaranth.hdl import Module, Mux, Signal, Value


def channel_counter(m: Module, name: str, channels: int, advance: Value) -> tuple[Signal, Signal]:
    """A counter over 0..channels-1, and its value in the next cycle: the address of what is needed then."""
    now, after = Signal(range(channels), name=name), Signal(range(channels), name=f"next_{name}")
    m.d.comb += after.eq(Mux(advance, Mux(now == channels - 1, 0, now + 1), now))
    m.d.sync += now.eq(after)
    return now, after


def lane_turn(m: Module, name: str, lanes: int, channels: int, advance: Value) -> Signal:
    """Whose turn it is, a bit a lane: channels go to the lanes in order, a step's first one to the first."""
    turn = Signal(lanes, name=f"{name}_turn", init=1)
    channel, _ = channel_counter(m, name, channels, advance)
    with m.If(advance):
        m.d.sync += turn.eq(turn.rotate_left(1))
        with m.If(channel == channels - 1):
            m.d.sync += turn.eq(1)
    return turn
