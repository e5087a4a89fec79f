"""What every stream component keeps, whatever comes and whoever waits: its offers, values, their order.

A component is given free values and stalls. Any one of its values may be followed on its way: how many are in
front of it is counted. So nothing is dropped, repeated, reordered or changed; there are never more inside
than there is room for, and never fewer than none; and something moves within a stated number of cycles.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth.hdl import Assert, Assume, Cat, Module, Mux, Signal, Value, ValueLike
from amaranth.lib import wiring
from amaranth.lib.wiring import Component, In

from tests.formal.for_ever import Verdict, search
from tests.formal.prover import holds, without_reset


@dataclass(frozen=True)
class Part:
    """A component with streams `i` and `o`, and what is claimed of it.

    Parameters
    ----------
    make : callable
    capacity : int
        Most values inside: taken, and not given. Some hold a value at their input until they give it.
    patience : int
        Cycles within which a value leaves to a sink that is ready, or a component with an offer at its input
        and a ready sink takes or gives something.
    meaning : callable, optional
        What `o` gives for an input, both as plain bits; by default values are only counted.
    inputs, outputs : int
        So many inputs make a value, which leaves as so many outputs; the last ones of either are followed.
    cycles : int, optional
        The proof reaches over every run of so many cycles from reset; by default over runs of any length.
    """

    make: Callable[[], Any]
    capacity: int
    patience: int
    meaning: Callable[[Value], ValueLike] | None = None
    inputs: int = 1
    outputs: int = 1
    cycles: int | None = None


def same(payload: Value) -> Value:
    """What a queue makes of a value."""
    return payload


class Claims(wiring.Component):
    """A component between a free source and a free sink, and what is claimed of it."""

    def __init__(self, part: Part):
        self.part, self.component = part, part.make()
        width = len(Value.cast(self.component.i.payload))
        super().__init__({"valid": In(1), "payload": In(width), "follow": In(1), "ready": In(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        without_reset(m)
        m.submodules.component = component = self.component
        drive(m, component, self.valid, self.payload)
        m.d.comb += component.o.ready.eq(self.ready)
        follower = Follower(m, self.part, component.i, self.follow)
        follower.leaves(component.o, self.part.meaning)
        follower.complete()
        return m


def keeps(part: Part, claims: Component, folder: Path) -> bool:
    """Whether a part keeps what is claimed of it."""
    if part.cycles is not None:
        return holds(claims, folder, part.cycles)
    return search(claims, folder) is Verdict.HOLDS


def drive(m: Module, component: Component, valid: Value, payload: Value) -> None:
    """Connect a free source, which keeps what it offers."""
    stream: Any = component.i
    m.d.comb += [stream.valid.eq(valid), Value.cast(stream.payload).eq(payload)]
    keeps_its_offer(m, stream, Assume)


def keeps_its_offer(m: Module, stream: Any, claim: Callable[[ValueLike], Any]) -> None:
    """Claim that a value that waits stays as it is."""
    payload = Value.cast(stream.payload)
    waited, before = Signal(), Signal(len(payload))
    m.d.sync += [waited.eq(stream.valid & ~stream.ready), before.eq(payload)]
    m.d.comb += claim(~waited | (stream.valid & (payload.as_unsigned() == before)))


def last_of(m: Module, stream: Any, count: int) -> tuple[Value, Value]:
    """Whether something is transferred, and whether it is the last of so many."""
    moves = stream.valid & stream.ready
    if count == 1:
        return moves, moves
    given = Signal(range(count))
    with m.If(moves):
        m.d.sync += given.eq(Mux(given == count - 1, 0, given + 1))
    return moves, moves & (given == count - 1)


class Follower:
    """Follows one value after the other, each from when it is taken until every output has given it.

    Parameters
    ----------
    m : Module
    part : Part
    i : stream
        The component's input.
    follow : Value
        The value taken in this cycle is followed, unless one is already.
    """

    def __init__(self, m: Module, part: Part, i: Any, follow: Value):
        self.m, self.part, self.i = m, part, i
        self.taken, self.take = last_of(m, i, part.inputs)
        payload = Value.cast(i.payload)
        self.value, self.begins, self.busy = Signal(len(payload)), Signal(), Signal()
        self.following: list[Signal] = []
        self.moves: list[Value] = [self.taken]
        self.full: list[Value] = [i.valid]
        self.asked: list[Value] = []
        m.d.comb += self.begins.eq(self.take & follow & ~self.busy)
        with m.If(self.begins):
            m.d.sync += self.value.eq(payload)

    def leaves(self, o: Any, meaning: Callable[[Value], ValueLike] | None) -> Signal:
        """Claim of an output what has to be; how many values inside it has not given."""
        m, part = self.m, self.part
        keeps_its_offer(m, o, Assert)
        given, leave = last_of(m, o, part.outputs)
        counts = range(part.capacity + 2)
        inside, ahead, in_front = Signal(counts), Signal(counts), Signal(counts)
        following, hit, waits = Signal(), Signal(), Signal(range(part.patience + 2))
        m.d.comb += [
            in_front.eq(Mux(following, ahead, inside)),
            hit.eq(leave & (following | self.begins) & (in_front == 0)),
            Assert(~given | (inside != 0) | self.take),
            Assert(inside <= part.capacity),
            Assert(waits <= part.patience),
        ]
        m.d.sync += [
            inside.eq(inside + self.take - leave),
            ahead.eq(in_front - leave),
            following.eq((following | self.begins) & ~hit),
            waits.eq(Mux(o.ready & ~o.valid & (inside != 0), waits + 1, 0)),
        ]
        if meaning is not None:
            payload = Value.cast(o.payload).as_unsigned()
            expected = Signal(len(payload))
            m.d.comb += [
                expected.eq(meaning(Mux(following, self.value, Value.cast(self.i.payload).as_unsigned()))),
                Assert(~hit | (payload == expected)),
            ]
        self.following.append(following)
        self.moves.append(given)
        self.full.append(inside != 0)
        self.asked.append(o.ready)
        return inside

    def complete(self) -> None:
        """Claim that something moves; after all outputs."""
        m, patience = self.m, self.part.patience
        idle = Signal(range(patience + 2))
        stands = Cat(self.full).any() & Cat(self.asked).all() & ~Cat(self.moves).any()
        m.d.sync += idle.eq(Mux(stands, idle + 1, 0))
        m.d.comb += [self.busy.eq(Cat(self.following).any()), Assert(idle <= patience)]
