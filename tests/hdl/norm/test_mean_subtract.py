"""The streamed mean and what is left of its values equal the integer ones."""

import numpy as np
import pytest

from hdl.norm.mean_subtract import MeanSubtract
from quantize.formats import Format
from quantize.layers.norm import INPUT_WIDTH, WORD, LayerNorm
from tests.hdl.bench import every_pressure, run_stream, step_beats

pytestmark = pytest.mark.usefixtures("garbage_reads")


def norm_of(channels: int) -> LayerNorm:
    return LayerNorm(channels, np.ones(channels, int), 0, np.zeros(channels, int), Format(16, 11))


@pytest.mark.parametrize("channels", [1, 2, 3, 7, 8])
def test_values_less_their_mean_equal_the_integer_ones(channels):
    norm = norm_of(channels)
    limit = 1 << (INPUT_WIDTH - 1)
    seed, pressure = every_pressure(channels)
    z = np.random.default_rng(seed).integers(-limit, limit, (6, channels))
    z[1], z[2], z[3] = 0, -limit, limit - 1
    payloads = [*step_beats(z[:4], INPUT_WIDTH), *step_beats(z[4:], INPUT_WIDTH)]
    expected = [*step_beats(norm.centre(z[:4]), WORD), *step_beats(norm.centre(z[4:]), WORD)]
    got = run_stream(MeanSubtract(norm), payloads, len(expected), pressure, seed=seed)
    assert got.payloads == expected, f"seed {seed}"


def test_a_channel_passes_in_every_cycle():
    channels = 8
    got = run_stream(
        MeanSubtract(norm_of(channels)), step_beats(np.ones((6, channels), int), INPUT_WIDTH), 6 * channels
    )
    assert set(np.diff(got.cycles[channels:])) == {1}


@pytest.mark.parametrize(("channels", "multipliers"), [(8, 0), (7, 1)])
def test_only_a_number_of_channels_that_is_no_power_of_two_needs_a_multiplier(channels, multipliers):
    component = MeanSubtract(norm_of(channels))
    built = component.elaborate(None)
    assert component.multipliers == multipliers == hasattr(built.submodules, "multiplier")
