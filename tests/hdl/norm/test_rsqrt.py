"""The reciprocal square root of a norm, a bit at a time, equals the integer one."""

from math import isqrt

import numpy as np
import pytest
from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator

from hdl.norm.rsqrt import ReciprocalSquareRoot
from quantize.formats import Format
from quantize.layers.norm import LayerNorm


def expected(norm: LayerNorm, total: int) -> tuple[int, int]:
    """Scale and reciprocal, as `LayerNorm.compute` has them."""
    doublings = min((2 * norm.root_width - total.bit_length()) // 2, norm.most_doublings)
    quotient = norm.reciprocal_numerator // max(isqrt(total << 2 * doublings), 1)
    return 1 << doublings, min(quotient, (1 << norm.reciprocal_width) - 1)


def totals_of(norm: LayerNorm) -> list[list[int]]:
    """Squares of steps: none, the least, the greatest, and of all magnitudes."""
    generator = np.random.default_rng(norm.channels)
    steps = [[0], [1], [(1 << 15) ** 2] * norm.channels]
    for magnitude in (1, 4, 7, 10, 13, 15):
        values = generator.integers(-(1 << magnitude), (1 << magnitude) + 1, norm.channels)
        steps.append([int(value) ** 2 for value in values])
    return steps


@pytest.mark.parametrize("channels", [1, 3, 33])
def test_root_equals_the_integer_one_within_its_cycles(channels):
    norm = LayerNorm(channels, np.ones(channels, int), 0, np.zeros(channels, int), Format(16, 11))
    root = ReciprocalSquareRoot(norm)

    async def bench(ctx):
        for late, squares in enumerate(totals_of(norm)):
            low = norm.normalise_shift
            before = 0
            for square in squares:
                ctx.set(root.add, 1)
                ctx.set(root.square_low, square & ((1 << low) - 1))
                ctx.set(root.square_high, before >> low)
                await ctx.tick()
                before = square
            ctx.set(root.add, 0)
            ctx.set(root.square_high, before >> low)
            await ctx.tick()
            ctx.set(root.start, 1)
            await ctx.tick()
            ctx.set(root.start, 0)
            cycles = 1
            while not ctx.get(root.scaled):
                await ctx.tick()
                cycles += 1
            assert cycles <= root.scale_cycles
            scale = ctx.get(root.factor)
            for _ in range(root.root_cycles + late):
                await ctx.tick()
            assert ctx.get(root.factor) == scale
            ctx.set(root.divide, 1)
            cycles = 0
            while not ctx.get(root.done):
                await ctx.tick()
                ctx.set(root.divide, 0)
                cycles += 1
            assert cycles == root.division_cycles
            assert (scale, ctx.get(root.factor)) == expected(norm, sum(squares)), squares

    simulator = Simulator(root)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def test_a_reset_while_squares_come_leaves_none_of_them():
    norm = LayerNorm(3, np.ones(3, int), 0, np.zeros(3, int), Format(16, 11))
    root, reset, low = ReciprocalSquareRoot(norm), Signal(), norm.normalise_shift

    async def bench(ctx):
        ctx.set(root.add, 1)
        ctx.set(root.square_low, (1 << low) - 1)
        ctx.set(root.square_high, 3)
        await ctx.tick().repeat(2)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        ctx.set(root.square_low, 100)
        ctx.set(root.square_high, 0)
        await ctx.tick()
        ctx.set(root.add, 0)
        await ctx.tick()
        ctx.set(root.start, 1)
        await ctx.tick()
        ctx.set(root.start, 0)
        ctx.set(root.divide, 1)
        await ctx.tick().until(root.done)
        assert ctx.get(root.factor) == expected(norm, 100)[1]

    simulator = Simulator(ResetInserter(reset)(root))
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
