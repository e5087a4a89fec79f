"""What every queue keeps, whatever comes and whoever waits: values, their order, and that they leave.

A queue is given free values and stalls. Of its values, one at a free place in their order is followed; a
queue does not look at its values, so what holds for that one holds for all. Memories give garbage for reads
that collide with a write. The proofs are bounded: they reach over every run of `CYCLES` cycles from reset,
which fills any of these, of depths from 1 to 4.
"""

from dataclasses import dataclass

import pytest
from amaranth.hdl import Assert, Assume, Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.network.residual_fifo import ResidualFifo, ResidualFork
from hdl.primitives.deep_fifo import BlockFifo, ShallowFifo
from hdl.primitives.fifo import RegisterFifo
from tests.formal.prover import holds, without_reset
from tests.hdl.collisions import garbage_for_undefined_reads
from tests.hdl.pipeline import Pipeline

pytestmark = pytest.mark.formal

WIDTH = 2
COUNT = 6
"""Bits of the counters of values: more than a bounded proof can count."""


@dataclass
class Watched:
    """One output of a queue: what it is asked for, and what it gives."""

    valid: Value
    ready: Value
    payload: Value


class Claims(wiring.Component):
    """A queue between a free source and free sinks, and what is claimed of it.

    Parameters
    ----------
    queue : Component
    capacity : int
        Most values inside.
    patience : int
        Cycles within which a value leaves to a sink that is ready, and an empty queue takes one.
    """

    def __init__(self, queue, capacity: int, patience: int):
        self.queue, self.capacity, self.patience = queue, capacity, patience
        self.two = hasattr(queue, "o_residual")
        super().__init__(
            {
                "valid": In(1),
                "payload": In(len(Value.cast(queue.i.payload))),
                "place": In(COUNT),
                "ready": In(2),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        without_reset(m)
        m.submodules.queue = queue = self.queue
        begun, place = Signal(), Signal(COUNT)
        m.d.sync += [begun.eq(1), place.eq(self.place)]
        m.d.comb += [
            Assume(~begun | (self.place == place)),
            queue.i.valid.eq(self.valid),
            Value.cast(queue.i.payload).eq(self.payload),
            queue.o.ready.eq(self.ready[0]),
        ]
        self._keeps_its_offer(m, begun, self.valid, self.payload, queue.i.ready, Assume)

        taken, value, followed = Signal(COUNT), Signal(len(self.payload)), Signal()
        take = queue.i.valid & queue.i.ready
        m.d.sync += taken.eq(taken + take)
        with m.If(take & (taken == self.place)):
            m.d.sync += [value.eq(self.payload), followed.eq(1)]

        left = self._follow(m, begun, queue.o, value, followed, taken)
        if self.two:
            # The residual's reader waits for what the layer makes of the same beat.
            behind = Signal(COUNT)
            m.d.comb += queue.o_residual.ready.eq(self.ready[1] & (behind != left))
            marks = len(self.payload) - len(queue.o_residual.payload)
            other = self._follow(
                m, begun, queue.o_residual, value[marks:], followed, taken, self.ready[1] & (behind != left)
            )
            m.d.comb += behind.eq(other)
            left = other
            self._marks(m, take)
        empty = Signal(range(self.patience + 2))
        m.d.sync += empty.eq(Mux((taken == left) & ~take, Mux(empty > self.patience, empty, empty + 1), 0))
        m.d.comb += [
            Assert((taken - left)[:COUNT] <= self.capacity),
            Assert((empty <= self.patience) | queue.i.ready),
        ]
        return m

    def _keeps_its_offer(self, m, begun, valid, payload, ready, claim) -> None:
        """A value that waits stays as it is."""
        waited, before = Signal(), Signal(len(payload))
        m.d.sync += [waited.eq(valid & ~ready), before.eq(payload)]
        m.d.comb += claim(~begun | ~waited | (valid & (before == payload)))

    def _follow(self, m, begun, out, value, followed, taken, asked=None) -> Signal:
        """The claims of one output; how many values have left there."""
        payload, left, waits = (
            Value.cast(out.payload).as_unsigned(),
            Signal(COUNT),
            Signal(range(self.patience + 2)),
        )
        self._keeps_its_offer(m, begun, out.valid, payload, out.ready, Assert)
        leave = out.valid & out.ready
        asks = self.ready[0] if asked is None else asked
        m.d.sync += [
            left.eq(left + leave),
            waits.eq(Mux(asks & ~out.valid & (left != taken), waits + 1, 0)),
        ]
        m.d.comb += [
            Assert(~leave | (left != taken)),
            Assert(~leave | (left != self.place) | (followed & (payload == value))),
            Assert(waits <= self.patience),
        ]
        return left

    def _marks(self, m, take) -> None:
        """A step's beats have one pair of marks, and a step is a first one after a last one."""
        channels = self.queue.channels if isinstance(self.queue, ResidualFifo) else 1
        beat = self.queue.i.payload
        channel, first, last = Signal(range(channels + 1)), Signal(init=1), Signal()
        m.d.comb += [
            Assume(~self.valid | (beat.first == first)),
            Assume(~self.valid | (channel == 0) | (beat.last == last)),
        ]
        with m.If(take):
            m.d.sync += [channel.eq(Mux(channel == channels - 1, 0, channel + 1)), last.eq(beat.last)]
            with m.If(channel == channels - 1):
                m.d.sync += first.eq(beat.last)


QUEUES = {
    "register-1": (lambda: RegisterFifo(signed(WIDTH), 1), 1, 1),
    "register-2": (lambda: RegisterFifo(signed(WIDTH), 2), 2, 1),
    "register-3": (lambda: RegisterFifo(signed(WIDTH), 3), 3, 1),
    "register-4": (lambda: RegisterFifo(signed(WIDTH), 4), 4, 1),
    "shallow-2": (lambda: ShallowFifo(signed(WIDTH), 2), 2, 1),
    "shallow-4": (lambda: ShallowFifo(signed(WIDTH), 4), 4, 1),
    "block-1": (lambda: BlockFifo(WIDTH, 1), 6, 4),
    "block-4": (lambda: BlockFifo(WIDTH, 4), 8, 4),
    "credit-1": (lambda: Pipeline(1, width=WIDTH), 6, 4),
    "credit-2": (lambda: Pipeline(2, width=WIDTH), 6, 5),
    "register-credit-1-by-1": (lambda: Pipeline(1, 1, WIDTH), 3, 4),
    "register-credit-3-by-2": (lambda: Pipeline(3, 2, WIDTH), 3, 5),
    "residual-1x1": (lambda: ResidualFifo(WIDTH, 1, 1), 4, 8),
    "residual-2x2": (lambda: ResidualFifo(WIDTH, 2, 2), 5, 8),
    "fork-1x2": (lambda: ResidualFork(WIDTH, 1, 2), 6, 8),
}
"""Name -> how to make a queue, the most values inside, and the cycles that a value may take through it."""

CYCLES = 12


QUICK = ("register-2", "shallow-2", "residual-1x1")


def quick_and_slow(names, quick):
    """All names, those that are not quick ones marked as slow."""
    return [name if name in quick else pytest.param(name, marks=pytest.mark.exhaustive) for name in names]


@pytest.mark.parametrize("name", quick_and_slow(QUEUES, QUICK))
def test_queues_keep_every_value_and_let_it_leave(tmp_path, name):
    make, capacity, patience = QUEUES[name]
    with garbage_for_undefined_reads():
        assert holds(Claims(make(), capacity, patience), tmp_path, CYCLES)


class Faulty(wiring.Component):
    """A queue with a fault at one of its ends, from its third value on."""

    def __init__(self, fault: str):
        self.fault = fault
        super().__init__(
            {"i": In(stream.Signature(signed(WIDTH))), "o": Out(stream.Signature(signed(WIDTH)))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.queue = queue = ShallowFifo(signed(WIDTH), 2)
        taken, left = Signal(8), Signal(8)
        m.d.sync += [
            taken.eq(taken + (self.i.valid & self.i.ready)),
            left.eq(left + (self.o.valid & self.o.ready)),
        ]
        hit_in, hit_out = taken == 2, left == 2
        is_fault = self.fault.__eq__
        m.d.comb += [
            queue.i.payload.eq(self.i.payload ^ (hit_in & is_fault("corrupts"))),
            queue.i.valid.eq(self.i.valid & ~(hit_in & is_fault("drops"))),
            self.i.ready.eq(queue.i.ready | (hit_in & is_fault("overflows"))),
            self.o.payload.eq(queue.o.payload),
            self.o.valid.eq(
                (queue.o.valid & ~(hit_out & is_fault("stops"))) | (hit_out & is_fault("underflows"))
            ),
            queue.o.ready.eq(self.o.ready & ~(hit_out & is_fault("repeats"))),
        ]
        if self.fault == "changes its offer":
            waited = Signal(4)
            m.d.sync += waited.eq(Mux(self.o.valid & ~self.o.ready, waited + 1, 0))
            m.d.comb += self.o.payload.eq(queue.o.payload ^ (waited == 1))
        if self.fault == "takes back its offer":
            waited = Signal()
            m.d.sync += waited.eq(self.o.valid & ~self.o.ready)
            m.d.comb += self.o.valid.eq(queue.o.valid & ~waited)
        if self.fault == "takes nothing":
            m.d.comb += self.i.ready.eq(queue.i.ready & ~hit_in)
        return m


FAULTS = [
    "corrupts", "drops", "overflows", "stops", "underflows", "repeats", "changes its offer",
    "takes back its offer", "takes nothing",
]  # fmt: skip


@pytest.mark.parametrize("fault", quick_and_slow(FAULTS, ("drops", "stops")))
def test_a_fault_of_a_queue_is_found(tmp_path, fault):
    assert not holds(Claims(Faulty(fault), 4, 1), tmp_path, CYCLES)


@pytest.mark.exhaustive
def test_a_queue_without_a_fault_passes_the_same_claims(tmp_path):
    assert holds(Claims(Faulty(""), 4, 1), tmp_path, CYCLES)
