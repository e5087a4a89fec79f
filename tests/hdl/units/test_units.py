"""The gates of every unit but the Gated Spiking Unit's own equal their specification, bit for bit."""

from typing import Any

import numpy as np
import pytest

from hdl.devices.features import LOGIC_MULTIPLIERS, MULTIPLIER_BLOCKS
from hdl.network.kinds import UNITS
from hdl.units.activations import IntegrateAndFire
from quantize.calibration import Precision
from tests.hdl.bench import PRESSURE, run_stream, step_beats
from tests.networks import random_network

pytestmark = pytest.mark.usefixtures("garbage_reads")
"""Nothing here may depend on a read that collides with a write."""

MODELS = ["binary_s4d", "spiking_ssm", "prf", "s4d", "tanh", "sigmoid", "gsu_lean"]
SIZES = [1, 2, 3, 5, 7]
BITS = [8, 4, 6, 3, 5]
"""Of the weights, by seed: few leave zeros in the words, which the circuit does without."""


def unit_of(model: str, channels: int, seed: int, choice: int, *, sequential: bool = False):
    """A drawn network's unit, with one of the numbers of lanes that the planner chooses from.

    In its smaller form if wanted and there is one.
    """
    spec = random_network(model, channels, 2, 1, seed=seed, precision=Precision(BITS[seed])).blocks[0].unit
    component: Any = UNITS[spec.kind].component
    lanes = component.lane_choices(spec)
    options = {"sequential": True} if sequential and component.SEQUENTIAL_PART is not None else {}
    return spec, component(
        spec, lanes[choice % len(lanes)], (MULTIPLIER_BLOCKS, LOGIC_MULTIPLIERS)[seed % 2], **options
    )


def sequences_of(channels: int, seed: int) -> list[np.ndarray]:
    """y of three sequences: large and small values, a silent step, and the extremes of the format."""
    generator = np.random.default_rng(seed)
    values = [generator.integers(-32768, 32768, (steps, channels)) for steps in (4, 1, 5)]
    values[0][1] = 0
    values[0][2] //= 20
    values[2][0] = -32768
    values[2][1] = 32767
    values[2][3] //= 500
    return values


@pytest.mark.parametrize("sequential", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_unit_equals_its_specification(model, sequential):
    """Every size and every pressure, paired in another way for each model."""
    for seed, pressure in enumerate(PRESSURE):
        channels = SIZES[(seed + MODELS.index(model)) % len(SIZES)]
        spec, unit = unit_of(model, channels, seed, choice=seed, sequential=sequential)
        sequences = sequences_of(channels, seed)
        payloads = [payload for values in sequences for payload in step_beats(values, 16)]
        expected = [payload for values in sequences for payload in step_beats(spec.compute(values), 16)]
        got = run_stream(unit, payloads, len(expected), [pressure], seed=seed)
        assert got.payloads == expected, f"{channels} channels, {pressure}, seed {seed}"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("channels", "folding", "sequential"),
    [(8, 0, False), (7, -1, False), (7, 0, True), (8, -1, True), (33, 1, False)],
)
def test_unit_never_exceeds_the_cycles_it_promises(model, channels, folding, sequential):
    _, unit = unit_of(model, channels, 1, folding, sequential=sequential)
    got = run_stream(unit, step_beats(np.full((7, channels), 30000), 16), 7 * channels)
    assert max(np.diff(got.cycles[channels - 1 :: channels])[2:]) <= unit.cycles_per_step


@pytest.mark.parametrize("model", ["binary_s4d", "s4d", "tanh", "prf"])
@pytest.mark.parametrize(
    ("channels", "folding", "sequential", "taken_in"),
    [
        (3, 0, True, 3),
        (3, 0, False, 3),
        (3, -1, True, 1),
        (5, 2, True, 4),
        (5, 2, False, 4),
        (4, -1, True, 12),
    ],
)
def test_a_full_step_takes_the_cycles_promised_before_a_slower_component(
    model, channels, folding, sequential, taken_in
):
    _, unit = unit_of(model, channels, 1, folding, sequential=sequential)
    beats = step_beats(np.full((6, channels), 30000), 16)
    got = run_stream(unit, beats, len(beats), taken_in=taken_in)
    assert set(np.diff(got.cycles[channels - 1 :: channels])[2:]) == {unit.cycles_taken_in(taken_in)}


def test_neurons_take_a_beat_every_three_cycles():
    spec = random_network("spiking_ssm", 6, 2, 1, seed=0).blocks[0].unit
    got = run_stream(IntegrateAndFire(spec), step_beats(np.full((4, 6), 30000), 16), 24)
    assert set(np.diff(got.cycles)) == {IntegrateAndFire.cycles_per_beat}
