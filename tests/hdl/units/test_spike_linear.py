"""A resonate-and-fire layer's unit equals its specification, whatever share of its neurons fires."""

import numpy as np
import pytest

from hdl.units.spike_linear import SpikeLinear
from tests.hdl.bench import every_pressure, run_stream, step_beats
from tests.networks import random_network

pytestmark = pytest.mark.usefixtures("garbage_reads")


@pytest.mark.parametrize(("channels", "lanes"), [(1, 1), (3, 2), (5, 5), (7, 3)])
def test_silent_full_and_mixed_steps_equal_the_specification(channels, lanes):
    spec = random_network("prf", channels, 2, 1, seed=channels).blocks[0].unit
    seed, pressure = every_pressure(channels, lanes)
    y = np.random.default_rng(seed).integers(-32768, 32768, (7, channels))
    y[1], y[2] = -32768, 32767
    y[3], y[4] = spec.threshold, min(spec.threshold + 1, 32767)
    expected = step_beats(spec.compute(y), spec.output.width)
    got = run_stream(
        SpikeLinear(spec, lanes), step_beats(y, spec.input.width), len(expected), pressure, seed=seed
    )
    assert got.payloads == expected, f"seed {seed}"


def test_a_step_takes_between_the_least_and_the_most_cycles_promised():
    channels = 6
    spec = random_network("prf", channels, 2, 1, seed=1).blocks[0].unit
    for value, bound in ((32767, "cycles_per_step"), (-32768, "least_cycles_per_step")):
        unit = SpikeLinear(spec, channels)
        y = np.full((8, channels), value)
        got = run_stream(unit, step_beats(y, 16), y.size)
        pace = max(np.diff(got.cycles[channels - 1 :: channels])[2:])
        assert unit.least_cycles_per_step <= pace <= unit.cycles_per_step
        if bound == "cycles_per_step":
            assert pace == unit.cycles_per_step
