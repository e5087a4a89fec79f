"""The ring of banks gives each step its scale, and holds its words until it has left."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from hdl.units.gsu.bank import StepBank
from quantize.layers.functions import bit_length
from tests.hdl.bench import step_beats
from tests.networks import random_network

pytestmark = pytest.mark.usefixtures("garbage_reads")


@pytest.mark.parametrize(("channels", "twentieths"), [(1, 3), (3, 3), (4, 3), (4, 11)])
def test_steps_have_their_scale_and_words(channels, twentieths):
    spec = random_network("gsu", channels, 2, 1, seed=channels, twentieths=twentieths).blocks[0].unit
    bank = StepBank(spec)
    steps = 11
    y = np.random.default_rng(channels).integers(-32768, 32768, (steps, channels))
    y[1], y[2], y[3] = 0, -32768, y[3] // 3000
    magnitude = np.where(y < 0, -y - 1, y)
    largest = magnitude.max(1)
    generator = np.random.default_rng(1)

    async def feed(ctx):
        for payload in step_beats(y, 16):
            ctx.set(bank.i.payload.as_value(), payload)
            ctx.set(bank.i.valid, 1)
            await ctx.tick().until(bank.i.ready)
            ctx.set(bank.i.valid, 0)
            if generator.random() < 0.3:
                await ctx.tick()

    async def read(ctx):
        for step in range(steps):
            ctx.set(bank.steps.ready, 1)
            (scale,) = await ctx.tick().sample(bank.steps.payload).until(bank.steps.valid)
            ctx.set(bank.steps.ready, 0)
            assert (scale.first, scale.last) == (step == 0, step == steps - 1)
            assert scale.headroom == spec.magnitude_width - int(bit_length(largest[step]))
            width = len(bank.steps.payload.inverted_limit)
            limit = int(largest[step]) * spec.twentieths
            assert scale.inverted_limit == ~limit & ((1 << width) - 1)
            if step % 3 == 0:  # the banks behind fill up, and the input waits
                await ctx.tick().repeat(6 * channels)
            for channel in range(channels):
                ctx.set(bank.address, step % StepBank.BANKS * channels + channel)
                await ctx.tick()
                word = int(magnitude[step, channel]) | int(y[step, channel] < 0) << spec.magnitude_width
                assert ctx.get(bank.word) == word
            ctx.set(bank.step_leaves, 1)
            await ctx.tick()
            ctx.set(bank.step_leaves, 0)

    simulator = Simulator(bank)
    simulator.add_clock(1e-6)
    simulator.add_testbench(feed, background=True)
    simulator.add_testbench(read)
    simulator.run()
