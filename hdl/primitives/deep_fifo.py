"""Queues of many entries that pass a value a cycle: in look-up tables, in memory blocks, behind pipelines."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.primitives.component import Component
from hdl.primitives.counters import fill_level
from hdl.primitives.fifo import RegisterFifo
from hdl.primitives.memory import ram
from hdl.primitives.registers import delayed


class UncheckedFifo(Component):
    """A `ShallowFifo` whose user is sure that a value fits, and that one is there: it keeps no count.

    Parameters
    ----------
    shape : ShapeLike
    depth : int
        At least so many values fit: the next power of two do.

    Members
    -------
    push, pop : In(1)
        A value comes, the oldest one leaves.
    value : In(shape)
    oldest : Out(shape)
        From the cycle after its push on.
    """

    def __init__(self, shape, depth: int):  # ShapeLike has no public type
        self.shape, self.depth = shape, 1 << max(1, (depth - 1).bit_length())
        super().__init__({"push": In(1), "value": In(shape), "pop": In(1), "oldest": Out(shape)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = Memory(
            shape=self.shape, depth=self.depth, init=[], attrs={"ram_style": "distributed"}
        )
        write, read = memory.write_port(), memory.read_port(domain="comb")
        m.d.comb += [write.en.eq(self.push), write.data.eq(self.value), self.oldest.eq(read.data)]
        m.d.sync += [write.addr.eq(write.addr + self.push), read.addr.eq(read.addr + self.pop)]
        return m


class ShallowFifo(Component):
    """First in, first out, in memory of look-up tables: for the ECP5, and for tens of entries.

    Parameters
    ----------
    shape : ShapeLike
    depth : int
        At least so many values fit: the next power of two do.

    Members
    -------
    i : In(stream of shape)
    o : Out(stream of shape)
        A cycle after it was taken at the earliest.
    """

    def __init__(self, shape, depth: int):  # ShapeLike has no public type
        self.shape, self.values = shape, UncheckedFifo(shape, depth)
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    @property
    def depth(self) -> int:
        return self.values.depth

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.values = values = self.values
        _, some, room = fill_level(m, self.depth, values.push, values.pop)
        m.d.comb += [
            self.i.ready.eq(room),
            values.push.eq(self.i.valid & room),
            values.value.eq(self.i.payload),
            self.o.valid.eq(some),
            self.o.payload.eq(values.oldest),
            values.pop.eq(some & self.o.ready),
        ]
        return m


def _pipeline_end(shape) -> dict[str, wiring.Member]:  # ShapeLike has no public type
    """What an outlet and its pipeline tell each other, and what leaves."""
    return {
        "room": Out(1),
        "enter": In(1),
        "arrive": In(1),
        "value": In(shape),
        "o": Out(stream.Signature(shape)),
    }


class CreditFifo(Component):
    """The end of a pipeline that never stops: a queue, and credits so that it does not overflow.

    A value that enters the pipeline takes a place in the queue with it, so nothing on the way waits for
    `ready`; a value enters in every cycle as long as all leave at once. Behind the queue there is a short
    one: the count of places then does not wait for whoever takes the values, perhaps far away on the part.

    Parameters
    ----------
    shape : ShapeLike
    latency : int
        Cycles from `enter` to `arrive`.
    spare : int
        Places that stay free at full speed.

    Members
    -------
    free : Out(range(depth + 1))
        Places that nobody has taken before this cycle.
    room : Out(1)
        There is one.
    enter : In(1)
        A value enters the pipeline; only where there is `room`.
    arrive : In(1), value : In(shape)
        It comes out, `latency` cycles later.
    o : Out(stream of shape)
    """

    # Cycles from a value's arrival until it stands at `o`, and until its place is known to be free.
    LATENCY = RETURN = 2

    def __init__(self, shape, latency: int, spare: int = 0):  # ShapeLike has no public type
        self.queue = ShallowFifo(shape, latency + self.RETURN + spare)
        super().__init__({"free": Out(range(self.queue.depth + 1)), **_pipeline_end(shape)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.queue, m.submodules.end = queue, end = self.queue, RegisterFifo(self.queue.shape, 2)
        wiring.connect(m, queue.o, end.i)
        wiring.connect(m, end.o, wiring.flipped(self.o))
        left = queue.o.valid & queue.o.ready
        free, room, _ = fill_level(m, queue.depth, left, self.enter, full=True)
        m.d.comb += [
            queue.i.valid.eq(self.arrive),
            queue.i.payload.eq(self.value),
            self.free.eq(free),
            self.room.eq(room),
        ]
        return m


class RegisterCreditFifo(Component):
    """An `CreditFifo` in registers, for values that enter in every so many cycles at most.

    Parameters
    ----------
    shape : ShapeLike
    latency : int
        Cycles from `enter` to `arrive`.
    period : int
        Least cycles from one value to the next, which it keeps up if all leave at once.

    Members
    -------
    room, enter, arrive, value, o
        As of an `CreditFifo`.
    """

    RETURN = CreditFifo.RETURN

    def __init__(self, shape, latency: int, period: int):  # ShapeLike has no public type
        self.latency, self.period = latency, period
        self.queue = RegisterFifo(shape, -(-(latency + self.RETURN) // period))
        super().__init__(_pipeline_end(shape))

    def burst_cycles(self, values: int, taken_in: int) -> int:
        """Most cycles from the first of some values' entry to the last one's.

        Parameters
        ----------
        values : int
            They enter as fast as they may; the queue is empty before.
        taken_in : int
            One leaves in every so many cycles, the first at once.
        """
        at_once = (values - 1) * self.period
        waiting = values - 1 - self.queue.depth
        if waiting < 0:
            return at_once
        # The first one's place is free again, and then one more in each turn.
        return max(at_once, self.latency + self.RETURN + waiting * taken_in)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.queue = queue = self.queue
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        left = queue.o.valid & queue.o.ready
        _, room, _ = fill_level(m, queue.depth, left, self.enter, full=True)
        m.d.comb += [queue.i.valid.eq(self.arrive), queue.i.payload.eq(self.value), self.room.eq(room)]
        return m


class BlockFifo(Component):
    """First in, first out, in a memory block.

    Parameters
    ----------
    width : int
        Bits of a value.
    depth : int
        At least so many values fit.

    Members
    -------
    i : In(stream of signed(width))
    o : Out(stream of signed(width))
        Four cycles after it was taken at the earliest.
    """

    # Values that are read, or wait behind the memory, so that one leaves in every cycle.
    BEHIND = 4

    def __init__(self, width: int, depth: int):
        self.width, self.depth = width, 1 << max(1, (depth - 1).bit_length())
        values = stream.Signature(signed(width))
        super().__init__({"i": In(values), "o": Out(values)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        write, read = ram(m, "values", self.depth, self.width)
        m.submodules.queue = queue = ShallowFifo(signed(self.width), self.BEHIND)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        push, fetch = Signal(), Signal()
        _, some, room = fill_level(m, self.depth, push, fetch)
        _, room_behind, _ = fill_level(m, self.BEHIND, queue.o.valid & queue.o.ready, fetch, full=True)
        value = Signal(signed(self.width), reset_less=True)  # a memory block answers late in the cycle
        m.d.comb += [
            self.i.ready.eq(room),
            push.eq(self.i.valid & self.i.ready),
            fetch.eq(some & room_behind),
            write.en.eq(push),
            write.data.eq(self.i.payload),
            read.en.eq(fetch),
            queue.i.valid.eq(delayed(m, fetch, 2)),
            queue.i.payload.eq(value),
        ]
        m.d.sync += [
            write.addr.eq(write.addr + push),
            read.addr.eq(read.addr + fetch),
            value.eq(read.data),
        ]
        return m
