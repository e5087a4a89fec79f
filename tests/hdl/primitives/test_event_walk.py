"""The walk over the channels of a step that are not zero: each event once a block, in order."""

import numpy as np
import pytest
from amaranth.hdl import ClockDomain, Const, Module, Signal, Value
from amaranth.lib import stream
from amaranth.sim import Simulator

from hdl.primitives.event_walk import EventWalk
from hdl.primitives.streams import Beat
from tests.hdl.bench import step_beats

pytestmark = pytest.mark.usefixtures("garbage_reads")
"""Nothing here may depend on a read that collides with a write."""

WIDTH = 3


def events_of(steps: np.ndarray, blocks: int, rows: int) -> list[tuple[int, int, int]]:
    """What is issued, as (address, value, second row); a step of zeros has one row without an event."""
    channels = steps.shape[1]
    found = []
    for values in steps:
        for block in range(blocks):
            events = [(block * channels + at, int(values[at])) for at in np.flatnonzero(values)]
            found += [(*event, second) for event in events or [(-1, 0)] for second in range(rows)]
    return found


@pytest.mark.parametrize(
    ("channels", "blocks", "rows"), [(1, 1, 1), (1, 2, 2), (4, 1, 2), (5, 3, 1), (2, 6, 1)]
)
@pytest.mark.parametrize("waits", [0.0, 0.5])
def test_every_event_is_walked_once_a_block(channels, blocks, rows, waits):
    generator = np.random.default_rng(10 * channels + blocks)
    steps = generator.integers(-4, 4, (6, channels)) * (generator.random((6, channels)) < 0.5)
    steps[1] = 0
    steps[2] = 3
    expected = events_of(steps, blocks, rows)
    m = Module()
    m.domains.sync = ClockDomain()
    i = stream.Signature(Beat(WIDTH)).flip().create()
    walk = EventWalk(channels, blocks, rows)
    arrived = walk.take(m, i, WIDTH)
    walk.list(m, arrived.value)
    walk.walk(m)
    address, kept = walk.event(m)
    issued, empty, second = Signal(), Signal(), Signal()
    second_row: Value = walk.second if rows == 2 else Const(0)
    m.d.sync += [issued.eq(walk.issue), empty.eq(walk.empty), second.eq(second_row)]
    m.d.sync += walk.pending.eq(0)
    watched = (issued, empty, second, address, kept.as_signed(), walk.block_ends & walk.issue)
    probes = [Signal(Value.cast(value).shape(), name=f"probe_{n}") for n, value in enumerate(watched)]
    m.d.comb += [probe.eq(value) for probe, value in zip(probes, watched, strict=True)]
    found: list[tuple[int, int, int]] = []
    ended: list[int] = []
    rows_issued: list[int] = []

    async def feed(ctx):
        for payload in step_beats(steps, WIDTH):
            while generator.random() < waits:
                await ctx.tick()
            ctx.set(Value.cast(i.payload), payload)
            ctx.set(i.valid, 1)
            await ctx.tick().until(i.ready)
            ctx.set(i.valid, 0)

    async def collect(ctx):
        for _ in range(4000):
            _, _, was_issued, was_empty, was_second, at, value, ends = await ctx.tick().sample(*probes)
            ended.append(ends)
            rows_issued.append(was_issued)
            if was_issued:
                found.append((-1, 0, was_second) if was_empty else (at, value, was_second))
            if len(found) == len(expected):
                return

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(feed, background=True)
    simulator.add_testbench(collect)
    simulator.run()
    assert found == expected
    assert sum(ended) == len(steps) * blocks
    # A row is seen a cycle after its issue, so the second cycle after a block's end would show the next one.
    assert not any(np.logical_and(ended[:-2], rows_issued[2:]))


def test_a_block_does_not_end_while_the_sums_before_it_are_pending():
    channels, blocks = 3, 2
    m = Module()
    m.domains.sync = ClockDomain()
    i = stream.Signature(Beat(WIDTH)).flip().create()
    walk = EventWalk(channels, blocks)
    arrived = walk.take(m, i, WIDTH)
    walk.list(m, arrived.value)
    walk.walk(m)
    blocked = Signal()
    m.d.sync += walk.pending.eq(blocked)
    issued = []

    async def bench(ctx):
        ctx.set(blocked, 1)
        for payload in step_beats(np.ones((1, channels), dtype=int), WIDTH):
            ctx.set(Value.cast(i.payload), payload)
            ctx.set(i.valid, 1)
            await ctx.tick().until(i.ready)
        ctx.set(i.valid, 0)
        for cycle in range(60):
            ctx.set(blocked, cycle < 30)
            _, _, issue = await ctx.tick().sample(walk.issue)
            issued.append(issue)

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert sum(issued[:30]) == channels - 1
    assert sum(issued) == channels * blocks
