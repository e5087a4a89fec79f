"""Comparisons without carry chains."""

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from hdl.fixed import at_most


@pytest.mark.parametrize("width", [1, 2, 5])
def test_at_most_tells_for_every_value_and_bound(width):
    m = Module()
    value = Signal(width)
    results = [at_most(m, value, bound) for bound in range(1 << width)]

    async def bench(context):
        for number in range(1 << width):
            context.set(value, number)
            await context.tick().repeat(2)
            assert [context.get(fits) for fits in results] == [number <= bound for bound in range(1 << width)]

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
