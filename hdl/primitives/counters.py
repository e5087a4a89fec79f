"""Counters that walk the channels of a step over and over."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, ValueLike
from amaranth.lib.wiring import In, Out

from hdl.primitives.component import Component


def wrapped_next(counter: Signal, count: int) -> Value:
    """The value after `counter` in a cycle of 0..count-1: one more, or 0 after the last."""
    return Mux(counter == count - 1, 0, counter + 1)


def is_last_of_each(counter: Signal, count: int, repeats: int) -> Value:
    """Whether a counter over 0..count * repeats - 1 is the last of one of the repeats."""
    if repeats == 1:
        return counter == count - 1
    if count & (count - 1) == 0:
        return (counter & (count - 1)) == count - 1
    return Cat(counter == last for last in range(count - 1, count * repeats, count)).any()


def next_is_last(counter: Signal, count: int) -> ValueLike:
    """Whether the value after `counter` in a cycle of 0..count-1 is the last one."""
    return counter == count - 2 if count > 1 else 1


class CounterWithLast:
    """A counter that cycles through 0..count-1, and a register that tells the last value.

    The comparison with the last value is made a cycle ahead, beside the addition, so that what depends on it
    starts from a register. Its user decides when the counter advances:

        with m.If(issue):
            row.advance(m)

    Parameters
    ----------
    name : str
    count : int

    Attributes
    ----------
    value : Signal
    last : Signal
        `value` is count-1.
    """

    def __init__(self, name: str, count: int):
        self.count = count
        self.value = Signal(range(count), name=name)
        self.last = Signal(init=count == 1, name=f"last_{name}")

    def advance(self, m: Module) -> None:
        """Add the statements that let the counter take its next value, under the conditions in force."""
        m.d.sync += [
            self.value.eq(Mux(self.last, 0, self.value + 1)),
            self.last.eq(next_is_last(self.value, self.count)),
        ]


def channel_counter(m: Module, name: str, channels: int, advance: Value) -> tuple[Signal, Signal]:
    """A counter over 0..channels-1, and its value in the next cycle: the address of what is needed then."""
    now, after = Signal(range(channels), name=name), Signal(range(channels), name=f"next_{name}")
    m.d.comb += after.eq(Mux(advance, wrapped_next(now, channels), now))
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


def fill_level(
    m: Module, depth: int, push: Value, pop: Value, *, full: bool = False
) -> tuple[Signal, Signal, Signal]:
    """How many entries of a queue are in use, and registers that tell an empty and a full one.

    A comparison of a level is several look-up tables deep, and what waits for it deeper; so the comparison
    is made a cycle ahead, for the level before, beside whatever decides the push and the pop.

    Parameters
    ----------
    depth : int
    push, pop : Value
        An entry comes, or leaves; the one not into a full queue, the other not out of an empty one.
    full : bool
        All entries are in use after a reset.

    Returns
    -------
    level, some, room : Signal
        The level; whether it is not 0, and not the depth.
    """
    level = Signal(range(depth + 1), init=depth if full else 0)
    some, room = Signal(init=full), Signal(init=not full)
    down = pop & ~push
    m.d.sync += [
        level.eq(level + Cat(push ^ pop, down.replicate(len(level) - 1))),  # one adder for both
        some.eq(push | (some & ~pop) | (level > 1)),
        room.eq(pop | (room & ~(push & (level == depth - 1)))),
    ]
    return level, some, room


class StepGate(Component):
    """Counts the beats of steps, and lets a component begin no more steps than it can hold.

    Parameters
    ----------
    channels : int
        Beats of a step.
    steps : int

    Members
    -------
    take : In(1)
        A beat is taken; only where `ready`.
    step_leaves : In(1)
        A step needs its place no longer.
    ready : Out(1)
    begins, ends : Out(1)
        The beat taken is a step's first, or last.
    """

    def __init__(self, channels: int, steps: int):
        self.channels, self.steps = channels, steps
        names = {"take": In(1), "step_leaves": In(1), "ready": Out(1), "begins": Out(1), "ends": Out(1)}
        super().__init__(names)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        channel, _ = channel_counter(m, "channel", self.channels, self.take)
        held = Signal(range(self.steps + 1))
        m.d.comb += [
            self.ready.eq((channel != 0) | (held != self.steps)),
            self.begins.eq(self.take & (channel == 0)),
            self.ends.eq(self.take & (channel == self.channels - 1)),
        ]
        m.d.sync += held.eq(held + self.begins - self.step_leaves)
        return m
