"""Queues keep every value, their order, and let them leave: `tests.formal.claims` of each.

Memories give garbage for reads that collide with a write. Three proofs are bounded: they reach over every run
of `CYCLES` cycles from reset, which fills any of these queues.
"""

import pytest
from amaranth.hdl import Assume, Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.network.residual_fifo import ResidualFifo, ResidualFork
from hdl.primitives.deep_fifo import BlockFifo, ShallowFifo
from hdl.primitives.fifo import RegisterFifo
from tests.formal.claims import Claims, Follower, Part, drive, keeps, same
from tests.formal.for_ever import Verdict, search
from tests.formal.prover import without_reset
from tests.hdl.collisions import garbage_for_undefined_reads
from tests.hdl.pipeline import Pipeline

pytestmark = pytest.mark.formal

WIDTH = 1
"""Bits of a value: a queue does not look at them."""


class ForkClaims(wiring.Component):
    """A queue with two readers; that of the residual waits for what the layer makes of the same beat."""

    def __init__(self, part: Part):
        self.part, self.queue = part, part.make()
        width = len(Value.cast(self.queue.i.payload))
        super().__init__({"valid": In(1), "payload": In(width), "follow": In(1), "ready": In(2)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        without_reset(m)
        m.submodules.queue = queue = self.queue
        drive(m, queue, self.valid, self.payload)
        follower = Follower(m, self.part, queue.i, self.follow)
        marks = len(self.payload) - len(queue.o_residual.payload)
        left = follower.leaves(queue.o, same)
        behind = follower.leaves(queue.o_residual, lambda payload: payload[marks:])
        follower.complete()
        m.d.comb += [
            queue.o.ready.eq(self.ready[0]),
            queue.o_residual.ready.eq(self.ready[1] & (behind != left)),
        ]
        self._marks(m, self.valid & queue.i.ready)
        return m

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


CYCLES = 12


def queue(make, capacity: int, patience: int, cycles: int | None = None) -> Part:
    return Part(make, capacity, patience, same, cycles=cycles)


QUEUES = {
    "register-1": queue(lambda: RegisterFifo(signed(WIDTH), 1), 1, 1),
    "register-2": queue(lambda: RegisterFifo(signed(WIDTH), 2), 2, 1),
    "register-3": queue(lambda: RegisterFifo(signed(WIDTH), 3), 3, 1),
    "register-4": queue(lambda: RegisterFifo(signed(WIDTH), 4), 4, 1),
    "shallow-2": queue(lambda: ShallowFifo(signed(WIDTH), 2), 2, 1),
    "shallow-4": queue(lambda: ShallowFifo(signed(WIDTH), 4), 4, 1),
    "block-1": queue(lambda: BlockFifo(WIDTH, 1), 6, 4),
    "block-4": queue(lambda: BlockFifo(WIDTH, 4), 8, 4, CYCLES),
    "credit-1": queue(lambda: Pipeline(1, width=WIDTH), 6, 4),
    "credit-2": queue(lambda: Pipeline(2, width=WIDTH), 6, 5),
    "register-credit-1-by-1": queue(lambda: Pipeline(1, 1, WIDTH), 3, 4),
    "register-credit-3-by-2": queue(lambda: Pipeline(3, 2, WIDTH), 3, 5),
    "residual-1x1": queue(lambda: ResidualFifo(WIDTH, 1, 1), 4, 8),
    "residual-2x2": queue(lambda: ResidualFifo(WIDTH, 2, 2), 5, 8, CYCLES),
    "fork-1x2": queue(lambda: ResidualFork(WIDTH, 1, 2), 6, 8, CYCLES),
}

QUICK = ("register-2", "shallow-2")


def quick_and_slow(names, quick):
    """All names, those that are not quick ones marked as slow."""
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.mark.parametrize("name", quick_and_slow(QUEUES, QUICK))
def test_queues_keep_every_value_and_let_it_leave(tmp_path, name):
    claims = ForkClaims if name.startswith(("residual", "fork")) else Claims
    with garbage_for_undefined_reads():
        assert keeps(QUEUES[name], claims(QUEUES[name]), tmp_path)


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
    assert search(Claims(queue(lambda: Faulty(fault), 4, 1)), tmp_path) is Verdict.VIOLATED


@pytest.mark.slow
def test_a_queue_without_a_fault_passes_the_same_claims(tmp_path):
    assert search(Claims(queue(lambda: Faulty(""), 4, 1)), tmp_path) is Verdict.HOLDS
