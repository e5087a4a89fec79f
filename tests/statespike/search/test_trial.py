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
SPECIFICATION = Specification("prf", "s4d_real", "last", 1, 3, 1, 8, 7, 5, 12)
TRIAL = Trial(SPECIFICATION, 0, "digits", "up5k", EFFORT)


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
        planned(Result(), network, replace(TRIAL, rate=rate)).energy_uj["high"] for rate in (100.0, 10.0)
    )
    assert outcome.result.energy_uj["high"] < slow < slower
    assert planned(Result(), network, replace(TRIAL, device="hx8k")).energy_uj == {}


def test_a_network_that_is_too_big_says_by_how_much(outcome, network, monkeypatch):
    small = replace(find_device("up5k"), luts=50, block_rams=0, sprams=0)
    monkeypatch.setattr("statespike.search.evaluation.find_device", lambda name: small)
    found = planned(outcome.result, network, TRIAL)
    assert not found.feasible and "logic cells where 46 can be used" in found.lacks[0]
    assert found.excess > 1


def test_a_specification_asks_for_a_speed_and_a_clock(outcome, network):
    def of(**changes):
        return planned(Result(), network, replace(TRIAL, specification=replace(SPECIFICATION, **changes)))

    slow, half = of(steps_per_second=1000), of(clock_mhz=24)
    assert slow.feasible and slow.cycles > outcome.result.cycles
    assert slow.estimate["lut"] < outcome.result.estimate["lut"]
    assert half.cycles == outcome.result.cycles
    assert half.steps_per_second == 24e6 / half.cycles < outcome.result.steps_per_second
    assert half.energy_uj["high"] > outcome.result.energy_uj["high"]


def test_a_build_that_a_network_has_not_is_a_shortage(network):
    streamed = replace(TRIAL, specification=replace(SPECIFICATION, build="streamed"))
    found = planned(Result(), network, streamed)
    assert found.lacks == (
        "this network has no streamed build on up5k; take the small one, or another device",
    )
    assert found.excess == 1 and found.estimate and not found.feasible


def test_layers_of_a_folded_circuit_share_their_formats():
    two = replace(SPECIFICATION, model="gsu_lean", array="s4d", layers=2, build="folded", channels=4)
    apart = evaluate_trial(replace(TRIAL, specification=replace(two, build="small"))).result
    folded = evaluate_trial(replace(TRIAL, specification=two)).result
    assert folded.feasible, folded.lacks or folded.failure
    assert folded.estimate["lut"] < apart.estimate["lut"]


def test_a_training_begins_with_the_weights_that_it_inherits(outcome):
    wider = replace(SPECIFICATION, channels=5, modes=2)
    own = replace(TRIAL, specification=wider)
    child = replace(own, start=TRIAL.key, weights=outcome.checkpoint)
    found = evaluate_trial(child)
    assert evaluate_trial(child) == found
    assert child.key != own.key
    assert found.checkpoint != evaluate_trial(own).checkpoint
    told = b"its first weights were those of another training"
    assert told in found.checkpoint and told not in outcome.checkpoint


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
