"""The state update equals the specification's equations, in the cycles that it names."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from hdl.ssm.state_update import StateUpdate
from quantize.formats import round_shift, saturate
from quantize.layers.array import SHIFT_STEP
from tests.networks import random_network


@pytest.mark.parametrize("product_latency", [1, 2, 3])
@pytest.mark.parametrize("interval", [1, 2, 4])
def test_states_move_as_specified(interval, product_latency):
    spec = random_network("gsu", 5, 7, 1, seed=interval).blocks[0].array
    update = StateUpdate(spec, interval, product_latency)
    generator, top = np.random.default_rng(product_latency), 1 << (spec.state_width - 1)
    modes = list(np.ndindex(spec.damping.shape))
    q, p = (generator.integers(-top, top, len(modes)) for _ in range(2))
    u = generator.integers(-(1 << 15), 1 << 15, len(modes))
    tables = spec.damping, spec.stiffness, spec.input_shift, spec.position_shift
    damping, stiffness, input_shift, position_shift = (table.reshape(-1) for table in tables)
    feedback = (damping * q << spec.damping_alignment) + (stiffness * p << spec.stiffness_alignment)
    driven = q + round_shift(u, input_shift) - round_shift(feedback, spec.feedback_shift)
    velocity = saturate(driven, spec.state_width)
    position = saturate(p + round_shift(velocity, position_shift), spec.state_width)
    seen: dict[str, list[tuple[int, int]]] = {"velocity": [], "position": []}

    async def bench(ctx):
        for cycle in range(len(modes) * interval + 12):
            mode, rest = divmod(cycle, interval)
            valid = rest == 0 and mode < len(modes)
            ctx.set(update.valid, int(valid))
            if valid:
                ctx.set(update.velocity, int(q[mode]))
                ctx.set(update.position, int(p[mode]))
                ctx.set(update.u, int(u[mode]))
                ctx.set(update.input_code, int(input_shift[mode]) // SHIFT_STEP)
                ctx.set(update.position_code, int(position_shift[mode]) // SHIFT_STEP)
            multiplied, rest = divmod(cycle - product_latency, interval)
            if rest == 0 and 0 <= multiplied < len(modes):
                ctx.set(update.damping, int(damping[multiplied] * q[multiplied]))
                ctx.set(update.stiffness, int(stiffness[multiplied] * p[multiplied]))
            if ctx.get(update.velocity_valid):
                seen["velocity"].append((cycle, ctx.get(update.new_velocity)))
            if ctx.get(update.position_valid):
                seen["position"].append((cycle, ctx.get(update.new_position)))
            await ctx.tick()

    simulator = Simulator(update)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    # A mode's inputs come in its cycle 1.
    starts = np.arange(len(modes)) * interval - 1
    assert seen["velocity"] == list(zip(starts + update.velocity_cycle, velocity, strict=True))
    assert seen["position"] == list(zip(starts + update.position_cycle, position, strict=True))
