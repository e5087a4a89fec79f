"""A block's LayerNorm in gates equals its specification, bit for bit."""

import numpy as np
import pytest

from hdl.devices.features import LOGIC_MULTIPLIERS
from hdl.norm.block_norm import BlockNorm, StreamedBlockNorm
from quantize.formats import Format
from quantize.layers.norm import LayerNormSpec
from quantize.specification import QuantizedNetworkError
from tests.hdl.bench import assert_pace, every_pressure, run_stream, step_beats

pytestmark = pytest.mark.usefixtures("garbage_reads")
"""Nothing here may depend on a read that collides with a write."""


def drawn_spec(channels: int, seed: int) -> LayerNormSpec:
    generator = np.random.default_rng(seed)
    return LayerNormSpec(
        Format(16, 10),
        Format(16, 12),
        after=1,
        input_shift=int(generator.integers(-3, 2)),
        gain_fraction=6,
        gain=generator.integers(-128, 128, channels),
        shift=generator.integers(-8000, 8000, channels),
    )


def sequences_of(channels: int, seed: int) -> list[np.ndarray]:
    """Three sequences: ordinary, silent and quiet steps, and the extremes of the format."""
    generator = np.random.default_rng(seed)
    values = [generator.integers(-32768, 32768, (steps, channels)) for steps in (4, 1, 5)]
    values[0][1] = 0
    values[0][2] //= 5000
    values[2][0] = -32768
    values[2][1] = 32767
    return values


def in_logic(spec: LayerNormSpec) -> BlockNorm:
    """Its multiplier made of look-up tables."""
    return BlockNorm(spec, LOGIC_MULTIPLIERS)


def paced(spec: LayerNormSpec) -> StreamedBlockNorm:
    """With half of the multipliers."""
    return StreamedBlockNorm(spec, 2)


def with_one_multiplier(spec: LayerNormSpec) -> StreamedBlockNorm:
    return StreamedBlockNorm(spec, 1)


KINDS = [BlockNorm, StreamedBlockNorm, in_logic, paced, with_one_multiplier]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 2, 3, 5, 8])
def test_norm_equals_its_specification(channels, kind):
    seed, pressure = every_pressure(channels, KINDS.index(kind))
    spec = drawn_spec(channels, seed)
    sequences = sequences_of(channels, seed)
    payloads = [payload for values in sequences for payload in step_beats(values, 16)]
    expected = [payload for values in sequences for payload in step_beats(spec.compute(values), 16)]
    got = run_stream(kind(spec), payloads, len(expected), pressure, seed=seed)
    assert got.payloads == expected, f"seed {seed}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 8])
def test_norm_never_exceeds_the_cycles_it_promises(channels, kind):
    norm = kind(drawn_spec(channels, 1))
    values = np.random.default_rng(0).integers(-1000, 1000, (9, channels))
    got = run_stream(norm, step_beats(values, 16), values.size)
    assert_pace(
        norm.norm if isinstance(norm, StreamedBlockNorm) else norm, got.cycles[channels - 1 :: channels][1:]
    )


@pytest.mark.parametrize("kind", [BlockNorm, in_logic])
@pytest.mark.parametrize("channels", [1, 2, 3, 5, 8])
def test_norm_takes_the_cycles_it_promises(channels, kind):
    """A silent step takes the most; while the second one is worked on, nothing comes."""
    norm = kind(drawn_spec(channels, 1))
    got = run_stream(norm, [0] * 2 * channels, 2 * channels)
    assert np.diff(got.cycles[channels - 1 :: channels]) == norm.cycles_per_step - channels


def test_gains_beyond_the_outputs_range_are_refused():
    with pytest.raises(QuantizedNetworkError, match="gain_fraction is -16: the gains are too large"):
        LayerNormSpec(Format(16, 10), Format(16, 12), 0, 1, -16, np.ones(4, int), np.zeros(4, int))
