"""The lanes of a streamed mixer give both sums of every output, row after row without a pause."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from hdl.units.gsu.streamed_lanes import GsuLanes
from quantize.layers.gsu import ACTIVATION_BITS
from tests.networks import random_network


@pytest.mark.parametrize(("channels", "lanes"), [(3, 3), (12, 10)])
def test_sums_equal_the_products_of_their_rows(channels, lanes):
    spec = random_network("gsu", channels, 2, 1, seed=channels).blocks[0].unit
    component = GsuLanes(spec, lanes)
    generator = np.random.default_rng(channels)
    steps, blocks = 3, -(-channels // lanes)
    sign = generator.choice([-1, 1], (steps, channels))
    nonzero = generator.integers(0, 2, (steps, channels))
    magnitude = generator.integers(0, 1 << ACTIVATION_BITS, (steps, channels))
    real = (sign * nonzero) @ spec.weight >> spec.idle_weight_bits
    gate = (sign * magnitude) @ spec.table
    # A block's rows, and as many cycles as its sums need to leave: one row a cycle, one output a cycle.
    rows = [
        (step, channel, channel == channels - 1)
        for step in range(steps)
        for _ in range(blocks)
        for channel in range(channels)
    ]
    latency = GsuLanes.SUM_LATENCY
    sizes = [min(lanes, channels - block * lanes) for _ in range(steps) for block in range(blocks)]
    found = []

    async def bench(ctx):
        leaving: list[bool] = []
        left = 0
        for cycle in range(len(rows) + latency + lanes + component.drain_latency + 2):
            now = rows[cycle] if cycle < len(rows) else None
            ctx.set(component.issue, now is not None)
            ctx.set(component.ends, now is not None and now[2])
            for name, age, values in (
                ("nonzero", latency, nonzero),
                ("activation", latency, magnitude),
                ("negative", latency - 1, sign < 0),
            ):
                if 0 <= cycle - age < len(rows):
                    step, channel, _ = rows[cycle - age]
                    ctx.set(getattr(component, name), int(values[step, channel]))
            ctx.set(component.drain, left > 0)
            leaving.append(left > 0)
            if len(leaving) > component.drain_latency and leaving[-1 - component.drain_latency]:
                found.append((ctx.get(component.real), ctx.get(component.gate)))
            left = sizes.pop(0) if ctx.get(component.complete) else max(left - 1, 0)
            await ctx.tick()

    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert found == list(zip(real.ravel().tolist(), gate.ravel().tolist(), strict=True))
