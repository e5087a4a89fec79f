"""Counters wrap around, and know their last value in the cycle in which they have it."""

from itertools import pairwise

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from hdl.primitives.counters import CounterWithLast, channel_counter, is_last_of_each, wrapped_next

COUNTS = [1, 2, 3, 5, 8]


def run(m: Module, advance: Signal, moves: list[int], look) -> list:
    """What `look` sees before each of the clock's edges, at which the counter advances or not."""
    seen = []

    async def bench(ctx):
        for move in moves:
            ctx.set(advance, move)
            seen.append(look(ctx))
            await ctx.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return seen


def moves_of(count: int) -> list[int]:
    """Some thirty cycles, of which every third one rests."""
    return [int(cycle % 3 != 1) for cycle in range(24 + count)]


@pytest.mark.parametrize("count", COUNTS)
def test_a_counter_knows_its_last_value(count):
    m, advance, counter = Module(), Signal(), CounterWithLast("row", count)
    with m.If(advance):
        counter.advance(m)
    moves = moves_of(count)
    seen = run(m, advance, moves, lambda ctx: (ctx.get(counter.value), ctx.get(counter.last)))
    expected = [sum(moves[:cycle]) % count for cycle in range(len(moves))]
    assert seen == [(value, value == count - 1) for value in expected]


@pytest.mark.parametrize("count", COUNTS)
def test_a_channel_counter_tells_the_next_cycles_value(count):
    m, advance = Module(), Signal()
    now, after = channel_counter(m, "channel", count, advance)
    moves = moves_of(count)
    seen = run(m, advance, moves, lambda ctx: (ctx.get(now), ctx.get(after)))
    at = [sum(moves[:cycle]) % count for cycle in range(len(moves) + 1)]
    assert seen == list(pairwise(at))


@pytest.mark.parametrize(("count", "repeats"), [(1, 3), (4, 1), (4, 3), (5, 2)])
def test_the_last_of_each_repeat_is_known(count, repeats):
    m, counter, last = Module(), Signal(range(count * repeats)), Signal()
    m.d.sync += counter.eq(wrapped_next(counter, count * repeats))
    m.d.comb += last.eq(is_last_of_each(counter, count, repeats))
    found = []

    async def watch(context):
        for _ in range(2 * count * repeats):
            found.append(context.get(last))
            await context.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(watch)
    simulator.run()
    assert found == [*[0] * (count - 1), 1] * 2 * repeats
