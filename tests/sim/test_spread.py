"""A check spread over processes: its runs are those of a check here, a process compiles it once."""

import pickle
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from hdl.network.top import Network
from quantize.errors import StatespikeError
from quantize.jobs import HERE
from sim import spread as module
from sim.backends import backend
from sim.check import check
from sim.pace import FULL_SPEED, Varied
from sim.spread import played, spread
from statespike.library.circuits import plan
from tests.networks import random_network, random_samples

LENGTHS = np.array([7, 9, 1, 9, 4, 9])
TIMES = {"jobs": 0, "seconds": 0, "simulation_seconds": 0, "logits": None}


@pytest.fixture(scope="module")
def network():
    return random_network("prf", 2, 1, 1, seed=4, classes=2)


@pytest.fixture
def maker(network):
    return partial(Network, network, replace(plan(network, "ecp5-25k"), counted=None), taps=True)


@pytest.fixture(autouse=True)
def short_runs(monkeypatch):
    monkeypatch.setattr("sim.check.STEPS_AT_ONCE", 10)


def sent(do):
    """What is given goes through a file, as to another process, and so does what comes back."""
    return lambda given: pickle.loads(pickle.dumps(do(pickle.loads(pickle.dumps(given)))))


@pytest.mark.cosim
@pytest.mark.parametrize("pace", [Varied(3), FULL_SPEED])
def test_a_check_elsewhere_is_the_check_here(network, maker, builds, pace):
    u = network.inputs(random_samples(6, 9, seed=1))
    here = check(maker, network, u, LENGTHS, backend("cxxrtl"), pace, builds)
    there = spread(maker, network, u, LENGTHS, pace, HERE, sent(partial(played, folder=builds)))
    assert here.bit_exact and there.compared_values == here.compared_values
    np.testing.assert_array_equal(here.logits, there.logits)
    assert replace(here, **TIMES) == replace(there, **TIMES)


@pytest.mark.cosim
def test_the_first_difference_has_the_number_of_its_sequence(network, maker, builds):
    u = network.inputs(random_samples(6, 9, seed=1))
    decoder = network.decoder
    other = replace(network, decoder=replace(decoder, bias=decoder.bias + 1))
    here = check(maker, other, u, LENGTHS, backend("cxxrtl"), FULL_SPEED, builds)
    there = spread(maker, other, u, LENGTHS, FULL_SPEED, HERE, sent(partial(played, folder=builds)))
    assert there.mismatches == here.mismatches > 0
    assert there.first_mismatch == here.first_mismatch


@pytest.mark.cosim
def test_a_process_compiles_a_circuit_once(network, maker, tmp_path, monkeypatch):
    compiled = []

    def counted(*arguments):
        compiled.append(arguments)
        return prepare(*arguments)

    prepare = module.prepare
    monkeypatch.setattr(module, "prepare", counted)
    u = network.inputs(random_samples(6, 9, seed=1))
    for _ in range(2):
        spread(maker, network, u, LENGTHS, FULL_SPEED, HERE, sent(partial(played, folder=tmp_path)))
    assert len(compiled) == 1


def test_a_process_that_makes_another_circuit_says_so(network, maker, tmp_path, monkeypatch):
    u = network.inputs(random_samples(2, 3, seed=1))
    digests = iter(["ours", "theirs"])
    monkeypatch.setattr(module, "_digest", lambda circuit: next(digests))
    with pytest.raises(StatespikeError, match="another circuit of the same network is made here"):
        spread(maker, network, u, None, FULL_SPEED, HERE, partial(played, folder=tmp_path))
