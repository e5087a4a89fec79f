"""The event mixer equals its specification; cycles follow the activity."""

import numpy as np
import pytest

from hdl.devices.features import LOGIC_MULTIPLIERS, MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.units.event_mixer import EventMixer
from quantize.layers.functions import exact_matmul
from tests.hdl.bench import PRESSURE, Pressure, every_pressure, run_stream, step_beats

pytestmark = pytest.mark.usefixtures("garbage_reads")
"""Nothing here may depend on a read that collides with a write."""

SHAPES = [(1, 1, 1), (2, 3, 1), (3, 5, 2), (5, 4, 4), (7, 10, 3), (8, 18, 4)]


def mixer_of(
    channels: int,
    outputs: int,
    lanes: int,
    seed: int,
    activation_width: int = 2,
    target: DeviceFeatures = MULTIPLIER_BLOCKS,
) -> EventMixer:
    generator = np.random.default_rng(seed)
    zeros = seed % 4  # which the circuit does without
    weight = generator.integers(-128 >> zeros, 128 >> zeros, (channels, outputs)) << zeros
    return EventMixer(weight, generator.integers(-300, 300, outputs), lanes, activation_width, target)


@pytest.mark.parametrize(("channels", "outputs", "lanes"), SHAPES)
def test_mixer_adds_the_rows_of_its_events(channels, outputs, lanes):
    seed, pressure = every_pressure(channels, outputs, lanes)
    mixer = mixer_of(channels, outputs, lanes, seed)
    generator = np.random.default_rng(seed)
    sequences = [generator.integers(-1, 2, (steps, channels)) for steps in (4, 1, 5)]
    sequences[0][1] = 0  # a silent step
    sequences[2][2] = -1  # and one in which every channel fires
    expected = [
        payload
        for values in sequences
        for payload in step_beats(exact_matmul(values, mixer.weight) + mixer.bias, mixer.sum_width)
    ]
    payloads = [payload for values in sequences for payload in step_beats(values, 2)]
    got = run_stream(mixer, payloads, len(expected), pressure, seed=seed)
    assert got.payloads == expected, f"seed {seed}"


@pytest.mark.parametrize("target", [MULTIPLIER_BLOCKS, LOGIC_MULTIPLIERS])
@pytest.mark.parametrize(("events", "activation_width"), [(0, 2), (1, 2), (5, 4), (16, 2), (16, 4)])
def test_mixer_cycles_follow_the_activity(events, activation_width, target):
    mixer = mixer_of(16, 16, 2, 1, activation_width, target)
    values = np.zeros((9, 16), dtype=np.int64)
    values[:, :events] = 1
    got = run_stream(mixer, step_beats(values, activation_width), 9 * 16)
    # A quiet step's walk is over before the next step has arrived, one activation a cycle.
    assert set(np.diff(got.cycles[15::16])[2:]) == {max(mixer.cycles(events), 16 + 1)}


def test_mixer_adds_multiples_of_its_rows():
    """Activations of more than a sign: each lane multiplies."""
    for seed, (shape, pressure) in enumerate(zip(SHAPES, [*PRESSURE, Pressure()], strict=True)):
        mixer = mixer_of(
            *shape, seed, activation_width=6, target=(MULTIPLIER_BLOCKS, LOGIC_MULTIPLIERS)[seed % 2]
        )
        generator = np.random.default_rng(seed)
        sequences = [generator.integers(-32, 32, (steps, shape[0])) for steps in (4, 1, 5)]
        sequences[0][1] = 0
        sequences[2][2] = -32
        payloads = [payload for values in sequences for payload in step_beats(values, 6)]
        sums = [exact_matmul(values, mixer.weight) + mixer.bias for values in sequences]
        expected = [payload for values in sums for payload in step_beats(values, mixer.sum_width)]
        got = run_stream(mixer, payloads, len(expected), [pressure], seed=seed)
        assert got.payloads == expected, f"{shape}, {pressure}, seed {seed}"
