"""The event mixer and Binary S4D's unit equal their specifications; cycles follow the activity."""

import numpy as np
import pytest

from hdl.mixers.event import EventMixer
from hdl.units.spike_glu import SpikeGlu
from quantize.layers.functions import exact_matmul
from tests.hdl.bench import run_stream, step_beats
from tests.networks import random_network

PRESSURE = [{}, {"gaps": 0.5}, {"stalls": 0.6}, {"gaps": 0.3, "stalls": 0.3}, {"long_stall": 300}]
SHAPES = [(1, 1, 1), (2, 3, 1), (3, 5, 2), (5, 4, 4), (7, 10, 3), (8, 16, 4)]


def mixer_of(channels: int, outputs: int, lanes: int, seed: int) -> EventMixer:
    generator = np.random.default_rng(seed)
    weight = generator.integers(-128, 128, (channels, outputs))
    return EventMixer(weight, generator.integers(-300, 300, outputs), 8, lanes)


@pytest.mark.parametrize(("channels", "outputs", "lanes"), SHAPES)
def test_mixer_adds_the_rows_of_its_events(channels, outputs, lanes):
    for seed, pressure in enumerate(PRESSURE):
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
        got = run_stream(mixer, payloads, len(expected), seed=seed, **pressure)
        assert got.payloads == expected, f"{pressure}, seed {seed}"


@pytest.mark.parametrize("events", [0, 1, 5, 16])
def test_mixer_cycles_follow_the_activity(events):
    mixer = mixer_of(16, 16, 2, 1)
    values = np.zeros((9, 16), dtype=np.int64)
    values[:, :events] = 1
    got = run_stream(mixer, step_beats(values, 2), 9 * 16)
    # A quiet step's walk is over before the next step has arrived, one activation a cycle.
    assert set(np.diff(got.cycles[15::16])[2:]) == {max(mixer.cycles(events), 16 + 1)}


@pytest.mark.parametrize(("channels", "lanes"), [(1, 1), (2, 4), (3, 2), (5, 5), (8, 4)])
def test_unit_equals_its_specification(channels, lanes):
    for seed, pressure in enumerate(PRESSURE):
        spec = random_network("binary_s4d", channels, 2, 1, seed=seed).blocks[0].unit
        generator = np.random.default_rng(seed)
        sequences = [generator.integers(-32768, 32768, (steps, channels)) for steps in (4, 1, 5)]
        sequences[0][1] = 0
        payloads = [payload for values in sequences for payload in step_beats(values, 16)]
        expected = [payload for values in sequences for payload in step_beats(spec.compute(values), 16)]
        got = run_stream(SpikeGlu(spec, lanes), payloads, len(expected), seed=seed, **pressure)
        assert got.payloads == expected, f"{pressure}, seed {seed}"


def test_unit_never_exceeds_the_cycles_it_promises():
    spec = random_network("binary_s4d", 8, 2, 1, seed=1).blocks[0].unit
    unit = SpikeGlu(spec, 4)
    got = run_stream(unit, step_beats(np.full((9, 8), 5), 16), 72)
    assert max(np.diff(got.cycles[7::8])[2:]) <= unit.cycles_per_step
