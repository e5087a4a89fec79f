"""A trial is a function of its content."""

from dataclasses import replace

import numpy as np
import pytest

from hdl.devices.devices import find_device
from quantize.checkpoint import read_checkpoint
from quantize.errors import StatespikeError
from statespike.models.tasks.registry import load_task
from statespike.search.evaluation import digest_of, evaluate_trial, planned, quantised
from statespike.search.space import Specification
from statespike.search.trial import Effort, Result, Trial

EFFORT = Effort(epochs=1, sequences=120, validation=20)
TRIAL = Trial(Specification("prf", "s4d_real", "last", 1, 3, 1, 8, 7, 5, 12), 0, "digits", "up5k", EFFORT)


@pytest.fixture(scope="module")
def outcome():
    return evaluate_trial(TRIAL)


@pytest.fixture(scope="module")
def network(outcome, tmp_path_factory):
    file = tmp_path_factory.mktemp("trial") / "network.safetensors"
    file.write_bytes(outcome.checkpoint)
    return quantised(TRIAL, read_checkpoint(file), load_task("digits"))


def test_the_same_trial_has_the_same_outcome(outcome):
    assert evaluate_trial(TRIAL) == outcome
    assert outcome.result.feasible and outcome.result.validation == 20
    assert outcome.result.tested == 0 and outcome.result.test_error is None
    assert Result.from_json(outcome.result.as_json()) == outcome.result


def test_a_rate_that_no_circuit_makes_is_a_shortage(outcome):
    found = evaluate_trial(replace(TRIAL, rate=1e9)).result
    assert not found.feasible and not found.failure
    assert "steps a second where 1e+09 are asked for" in found.lacks[0]
    assert found.excess == pytest.approx(1e9 / found.steps_per_second - 1)
    assert found.cycles == outcome.result.cycles
    assert found.energy_uj == outcome.result.energy_uj


def test_a_step_at_a_slow_rate_takes_more_energy_in_waiting(outcome, network):
    slow, slower = (
        planned(Result(), network, find_device("up5k"), rate).energy_uj["high"] for rate in (100.0, 10.0)
    )
    assert outcome.result.energy_uj["high"] < slow < slower
    assert planned(Result(), network, find_device("hx8k"), None).energy_uj == {}


def test_a_network_that_is_too_big_says_by_how_much(outcome, network):
    small = replace(find_device("up5k"), luts=50, block_rams=0, sprams=0)
    found = planned(outcome.result, network, small, None)
    assert not found.feasible and "logic cells where 46 can be used" in found.lacks[0]
    assert found.excess > 1


def test_what_cannot_be_planned_is_a_failure():
    found = evaluate_trial(replace(TRIAL, effort=replace(EFFORT, sequences=5)))
    assert "no sequence of class" in found.result.failure
    assert not found.result.feasible and found.checkpoint == b""


def test_data_that_changed_are_refused(tmp_path):
    file = tmp_path / "mine.npz"
    np.savez(file, x=np.random.default_rng(0).normal(size=(40, 12, 2)), y=np.arange(40) % 2)
    trial = replace(TRIAL, task="mine", data=str(file), data_sha256=digest_of("mine", file))
    assert evaluate_trial(trial).result.failure == ""
    np.savez(file, x=np.zeros((40, 12, 2)), y=np.arange(40) % 2)
    with pytest.raises(StatespikeError, match="is not the file that the search began with"):
        evaluate_trial(trial)
