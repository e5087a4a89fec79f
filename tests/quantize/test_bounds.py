"""Bounds of states and sums hold for any input, are reached, and tell what lives on without one."""

from dataclasses import replace

import numpy as np
import pytest

from quantize.bounds import array_bounds, describe_bounds
from quantize.convert import Precision, quantise
from quantize.formats import Format
from quantize.layers.leapfrog import LeapfrogSpec
from tests.networks import INPUT, random_checkpoint, random_network


def drawn(kind, seed=1):
    """An array of 3 channels with 2 modes, whose states suit inputs that change rarely, and the largest
    inputs that saturate none of them."""
    generator = np.random.default_rng(seed)
    samples = np.repeat(generator.uniform(-1, 1, (2, 60, 1)), 50, axis=1)
    checkpoint = random_checkpoint("s4d", 3, 2, 1, seed=seed, array=kind)
    spec = quantise(checkpoint, samples, INPUT, Precision(8, 16)).blocks[0].array
    spec = replace(spec, offset=np.zeros(3, np.int64))
    amplitude = array_bounds(spec).safe
    assert amplitude > 20
    assert array_bounds(spec, amplitude + 1).saturating.any()
    return spec, amplitude


def watching(spec, state, mode):
    """The array with a state of one mode as its output, which reads the states before the step."""
    nothing = {name: np.zeros_like(getattr(spec, name)) for name in ("offset", "skip")}
    tables = ("velocity_weight", "position_weight") if isinstance(spec, LeapfrogSpec) else ("weight",)
    weights = {name: np.zeros_like(getattr(spec, name)) for name in tables}
    weights[tables[state]][:, mode] = 1
    return replace(spec, output=Format(16, 0), accumulator_fraction=0, **nothing, **weights)


def states_of(spec, u, mode):
    """States of a mode of each channel, (states, steps, H), before each step of the inputs (steps, H)."""
    return np.stack(
        [watching(spec, state, mode).outputs(u[None])[0] for state in range(len(spec.state_names))]
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["s4d", "s4d_real"])
def test_no_input_exceeds_a_bound_and_the_impulse_responses_signs_reach_it(kind, seed):
    spec, amplitude = drawn(kind, seed)
    bounds = array_bounds(spec, amplitude)
    assert not bounds.saturating.any()
    noise = array_bounds(spec, 0).states
    steps, modes = 6000, spec.linear()
    for mode in range(spec.modes):
        for state in range(len(spec.state_names)):
            x, responses = modes.drive[:, mode], []
            for _ in range(steps):
                responses.append(x[:, state])
                x = np.einsum("hij,hj->hi", modes.transition[:, mode], x)
            worst = amplitude * np.where(np.array(responses) < 0, -1, 1)[::-1]
            reached = np.abs(states_of(spec, np.vstack([worst, worst[:1]]), mode)[state]).max(0)
            bound = bounds.states[:, mode, state]
            assert (reached <= bound).all()
            assert (reached >= bound - 2 * noise[:, mode, state] - 0.001 * bound - 1).all()


@pytest.mark.parametrize("kind", ["s4d", "s4d_real"])
def test_a_slow_modes_rest_is_bounded_by_its_geometric_series(kind, monkeypatch):
    spec, amplitude = drawn(kind)
    whole = array_bounds(spec, amplitude)
    monkeypatch.setattr("quantize.bounds.MOST_TERMS", 40)
    cut = array_bounds(spec, amplitude)
    assert (cut.states >= whole.states * (1 - 1e-3)).all()
    assert (cut.accumulator >= whole.accumulator * (1 - 1e-3)).all()
    assert (cut.states > whole.states).any()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["s4d", "s4d_real"])
def test_what_lives_on_without_an_input_stays_within_its_bound(kind, seed):
    spec, amplitude = drawn(kind, seed)
    bounds = array_bounds(spec)
    u = np.zeros((30_000, 3), np.int64)
    u[:200] = np.random.default_rng(seed).integers(-amplitude, amplitude, (200, 3))
    left = [np.abs(states_of(spec, u, mode)[:, -2000:]).max(1).T for mode in range(spec.modes)]
    assert (np.stack(left, 1) <= bounds.cycles).all()
    output = spec.outputs(u[None])[0]
    assert (np.abs(output[-2000:]).max(0) <= bounds.ripple * 2.0**-spec.output_shift + 0.5).all()


def test_a_mode_that_may_saturate_is_bounded_by_its_width():
    spec, _ = drawn("s4d")
    bounds = array_bounds(spec)
    assert bounds.saturating.any()
    most = 1 << (spec.state_width - 1)
    whatever = most * (np.abs(spec.position_weight) + np.abs(spec.velocity_weight)).sum(1)
    whatever = whatever + np.abs(spec.skip) * 2**15
    assert (bounds.accumulator <= whatever).all()
    assert bounds.accumulator.max() < 1 << (spec.accumulator_width - 1)
    assert bounds.feedback.max() < 1 << (spec.feedback_width - 1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["s4d", "s4d_real"])
def test_a_million_steps_stay_within_the_bounds(kind):
    spec, amplitude = drawn(kind)
    bounds = array_bounds(spec, amplitude)
    generator = np.random.default_rng(7)
    # Random signs, held for random times: all frequencies.
    signs = np.repeat(generator.choice([-1, 1], (20_000, 3)), generator.integers(1, 101, 20_000), axis=0)
    u = amplitude * signs[:1_000_000]
    assert len(u) > 990_000
    for mode in range(spec.modes):
        reached = np.abs(states_of(spec, u, mode)).max(1).T
        assert (reached <= bounds.states[:, mode]).all()
        assert (reached > 0.2 * bounds.states[:, mode]).all()


@pytest.mark.parametrize("model", ["gsu", "gsu_lean", "spiking_ssm", "prf"])
def test_every_layer_with_states_or_sums_is_described(model):
    network = random_network(model, 3, 2, 2, seed=1, norm="layer", final_norm="layer")
    bounds = describe_bounds(network)
    assert {"encoder", "array_0", "unit_0", "array_1", "unit_1", "pool", "decoder"} - set(bounds) <= {
        "encoder"
    }
    assert set(bounds["array_0"]) == {
        "velocity", "position", "input", "modes_that_may_saturate", "feedback", "accumulator", "output",
    }  # fmt: skip
    for entry in ("velocity", "position"):
        assert bounds["array_0"][entry]["limit"] == (1 << (network.blocks[0].array.state_width - 1)) - 1
