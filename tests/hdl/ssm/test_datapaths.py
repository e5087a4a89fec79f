"""Each datapath gives a channel's sum and every mode's feedback, in the cycles that it names."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from hdl.devices.features import LOGIC_MULTIPLIERS, MULTIPLIER_BLOCKS
from hdl.ssm.datapaths import DATAPATHS
from hdl.ssm.schedule import Operand, coefficient_rows, helper_rows, schedule_of
from quantize.layers.array import SHIFT_STEP
from tests.networks import random_network

CHANNELS = 3
FORMS = [(*form, target) for form in DATAPATHS for target in (MULTIPLIER_BLOCKS, LOGIC_MULTIPLIERS)]
# A helper is an adding multiplier block, which logic has no form of.
FORMS.remove((2, True, LOGIC_MULTIPLIERS))


def rows_of(spec, slots, multipliers, has_helper) -> list[int]:
    """The row of coefficients that each slot of all channels is given: it stays until the next is read."""
    rows = coefficient_rows(spec, multipliers)
    parts = len(rows) // (spec.channels * spec.modes)
    at, word, given = int(has_helper), 0, []
    for slot in slots * spec.channels:
        if slot.reads if parts == 1 else not slot.skip:
            word = rows[at % len(rows)]
            at += 1 + (has_helper and slot.skips_row)
        given.append(word)
    return given


@pytest.mark.parametrize("modes", [4, 5, 7, 9])
@pytest.mark.parametrize(("multipliers", "has_helper", "target"), FORMS)
def test_datapath_equals_the_sums_and_the_feedback(multipliers, has_helper, target, modes):
    spec = random_network("gsu", CHANNELS, modes, 1, seed=modes).blocks[0].array
    path = DATAPATHS[multipliers, has_helper](spec, target)
    slots = schedule_of(modes, multipliers, has_helper=has_helper)
    rows = rows_of(spec, slots, multipliers, has_helper)
    words, places = (helper_rows(spec), 1 << (CHANNELS - 1).bit_length()) if has_helper else ([], 0)
    generator, top = np.random.default_rng(modes), 1 << (spec.state_width - 1)
    velocity, position = (generator.integers(-top, top, (CHANNELS, modes)) for _ in range(2))
    u = generator.integers(-(1 << 15), 1 << 15, CHANNELS)
    sums = (spec.velocity_weight * velocity + spec.position_weight * position).sum(1) + spec.skip * u

    async def bench(ctx):
        cycle = 0
        expected: dict[int, list[tuple[object, int]]] = {}
        for channel in range(CHANNELS):
            for index, slot in enumerate(slots):
                mode, last = slot.mode, index == len(slots) - 1
                ctx.set(path.velocity, int(velocity[channel, mode]))
                ctx.set(path.position, int(position[channel, mode]))
                # A channel's u comes with its second slot's words: the slots before still need the last.
                ctx.set(path.u, int(u[channel if index or not has_helper else channel - 1]))
                ctx.set(path.row, rows[cycle])
                if has_helper:
                    place = (slot.operand & 3) + 4 * slot.second_helped
                    ctx.set(path.skip_weight, words[place * places + channel])
                else:
                    ctx.set(path.skip_weight, int(spec.skip[channel]))
                counts = path.COUNTS_ALWAYS or slot.gives_output or slot.skip
                ctx.set(path.counts, int(counts))
                ctx.set(path.clears, int(last if path.ENDS_UNCOUNTED else index == 0))
                for name, value in (
                    ("moves", slot.moves), ("weighs", slot.gives_output), ("skip", slot.skip),
                    ("helps", slot.helps), ("begins", slot.begins), ("single", slot.operand),
                ):  # fmt: skip
                    ctx.set(getattr(path, name), int(value))
                if slot.moves:
                    codes = spec.input_shift[channel, mode], spec.position_shift[channel, mode]
                    found = ctx.get(path.input_code), ctx.get(path.position_code)
                    assert found == tuple(code // SHIFT_STEP for code in codes)
                    expected.setdefault(cycle + target.product_latency, []).extend(
                        [
                            (path.damping, int(spec.damping[channel, mode] * velocity[channel, mode])),
                            (path.stiffness, int(spec.stiffness[channel, mode] * position[channel, mode])),
                        ]
                    )
                if last:
                    expected.setdefault(cycle - 1 + path.total_latency, []).append(
                        (path.total, int(sums[channel]))
                    )
                for port, value in expected.pop(cycle, []):
                    assert ctx.get(port) == value
                await ctx.tick()
                cycle += 1
        ctx.set(path.counts, 0)
        ctx.set(path.clears, 0)
        while expected:
            for port, value in expected.pop(cycle, []):
                assert ctx.get(port) == value
            await ctx.tick()
            cycle += 1

    simulator = Simulator(path)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize("operand", [Operand.VELOCITY, Operand.HELD_POSITION])
def test_a_helped_pair_leaves_the_products_of_cleared_states_out(operand):
    spec = random_network("gsu", 1, 4, 1, seed=1).blocks[0].array
    path = DATAPATHS[2, True](spec)

    async def bench(ctx):
        for port in (path.velocity, path.position, path.skip_weight):
            ctx.set(port, 1000)
        ctx.set(path.row, (1 << 32) - 1)
        for port in (path.cleared, path.helps, path.weighs, path.counts):
            ctx.set(port, 1)
        ctx.set(path.single, operand)
        await ctx.tick().repeat(8)
        assert (ctx.get(path.damping), ctx.get(path.stiffness), ctx.get(path.total)) == (0, 0, 0)

    simulator = Simulator(path)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
