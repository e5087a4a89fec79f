"""The gates of the Gated Spiking Unit equal its specification, bit for bit."""

import numpy as np
import pytest

from hdl.units.gsu_mixer import GsuMixer
from hdl.units.gsu_stream import StreamedGsuMixer
from hdl.units.layer_norm import StepNorm
from hdl.units.norm_stream import StreamedStepNorm
from quantize.calibration import Precision
from quantize.formats import requantise
from tests.hdl.bench import run_stream, step_beats
from tests.networks import random_network

PRESSURE = [{}, {"gaps": 0.5}, {"stalls": 0.6}, {"gaps": 0.3, "stalls": 0.3}, {"long_stall": 300}]
SHAPES = [(1, 1), (2, 1), (3, 2), (5, 5), (7, 3), (8, 4)]
BITS = [8, 4, 6, 3, 5]
"""Of the weights, by seed: few leave zeros in the words, which the circuit does without."""


def spec_of(channels: int, seed: int):
    return random_network("gsu", channels, 2, 1, seed=seed, precision=Precision(BITS[seed])).blocks[0].unit


def sequences_of(channels: int, seed: int) -> list[np.ndarray]:
    """y of three sequences: ordinary, silent and quiet steps, and the extremes of the format."""
    generator = np.random.default_rng(seed)
    values = [generator.integers(-32768, 32768, (steps, channels)) for steps in (4, 1, 5)]
    values[0][1] = 0
    values[0][2] //= 5000
    values[2][0] = -32768
    values[2][1] = 32767
    return values


STREAMED_SHAPES = [(1, 1), (3, 2), (7, 3), (8, 8)]
MIXERS = [(GsuMixer, *shape) for shape in SHAPES] + [(StreamedGsuMixer, *shape) for shape in STREAMED_SHAPES]


@pytest.mark.parametrize(("mixer", "channels", "lanes"), MIXERS)
def test_mixer_equals_its_specification(mixer, channels, lanes):
    for seed, pressure in enumerate(PRESSURE):
        spec = spec_of(channels, seed)
        sequences = sequences_of(channels, seed)
        payloads = [payload for values in sequences for payload in step_beats(values, 16)]
        expected = [
            payload
            for values in sequences
            for payload in step_beats(requantise(spec.products(values), spec.product_shift, 15), 15)
        ]
        got = run_stream(mixer(spec, lanes), payloads, len(expected), seed=seed, **pressure)
        assert got.payloads == expected, f"{pressure}, seed {seed}"


@pytest.mark.parametrize(
    ("kind", "channels", "lanes"),
    [*MIXERS, (GsuMixer, 33, 2), (StreamedGsuMixer, 17, 17), (StreamedGsuMixer, 17, 3)],
)
def test_mixer_takes_the_cycles_it_promises(kind, channels, lanes):
    mixer = kind(spec_of(channels, 1), lanes)
    values = np.random.default_rng(0).integers(-1000, 1000, (9, channels))
    got = run_stream(mixer, step_beats(values, 16), values.size)
    assert set(np.diff(got.cycles[channels - 1 :: channels])[2:]) == {mixer.cycles_per_step}


NORMS = [(StepNorm, channels) for channels in (1, 2, 3, 5, 8, 33)] + [
    (StreamedStepNorm, channels) for channels in (1, 3, 8, 21)
]


@pytest.mark.parametrize(("norm", "channels"), NORMS)
def test_norm_equals_its_specification(norm, channels):
    for seed, pressure in enumerate(PRESSURE):
        spec = spec_of(channels, seed)
        sequences = [values >> 1 for values in sequences_of(channels, seed)]
        payloads = [payload for values in sequences for payload in step_beats(values, 15)]
        expected = [
            payload
            for values in sequences
            for payload in step_beats(
                requantise(
                    spec.gelu.compute(spec.norm.compute(values)),
                    spec.gelu.argument.fraction - spec.output.fraction,
                    spec.output.width,
                ),
                16,
            )
        ]
        unit = norm(spec.norm, spec.output, spec.gelu)
        got = run_stream(unit, payloads, len(expected), seed=seed, **pressure)
        assert got.payloads == expected, f"{pressure}, seed {seed}"


@pytest.mark.parametrize(
    ("norm", "channels"), [(StepNorm, 1), (StepNorm, 3), (StepNorm, 8), (StreamedStepNorm, 5)]
)
def test_norm_never_exceeds_the_cycles_it_promises(norm, channels):
    spec = spec_of(channels, 1)
    unit = norm(spec.norm, spec.output, spec.gelu)
    values = np.random.default_rng(0).integers(-1000, 1000, (9, channels))
    got = run_stream(unit, step_beats(values, 15), values.size)
    assert max(np.diff(got.cycles[channels - 1 :: channels])[1:]) <= unit.cycles_per_step


def test_streamed_norm_takes_a_channel_a_cycle():
    channels = 21
    spec = spec_of(channels, 1)
    unit = StreamedStepNorm(spec.norm, spec.output, spec.gelu)
    values = np.random.default_rng(0).integers(-1000, 1000, (12, channels))
    got = run_stream(unit, step_beats(values, 15), values.size)
    assert set(np.diff(got.cycles)) == {1}
