"""Comparisons without carry chains, rounding, and clipping to one width or to either of two."""

import numpy as np
import pytest
from amaranth.hdl import Module, Signal, signed
from amaranth.sim import Simulator

from hdl.primitives.fixed import at_most, requantise, saturate_either
from quantize import formats


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


@pytest.mark.parametrize("width", [1, 2, 4, 5])
@pytest.mark.parametrize("shift", [0, 1, 2])
def test_every_value_is_rounded_and_clipped_as_in_the_reference(width, shift):
    m = Module()
    value, result = Signal(signed(6)), Signal(signed(width))
    m.d.comb += result.eq(requantise(value, shift, width))
    numbers = range(-32, 32)
    found = []

    async def bench(context):
        for number in numbers:
            context.set(value, number)
            found.append(context.get(result))

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
    assert found == [int(formats.requantise(np.int64(number), shift, width)) for number in numbers]
