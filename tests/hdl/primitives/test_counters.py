"""Counters know their last value in the cycle in which they have it, and queues how full they are."""

from itertools import pairwise

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from hdl.primitives.counters import (
    CounterWithLast,
    StepGate,
    channel_counter,
    fill_level,
    is_last_of_each,
    wrapped_next,
)  # fmt: skip

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


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_a_fill_level_tells_an_empty_and_a_full_queue(depth, full):
    m, push, pop = Module(), Signal(), Signal()
    told = fill_level(m, depth, push, pop, full=full)
    generator = np.random.default_rng(depth)
    found, expected = [], []

    async def bench(context):
        level = depth if full else 0
        for cycle in range(120):
            found.append([context.get(signal) for signal in told])
            expected.append([level, level > 0, level < depth])
            filling = cycle // 20 % 2  # until it is full, then until it is empty
            comes = level < depth and generator.random() < (0.3, 0.8)[filling]
            leaves = level > 0 and generator.random() < (0.8, 0.3)[filling]
            context.set(push, comes)
            context.set(pop, leaves)
            level += comes - leaves
            await context.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert found == expected
    assert {level for level, *_ in expected} == set(range(depth + 1))


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("steps", [1, 3])
def test_a_step_gate_begins_no_more_steps_than_fit(channels, steps):
    gate = StepGate(channels, steps)
    generator = np.random.default_rng(channels)
    found, expected = [], []

    async def bench(context):
        channel, held, whole = 0, 0, 0
        for _ in range(150):
            ready = channel != 0 or held != steps
            taken = ready and generator.random() < 0.8
            leaves = whole > 0 and generator.random() < 0.2
            context.set(gate.take, taken)
            context.set(gate.step_leaves, leaves)
            found.append([context.get(told) for told in (gate.ready, gate.begins, gate.ends)])
            expected.append([ready, taken and channel == 0, taken and channel == channels - 1])
            held += (taken and channel == 0) - leaves
            whole += (taken and channel == channels - 1) - leaves
            channel = (channel + taken) % channels
            await context.tick()

    simulator = Simulator(gate)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert found == expected
