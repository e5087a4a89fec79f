"""Pools that answer again and again, in gates: equal to their specifications, in their time."""

import numpy as np
import pytest

from hdl.head.running_pool import RunningPool, StreamedRunningPool, make_running
from hdl.head.step_pools import EveryStepPool, make_every_step
from quantize.answers import answer_counts
from quantize.formats import Format
from quantize.layers.repeated import EveryStepSpec, RunningSpec
from tests.hdl.bench import every_pressure, run_stream, step_beats

pytestmark = pytest.mark.usefixtures("garbage_reads")
"""Nothing here may depend on a read that collides with a write."""

STREAM = Format(16, 8)


def sequences_of(lengths: list[int], channels: int, seed: int) -> list[np.ndarray]:
    """Values of the whole range, with its ends, (steps, channels) each."""
    generator = np.random.default_rng(seed)
    drawn = [generator.integers(-(1 << 15), 1 << 15, (length, channels)) for length in lengths]
    drawn[0][:], drawn[-1][:] = STREAM.minimum, STREAM.maximum
    return drawn


def check_pool(component, spec, lengths, seed, pressure):
    """All values and marks of some sequences, one after the other."""
    channels = spec.channels
    sequences = sequences_of(lengths, channels, seed)
    counts = answer_counts(np.array(lengths), spec.answer_stride)
    expected = np.concatenate(
        [spec.compute(values[None], np.array([len(values)]))[0] for values in sequences]
    )
    payloads = [beat for values in sequences for beat in step_beats(values, 16)]
    found = run_stream(component, payloads, expected.size, pressure, seed=seed)
    raw = np.array(found.payloads).reshape(-1, channels)
    value = raw >> 3
    np.testing.assert_array_equal(np.where(value >> 15, value - (1 << 16), value), expected)
    ends = np.isin(np.arange(len(raw)), np.cumsum(counts) - 1)
    begins = np.isin(np.arange(len(raw)), np.cumsum(counts) - counts)
    np.testing.assert_array_equal(raw & 1, np.tile(np.arange(channels) == channels - 1, (len(raw), 1)))
    np.testing.assert_array_equal(raw >> 1 & 1, np.repeat(begins[:, None], channels, axis=1))
    np.testing.assert_array_equal(raw >> 2 & 1, np.repeat(ends[:, None], channels, axis=1))


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("channels", "shift", "stride"),
    [(1, 1, 1), (1, 4, 3), (2, 2, 2), (3, 16, 5), (4, 3, 1), (5, 1, 7), (7, 9, 4)],
)
def test_a_running_mean_is_that_of_its_specification(channels, shift, stride, streamed):
    spec = RunningSpec(STREAM, channels, shift, stride)
    seed, pressure = every_pressure(channels, shift, stride)
    lengths = [1, stride, stride + 1, 2 * stride, 1, 11]
    check_pool(make_running(spec, streamed=streamed), spec, lengths, seed, pressure)


@pytest.mark.parametrize("channels", [1, 3])
def test_each_step_passes_as_it_is(channels):
    spec = EveryStepSpec(STREAM, channels)
    seed, pressure = every_pressure(channels)
    check_pool(make_every_step(spec, streamed=False), spec, [1, 4, 1, 2], seed, pressure)


@pytest.mark.parametrize("build", [EveryStepPool, RunningPool, StreamedRunningPool])
def test_steps_pass_at_the_promised_pace_and_the_last_one_leaves_in_time(build):
    channels, steps = 6, 20
    spec = EveryStepSpec(STREAM, channels) if build is EveryStepPool else RunningSpec(STREAM, channels, 3, 1)
    (values,) = sequences_of([steps], channels, seed=3)
    pool = build(spec)
    found = run_stream(pool, step_beats(values, 16), channels * steps)
    between = np.diff(found.cycles[channels - 1 :: channels])
    np.testing.assert_array_equal(between[2:], pool.cycles_per_step)
    alone = run_stream(build(spec), step_beats(values[:1], 16), channels)
    assert pool.cycles_of_last_step - 2 <= alone.cycles[-1] <= pool.cycles_of_last_step
