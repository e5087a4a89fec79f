"""A circuit that is paused, saved and continued computes what it computes in one go."""

import numpy as np
import pytest

from hdl.network.top import Network
from quantize.errors import StatespikeError
from sim.pace import Pace
from sim.session import CircuitSession
from statespike.library.circuits import plan
from tests.networks import random_network, random_samples

STEPS = 11


def session_of(network, builds, device="ecp5-25k"):
    return CircuitSession(network, Network(network, plan(network, device), taps=True), builds)


@pytest.fixture(scope="module")
def network():
    return random_network("prf", 2, 1, 1, seed=4, classes=2, pooling="running", stride=3, time_constant=4)


@pytest.mark.slow
def test_pieces_equal_the_whole(network, builds, tmp_path):
    u = network.inputs(random_samples(1, STEPS, seed=1))[0]
    whole = network.compute(u[None]).logits[0]
    logits = []
    for start, end in ((0, 1), (1, 6), (6, STEPS)):
        session = session_of(network, builds)
        if start:
            with np.load(tmp_path / "session.npz") as saved:
                session.restore(saved)
        pace = Pace(input_gaps=0.5, output_stalls=0.5, seed=start)
        found = session.compute(u[start:end], ended=end == STEPS, pace=pace)
        assert found.bit_exact, found.first_mismatch
        # The encoder's, the array's and the layer's value of each channel, and the logits.
        assert found.compared_values == 6 * (end - start) + found.logits.size
        logits.append(found.logits)
        np.savez(tmp_path / "session.npz", **session.saved())
    np.testing.assert_array_equal(np.concatenate(logits), whole)


def test_a_state_that_is_lost_is_noticed(network, builds):
    """A circuit that forgot its states would not pass for one that goes on."""
    u = network.inputs(random_samples(1, STEPS, seed=1))[0]
    session, other = session_of(network, builds), session_of(network, builds)
    session.compute(u[:6])
    other.compute(u[5:])
    session.restore(session.saved() | {"circuit": other.saved()["circuit"]})
    assert not session.compute(u[6:]).bit_exact


def test_a_session_of_another_circuit_is_refused(network, builds):
    session = session_of(network, builds)
    saved = session.saved()
    with pytest.raises(StatespikeError, match="of another circuit"):
        session.restore(saved | {"design": np.array("something else")})
    del saved["design"]
    with pytest.raises(StatespikeError, match="has no circuit's state"):
        session.restore(saved)
