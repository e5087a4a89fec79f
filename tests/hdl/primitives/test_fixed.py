"""Comparisons without carry chains, and clipping to either of two widths."""

import pytest
from amaranth.hdl import Module, Signal, signed
from amaranth.sim import Simulator

from hdl.primitives.fixed import at_most, saturate_either


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


def test_clipping_goes_to_the_width_or_to_a_bit_less():
    m = Module()
    value, narrower, clipped = Signal(signed(6)), Signal(), Signal(signed(4))
    m.d.comb += clipped.eq(saturate_either(value, 4, narrower))

    async def bench(context):
        for number in range(-32, 32):
            for bound, less in ((8, 0), (4, 1)):
                context.set(value, number)
                context.set(narrower, less)
                assert context.get(clipped) == max(-bound, min(number, bound - 1))

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
