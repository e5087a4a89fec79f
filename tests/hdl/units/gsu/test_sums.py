"""Both kinds of lane sums give the products of their rows, one output after the other."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from hdl.devices.devices import find_device
from hdl.units.gsu.sums import LaneSums, MovedSums, StandingSums
from hdl.units.gsu.tables import trit_words, weight_words
from quantize.layers.gsu import ACTIVATION_BITS
from tests.networks import random_network


def spec_of(channels: int):
    return random_network("gsu", channels, 2, 1, seed=channels).blocks[0].unit


def packed(words: np.ndarray, width: int) -> int:
    return sum(int(word) << width * lane for lane, word in enumerate(words))


@pytest.mark.parametrize("kind", [MovedSums, StandingSums])
@pytest.mark.parametrize("channels", [1, 4, 6])
def test_sums_of_blocks_equal_the_products(kind: type[LaneSums], channels):
    spec = spec_of(channels)
    sums = kind(spec, channels)
    generator = np.random.default_rng(channels)
    weights, trits = weight_words(spec), trit_words(spec)
    steps = 3
    sign = generator.choice([-1, 1], (steps, channels))
    nonzero = generator.integers(0, 2, (steps, channels))
    magnitude = generator.integers(0, 1 << ACTIVATION_BITS, (steps, channels))
    magnitude[0] = (1 << ACTIVATION_BITS) - 1
    real = (sign * nonzero) @ spec.weight >> spec.idle_weight_bits
    gate = (sign * magnitude) @ spec.table

    async def bench(ctx):
        for step in range(steps):
            for channel in range(channels + 1):
                now, before = channel < channels, channel - 1
                ctx.set(sums.adds, now)
                if now:
                    ctx.set(sums.nonzero, int(nonzero[step, channel]))
                    ctx.set(sums.negative, int(sign[step, channel] < 0))
                    ctx.set(sums.activation, int(magnitude[step, channel]))
                    ctx.set(sums.trits, packed(trits[channel], 2))
                if before >= 0:
                    ctx.set(sums.weights, packed(weights[before], spec.stored_weight_width))
                await ctx.tick()
            ctx.set(sums.complete, 1)
            await ctx.tick()
            ctx.set(sums.complete, 0)
            for output in range(channels):
                for _ in range(output % 2):  # some wait
                    await ctx.tick()
                assert ctx.get(sums.real) == real[step, output]
                assert ctx.get(sums.gate) == gate[step, output]
                ctx.set(sums.passes, 1)
                await ctx.tick()
                ctx.set(sums.passes, 0)
                await ctx.tick()

    simulator = Simulator(sums)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def test_standing_sums_are_the_smaller_ones():
    spec = spec_of(6)
    costs = find_device("up5k").family.costs
    assert StandingSums.lane_cells(spec, costs) < MovedSums.lane_cells(spec, costs)
