"""What enters the residual stream's memory leaves it twice, in order, under any back-pressure."""

import numpy as np
import pytest
from amaranth.hdl import Value
from amaranth.sim import Simulator

from hdl.network.residual_fifo import ResidualFifo, ResidualFork
from tests.hdl.bench import beat_values, step_beats

pytestmark = pytest.mark.usefixtures("garbage_reads")
"""Nothing here may depend on a read that collides with a write."""

WIDTH = 9
KINDS = {"fifo": ResidualFifo, "fork": ResidualFork}


def run(component, payloads: list[int], seed: int, *, layer_stalls: float, residual_stalls: float):
    """Both outputs; as in a layer, a residual value is taken after the same beat has gone to the layer."""
    beats: list[int] = []
    values: list[int] = []
    generator = np.random.default_rng(seed)

    async def feed(ctx):
        for payload in payloads:
            while generator.random() < 0.2:
                await ctx.tick()
            ctx.set(Value.cast(component.i.payload), payload)
            ctx.set(component.i.valid, 1)
            await ctx.tick().until(component.i.ready)
            ctx.set(component.i.valid, 0)

    async def collect(ctx):
        quiet = 0
        while len(values) < len(payloads):
            ready = int(generator.random() >= layer_stalls)
            residual_ready = int(len(beats) > len(values) and generator.random() >= residual_stalls)
            ctx.set(component.o.ready, ready)
            ctx.set(component.o_residual.ready, residual_ready)
            _, _, valid, payload, residual_valid, value = await ctx.tick().sample(
                component.o.valid, Value.cast(component.o.payload),
                component.o_residual.valid, component.o_residual.payload,
            )  # fmt: skip
            if ready and valid:
                beats.append(payload)
            if residual_ready and residual_valid:
                values.append(value)
            quiet = 0 if (ready and valid) or (residual_ready and residual_valid) else quiet + 1
            assert quiet < 500, f"stopped after {len(beats)} and {len(values)} beats"
        assert not ctx.get(component.o.valid)

    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(feed, background=True)
    simulator.add_testbench(collect)
    simulator.run()
    return beats, values


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("channels", "steps"), [(1, 1), (1, 3), (3, 2), (5, 1), (8, 2)])
@pytest.mark.parametrize("stalls", [(0.0, 0.0), (0.6, 0.0), (0.0, 0.8), (0.5, 0.5)])
def test_every_beat_leaves_twice(kind, channels, steps, stalls):
    generator = np.random.default_rng(channels)
    lengths = (4, 1, 1, 6)
    sequences = [generator.integers(-256, 256, (length, channels)) for length in lengths]
    payloads = [payload for values in sequences for payload in step_beats(values, WIDTH)]
    component = KINDS[kind](WIDTH, channels, steps)
    beats, values = run(component, payloads, channels, layer_stalls=stalls[0], residual_stalls=stalls[1])
    assert beats == payloads
    assert values == list(beat_values(payloads, WIDTH))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("channels", "steps"), [(3, 2), (4, 2), (5, 3)])
def test_as_many_steps_fit_as_promised(kind, channels, steps):
    """While no residual value is taken, so many steps go on to the layer."""
    component = KINDS[kind](WIDTH, channels, steps)
    passed = 0

    async def bench(ctx):
        nonlocal passed
        ctx.set(component.i.valid, 1)
        ctx.set(component.o.ready, 1)
        for _ in range(20 * channels * steps):
            _, _, valid = await ctx.tick().sample(component.o.valid)
            passed += valid

    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert passed >= channels * steps


def cycles_of_residuals(component, channels: int, offset: int, *, layer_reads: bool) -> int:
    """Cycles until a step's residuals are taken; the layer, from some cycle on, reads the steps behind it."""
    payloads = step_beats(np.arange(3 * channels).reshape(3, channels), WIDTH)
    cycles = 0

    async def feed(ctx):
        for payload in payloads:
            ctx.set(Value.cast(component.i.payload), payload)
            ctx.set(component.i.valid, 1)
            await ctx.tick().until(component.i.ready)
        ctx.set(component.i.valid, 0)

    async def collect(ctx):
        nonlocal cycles
        taken = 0
        ctx.set(component.o.ready, 1)
        while taken < channels:  # the first step goes to the layer
            _, _, valid = await ctx.tick().sample(component.o.valid)
            taken += valid
        ctx.set(component.o.ready, 0)
        await ctx.tick().repeat(100)
        taken = 0
        while taken < channels:
            ctx.set(component.o.ready, layer_reads and cycles >= offset)
            ctx.set(component.o_residual.ready, 1)
            _, _, valid = await ctx.tick().sample(component.o_residual.valid)
            taken, cycles = taken + valid, cycles + 1

    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(feed, background=True)
    simulator.add_testbench(collect)
    simulator.run()
    return cycles


def test_residuals_come_no_later_than_promised_because_the_layer_reads_first():
    channels = 5
    later = [
        cycles_of_residuals(ResidualFifo(WIDTH, channels, 4), channels, offset, layer_reads=True)
        - cycles_of_residuals(ResidualFifo(WIDTH, channels, 4), channels, offset, layer_reads=False)
        for offset in range(6)
    ]
    assert 0 < max(later) <= ResidualFifo.contention
