"""Pooling in gates against its specification: every build, at every length, beyond the longest one too."""

import numpy as np
import pytest

from hdl.head.mean_pool import MeanPool, StreamedMeanPool, make_pool
from hdl.head.step_pools import LastStepPool
from quantize.formats import Format
from quantize.layers.ends import PoolSpec
from tests.hdl.bench import every_pressure, run_stream, step_beats

pytestmark = pytest.mark.usefixtures("garbage_reads")
"""Nothing here may depend on a read that collides with a write."""

STREAM = Format(16, 8)


def sequences_of(lengths: list[int], channels: int, seed: int) -> list[np.ndarray]:
    """Values of the whole range, with its ends, (steps, channels) each."""
    generator = np.random.default_rng(seed)
    drawn = [generator.integers(-(1 << 15), 1 << 15, (length, channels)) for length in lengths]
    drawn[0][:] = STREAM.minimum
    drawn[-1][:] = STREAM.maximum
    return drawn


def pooled_and_overruns(spec: PoolSpec, sequences: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """What the specification says, (sequences, H) and (sequences,)."""
    lengths = np.array([len(sequence) for sequence in sequences])
    pooled = [spec.compute(sequence[None], np.array([len(sequence)]))[0] for sequence in sequences]
    return np.array(pooled), spec.overruns(lengths)


def fields(payloads: list[int], channels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`last`, `overrun` and `value` of pooled values, (sequences, H) each."""
    raw = np.array(payloads).reshape(-1, channels)
    value = raw >> 2
    return raw & 1, raw >> 1 & 1, np.where(value >= 1 << 15, value - (1 << 16), value)


@pytest.mark.parametrize("mean", [1, 0])
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("channels", "max_steps"), [(1, 1), (1, 5), (2, 8), (3, 9), (5, 2), (4, 31)])
def test_a_pool_gives_what_its_specification_says(channels, max_steps, streamed, mean):
    spec = PoolSpec(STREAM, channels, mean, max_steps)
    lengths = [1, max_steps, 1, max(1, max_steps // 2), max_steps + 1, max_steps + 2, 2, max_steps]
    sequences = sequences_of(lengths, channels, seed=channels * 100 + max_steps)
    payloads = [beat for sequence in sequences for beat in step_beats(sequence, 16)]
    expected, overruns = pooled_and_overruns(spec, sequences)
    assert overruns.any() == bool(mean)
    seed, pressure = every_pressure(channels, max_steps)
    pool = make_pool(spec, streamed=streamed)
    found = run_stream(pool, payloads, expected.size, pressure, seed=seed)
    last, overrun, values = fields(found.payloads, channels)
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_array_equal(overrun, np.repeat(overruns[:, None], channels, axis=1))
    np.testing.assert_array_equal(last, np.tile(np.arange(channels) == channels - 1, (len(lengths), 1)))


@pytest.mark.parametrize("build", [MeanPool, StreamedMeanPool, LastStepPool])
@pytest.mark.parametrize("channels", [1, 6, 20])
def test_steps_are_taken_at_the_promised_pace_and_the_last_one_leaves_in_time(build, channels):
    steps = 5
    spec = PoolSpec(STREAM, channels, int(build is not LastStepPool), 32)
    (values,) = sequences_of([steps], channels, seed=3)
    pool = build(spec)
    beats = step_beats(values, 16)
    found = run_stream(pool, beats, channels)
    assert found.cycles[-1] <= (steps - 1) * pool.cycles_per_step + pool.cycles_of_last_step
    # One sequence of a step takes the last step alone, which promises no less than it needs.
    alone = run_stream(build(spec), step_beats(values[:1], 16), channels)
    assert pool.cycles_of_last_step - 2 <= alone.cycles[-1] <= pool.cycles_of_last_step
