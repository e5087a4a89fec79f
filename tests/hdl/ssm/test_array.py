"""The neuron array equals its specification, bit for bit, at any size and under any back-pressure."""

from functools import partial

import numpy as np
import pytest

from hdl.devices.features import LOGIC_MULTIPLIERS, MULTIPLIER_BLOCKS
from hdl.primitives.drafts import drafts
from hdl.ssm.array import NeuronArray
from hdl.ssm.laned_array import LanedArray
from tests.hdl.bench import beat_values, every_pressure, run_stream, step_beats
from tests.networks import random_network

pytestmark = pytest.mark.usefixtures("garbage_reads")
"""Nothing here may depend on a read that collides with a write."""

SHAPES = [(1, 1), (1, 2), (2, 1), (3, 3), (5, 7), (4, 8)]


def spec_of(channels: int, modes: int, seed: int):
    return random_network("gsu", channels, modes, 1, seed=seed).blocks[0].array


def check_array(build, channels: int, modes: int, parallel: int) -> None:
    """Three sequences through the array that `build` makes of a specification, under every pressure."""
    seed, pressure = every_pressure(channels, modes, parallel)
    spec = spec_of(channels, modes, seed)
    generator = np.random.default_rng(seed)
    sequences = [generator.integers(-30000, 30000, (steps, channels)) for steps in (5, 1, 7)]
    payloads = [payload for values in sequences for payload in step_beats(values, 16)]
    outputs = [spec.compute(values[None])[0][0] for values in sequences]
    expected = [payload for values in outputs for payload in step_beats(values, 16)]
    got = run_stream(build(spec), payloads, len(expected), pressure, seed=seed)
    assert got.payloads == expected, f"seed {seed}"


@pytest.mark.parametrize("target", [MULTIPLIER_BLOCKS, LOGIC_MULTIPLIERS])
@pytest.mark.parametrize("multipliers", [1, 2, 3, 4])
@pytest.mark.parametrize(("channels", "modes"), SHAPES)
def test_array_equals_its_specification(channels, modes, multipliers, target):
    check_array(partial(NeuronArray, multipliers=multipliers, target=target), channels, modes, multipliers)


@pytest.mark.parametrize("target", [MULTIPLIER_BLOCKS, LOGIC_MULTIPLIERS])
@pytest.mark.parametrize("multipliers", [1, 2, 3, 4])
@pytest.mark.parametrize(("channels", "modes"), SHAPES)
def test_array_takes_the_cycles_it_promises(channels, modes, multipliers, target):
    array = NeuronArray(spec_of(channels, modes, 1), multipliers, target=target)
    steps = 9
    values = np.zeros((steps, channels), dtype=np.int64)
    got = run_stream(array, step_beats(values, 16), steps * channels)
    ends = got.cycles[channels - 1 :: channels]
    assert set(np.diff(ends)[1:]) == {array.cycles_per_step}
    assert len(beat_values(got.payloads, 16)) == steps * channels


HELPED = [(1, 4), (2, 5), (2, 6), (5, 7), (4, 8), (3, 10)]


@pytest.mark.parametrize(("channels", "modes"), HELPED)
def test_helped_array_equals_its_specification(channels, modes):
    check_array(partial(NeuronArray, multipliers=2, has_helper=True), channels, modes, 3)


@pytest.mark.parametrize(
    ("channels", "modes", "has_helper"),
    [(1, 4, 1), (2, 5, 1), (2, 6, 1), (5, 7, 2), (4, 8, 2), (4, 11, 2)],
)
def test_helped_array_takes_the_cycles_it_promises(channels, modes, has_helper):
    array = NeuronArray(spec_of(channels, modes, 1), 2, has_helper=True)
    assert array.multipliers == 3
    assert array.cycles_per_channel == 2 * modes + 1 - (1 + has_helper)
    steps = 9
    values = np.zeros((steps, channels), dtype=np.int64)
    got = run_stream(array, step_beats(values, 16), steps * channels)
    ends = got.cycles[channels - 1 :: channels]
    assert set(np.diff(ends)[1:]) == {array.cycles_per_step}


@pytest.mark.parametrize(("multipliers", "modes"), [(3, 8), (2, 3)])
def test_a_helper_without_time_is_refused(multipliers, modes):
    with drafts(), pytest.raises(ValueError, match="a helper goes with two multipliers and 4 modes or more"):
        NeuronArray(spec_of(1, modes, 1), multipliers, has_helper=True)


LANED = [
    (1, 1, 4, 1), (16, 1, 4, 1), (2, 1, 2, 2), (3, 3, 4, 2), (5, 3, 4, 5), (7, 2, 2, 3), (4, 8, 4, 2),
    (5, 16, 4, 1), (4, 2, 4, 3), (3, 1, 4, 2), (8, 2, 4, 2),
]  # fmt: skip


@pytest.mark.parametrize(("channels", "modes", "multipliers", "lanes"), LANED)
def test_laned_array_equals_its_specification(channels, modes, multipliers, lanes):
    check_array(partial(LanedArray, multipliers=multipliers, lanes=lanes), channels, modes, lanes)


@pytest.mark.parametrize(("channels", "modes", "multipliers", "lanes"), [*LANED])
def test_laned_array_takes_the_cycles_it_promises(channels, modes, multipliers, lanes):
    array = LanedArray(spec_of(channels, modes, 1), multipliers, lanes)
    steps = 6
    values = np.zeros((steps, channels), dtype=np.int64)
    got = run_stream(array, step_beats(values, 16), steps * channels)
    ends = got.cycles[channels - 1 :: channels]
    assert set(np.diff(ends)[1:]) == {array.cycles_per_step}


def test_lanes_keep_their_multipliers_busy():
    spec = spec_of(32, 8, 1)
    array = LanedArray(spec, 4, 8)
    got = run_stream(array, step_beats(np.zeros((5, 32), dtype=np.int64), 16), 5 * 32)
    assert spec.multiplications == array.multipliers * (got.cycles[-1] - got.cycles[-33])
