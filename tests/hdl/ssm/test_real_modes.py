"""The array of real modes equals its specification, bit for bit, at any size and under any back-pressure."""

import numpy as np
import pytest

from hdl.devices.features import LOGIC_MULTIPLIERS, MULTIPLIER_BLOCKS
from hdl.primitives.drafts import drafts
from hdl.ssm.real_modes import RealModesArray
from tests.hdl.bench import every_pressure, run_stream, step_beats
from tests.networks import random_network

pytestmark = pytest.mark.usefixtures("garbage_reads")
"""Nothing here may depend on a read that collides with a write."""

SHAPES = [(1, 1), (1, 2), (2, 1), (3, 3), (5, 7)]


def spec_of(channels: int, modes: int, seed: int):
    return random_network("gsu", channels, modes, 1, seed=seed, array="s4d_real").blocks[0].array


@pytest.mark.parametrize("target", [MULTIPLIER_BLOCKS, LOGIC_MULTIPLIERS])
@pytest.mark.parametrize("multipliers", [1, 2])
@pytest.mark.parametrize(("channels", "modes"), SHAPES)
def test_array_equals_its_specification(channels, modes, multipliers, target):
    seed, pressure = every_pressure(channels, modes, multipliers)
    spec = spec_of(channels, modes, seed)
    generator = np.random.default_rng(seed)
    # A quiet sequence, and two to the ends of the range, where states and outputs are clipped.
    shapes = ((900, 5), (32768, 1), (32768, 7))
    sequences = [generator.integers(-top, top, (steps, channels)) for top, steps in shapes]
    payloads = [payload for values in sequences for payload in step_beats(values, 16)]
    outputs = [spec.compute(values[None])[0][0] for values in sequences]
    expected = [payload for values in outputs for payload in step_beats(values, 16)]
    array = RealModesArray(spec, multipliers, target)
    got = run_stream(array, payloads, len(expected), pressure, seed=seed)
    assert got.payloads == expected, f"seed {seed}"


@pytest.mark.parametrize("multipliers", [1, 2])
@pytest.mark.parametrize(("channels", "modes"), SHAPES)
def test_array_takes_the_cycles_it_promises(channels, modes, multipliers):
    array = RealModesArray(spec_of(channels, modes, 1), multipliers)
    steps = 9
    got = run_stream(array, step_beats(np.zeros((steps, channels), np.int64), 16), steps * channels)
    ends = got.cycles[channels - 1 :: channels]
    assert set(np.diff(ends)[1:]) == {array.cycles_per_step}


def test_other_numbers_of_multipliers_are_refused():
    with drafts(), pytest.raises(ValueError, match="1 or 2 multipliers, not 3"):
        RealModesArray(spec_of(1, 1, 1), 3)
