"""The gates of the Gated Spiking Unit equal its specification, bit for bit."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from hdl.devices.features import LOGIC_MULTIPLIERS
from hdl.norm.streamed_step_norm import StreamedStepNorm
from hdl.primitives.drafts import unused
from hdl.units.gsu.gate_product import GatedMixer
from hdl.units.gsu.streamed_mixer import StreamedGsuMixer
from hdl.units.gsu.unit import Gsu, StreamedGsu
from quantize.calibration import Precision
from quantize.constants import THRESHOLD_PARTS
from quantize.formats import requantise
from tests.hdl.bench import assert_pace, every_pressure, run_stream, step_beats
from tests.networks import random_network

pytestmark = pytest.mark.usefixtures("garbage_reads")
"""Nothing here may depend on a read that collides with a write."""

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


def in_logic(spec, lanes: int) -> GatedMixer:
    """Its multiplier made of look-up tables."""
    return GatedMixer(spec, lanes, LOGIC_MULTIPLIERS)


STREAMED_SHAPES = [(1, 1), (3, 2), (7, 3), (8, 8), (11, 10)]
WAITING_SHAPES = [(1, 1), (2, 2), (5, 3), (7, 2), (8, 4)]


def waiting_mixer(spec, lanes: int) -> GatedMixer:
    return GatedMixer(spec, lanes, sequential=True)


MIXERS = [
    *((GatedMixer, *shape) for shape in SHAPES),
    *((waiting_mixer, *shape) for shape in WAITING_SHAPES),
    *((StreamedGsuMixer, *shape) for shape in STREAMED_SHAPES),
    *((in_logic, *shape) for shape in SHAPES[::2]),
]


@pytest.mark.parametrize(("mixer", "channels", "lanes"), MIXERS)
def test_mixer_equals_its_specification(mixer, channels, lanes):
    seed, pressure = every_pressure(channels, lanes)
    spec = spec_of(channels, seed)
    sequences = sequences_of(channels, seed)
    payloads = [payload for values in sequences for payload in step_beats(values, 16)]
    expected = [
        payload
        for values in sequences
        for payload in step_beats(requantise(spec.products(values), spec.product_shift, 15), 15)
    ]
    got = run_stream(mixer(spec, lanes), payloads, len(expected), pressure, seed=seed)
    assert got.payloads == expected, f"seed {seed}"


@pytest.mark.parametrize("twentieths", [1, 2, 7, 19])
@pytest.mark.parametrize("mixer", [GatedMixer, StreamedGsuMixer])
def test_mixer_compares_with_the_threshold_of_its_network(mixer, twentieths):
    spec = replace(spec_of(5, 0), twentieths=twentieths)
    (values, *_) = sequences_of(5, twentieths)
    peak = np.abs(values[0]).max()
    values[0, 1] = peak * twentieths // THRESHOLD_PARTS  # next to the threshold
    values[0, 2] = -values[0, 1] - 2
    payloads = step_beats(values, 16)
    expected = step_beats(requantise(spec.products(values), spec.product_shift, 15), 15)
    got = run_stream(mixer(spec, 2), payloads, len(expected), seed=twentieths)
    assert got.payloads == expected


@pytest.mark.parametrize(
    ("kind", "channels", "lanes"),
    [
        *MIXERS,
        (GatedMixer, 33, 2), (waiting_mixer, 33, 4), (StreamedGsuMixer, 17, 17), (StreamedGsuMixer, 17, 3),
    ],
)  # fmt: skip
def test_mixer_takes_the_cycles_it_promises(kind, channels, lanes):
    mixer = kind(spec_of(channels, 1), lanes)
    values = np.random.default_rng(0).integers(-1000, 1000, (9, channels))
    got = run_stream(mixer, step_beats(values, 16), values.size)
    assert set(np.diff(got.cycles[channels - 1 :: channels])[2:]) == {mixer.cycles_per_step}


def norm_beats(norm, spec, generator, steps: int):
    """A sequence as a unit's mixer gives it to its norm: payloads of z or of its factors, and z.

    Ordinary, silent, quiet and extreme steps.
    """
    if isinstance(norm, StreamedStepNorm):
        values = generator.integers(-32768, 32768, (steps, spec.channels)) >> 1
        values[1::4], values[2::4], values[3::4] = 0, values[2::4] // 2500, values[3::4] | 0x3FFF
        return step_beats(values, 15), values
    width = spec.bias_path_width
    a = generator.integers(-(1 << width - 1), 1 << width - 1, (steps, spec.channels))
    b = generator.integers(-(1 << 15), 1 << 15, (steps, spec.channels))
    b[1::4], b[2::4], b[3::4] = 0, b[2::4] // 5000, b[3::4] | 0x7FFF
    marks = np.zeros((steps, spec.channels), int)
    marks[0] |= 1
    marks[-1] |= 2
    payloads = (b & 0xFFFF) << 18 | (a & 0xFFFF) << 2 | marks
    return payloads.ravel().tolist(), requantise(a * b, spec.product_shift, 15)


GSUS = {
    "small": Gsu,
    "waiting": partial(Gsu, sequential=True),
    "in logic": partial(Gsu, target=LOGIC_MULTIPLIERS),
    "waiting, in logic": partial(Gsu, target=LOGIC_MULTIPLIERS, sequential=True),
    "streamed": StreamedGsu,
    "streamed, two multipliers": partial(StreamedGsu, norm_multipliers=2),
    "streamed, one multiplier": partial(StreamedGsu, norm_multipliers=1),
}
SMALL = [kind for kind in GSUS if not kind.startswith("streamed")]
NORMS = [
    *((kind, channels) for kind in GSUS for channels in (1, 2, 3, 5, 8)),
    *((kind, 17) for kind in GSUS if kind not in SMALL),
    ("small", 33), ("in logic", 33),
]  # fmt: skip


def norm_of(gsu, spec):
    """A unit's norm, without the rest."""
    with unused():
        return gsu(spec, 1).norm


def check_norm(kind, channels):
    seed, pressure = every_pressure(channels, list(GSUS).index(kind))
    spec, generator = spec_of(channels, seed), np.random.default_rng(seed)
    component = norm_of(GSUS[kind], spec)
    sequences = [norm_beats(component, spec, generator, steps) for steps in (4, 1, 5)]
    expected = [
        payload
        for _, z in sequences
        for payload in step_beats(
            requantise(
                spec.gelu.compute(spec.norm.compute(z)),
                spec.gelu.argument.fraction - spec.output.fraction,
                spec.output.width,
            ),
            16,
        )
    ]
    payloads = [payload for given, _ in sequences for payload in given]
    got = run_stream(component, payloads, len(expected), pressure, seed=seed)
    assert got.payloads == expected, f"seed {seed}"


@pytest.mark.parametrize(("kind", "channels"), NORMS)
def test_norm_equals_its_specification(kind, channels):
    check_norm(kind, channels)


@pytest.mark.parametrize("channels", [1, 3, 8])
@pytest.mark.parametrize("kind", GSUS)
def test_norm_never_exceeds_the_cycles_it_promises(kind, channels):
    spec = spec_of(channels, 1)
    norm = norm_of(GSUS[kind], spec)
    payloads, z = norm_beats(norm, spec, np.random.default_rng(0), 9)
    got = run_stream(norm, payloads, z.size)
    assert_pace(norm, got.cycles[channels - 1 :: channels][1:])


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("channels", [1, 2, 3, 5, 8])
def test_norm_takes_the_cycles_it_promises(channels, kind):
    """A silent step takes the most; while the second one is worked on, no factors come."""
    norm = norm_of(GSUS[kind], spec_of(channels, 1))
    got = run_stream(norm, [0] * 2 * channels, 2 * channels)
    assert np.diff(got.cycles[channels - 1 :: channels]) == norm.cycles_per_step - channels


@pytest.mark.parametrize("multipliers", [4, 2, 1])
def test_streamed_norm_takes_a_channel_in_each_turn(multipliers):
    channels = 21
    norm = norm_of(partial(StreamedGsu, norm_multipliers=multipliers), spec_of(channels, 1))
    assert norm.multipliers == multipliers + 1  # one for the mean of 21
    values = np.random.default_rng(0).integers(-1000, 1000, (12, channels))
    got = run_stream(norm, step_beats(values, 15), values.size)
    assert set(np.diff(got.cycles)) == {4 // multipliers}
    assert norm.cycles_per_step == 4 // multipliers * channels
