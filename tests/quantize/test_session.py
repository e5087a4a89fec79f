"""A stream in pieces, paused and saved between them, has the answers and values of the whole."""

from dataclasses import replace

import numpy as np
import pytest

from quantize.errors import StatespikeError
from quantize.session import Session
from tests.networks import random_network, random_samples

STEPS = 23
HEADS = [
    ("leapfrog of gsu", "gsu", {"pooling": "running", "stride": 4, "time_constant": 8}),
    ("real modes", "s4d", {"pooling": "every_step", "array": "s4d_real"}),
    ("potentials", "spiking_ssm", {"pooling": "mean"}),
    ("norms", "prf", {"pooling": "last", "norm": "layer"}),
]


@pytest.mark.parametrize(("model", "options"), [case[1:] for case in HEADS], ids=[case[0] for case in HEADS])
def test_pieces_equal_the_whole(tmp_path, model, options):
    network = random_network(model, 5, 3, 2, seed=4, classes=3, features=2, **options)
    u = network.inputs(random_samples(1, STEPS, 2, seed=1))
    whole = network.compute(u)
    session, logits, taps = Session(network), [], {name: [] for name in whole.taps}
    for start, end in ((0, 1), (1, 10), (10, 12), (12, STEPS)):
        np.savez(tmp_path / "session.npz", **session.saved())
        session = Session(network)
        with np.load(tmp_path / "session.npz") as saved:
            session.restore(saved)
        assert session.position == start
        trace = session.compute(u[0, start:end], ended=end == STEPS)
        logits.append(trace.logits)
        for name, values in trace.taps.items():
            taps[name].append(values)
    np.testing.assert_array_equal(np.concatenate(logits), whole.logits.reshape(-1, 3))
    for name, values in whole.taps.items():
        np.testing.assert_array_equal(np.concatenate(taps[name], axis=1), values, err_msg=name)
    # The sequence has ended: the next one begins with cleared states.
    assert session.position == 0
    np.testing.assert_array_equal(session.compute(u[0], ended=True).logits, whole.logits.reshape(-1, 3))


def test_a_session_of_something_else_is_refused():
    network, other = (random_network("prf", 3, 2, 1, seed=seed) for seed in (1, 2))
    saved = Session(network).saved()
    with pytest.raises(StatespikeError, match="of another network"):
        Session(other).restore(saved)
    del saved["array_0"]
    with pytest.raises(StatespikeError, match="lacks 'array_0'"):
        Session(network).restore(saved)


@pytest.mark.parametrize(
    ("position", "sentence"),
    [(-1, "lacks 'position'"), (9, "takes at most 8"), (1 << 62, "takes at most 8")],
)
def test_a_position_that_no_sequence_has_is_refused(position, sentence):
    network = random_network("prf", 3, 2, 1, seed=1)
    session = Session(replace(network, pool=replace(network.pool, max_steps=8)))
    with pytest.raises(StatespikeError, match=sentence):
        session.restore(session.saved() | {"position": np.array(position)})


def test_a_mean_that_becomes_too_long_is_refused():
    network = random_network("prf", 3, 2, 1, seed=1)
    network = replace(network, pool=replace(network.pool, max_steps=8))
    session = Session(network)
    session.feed(random_samples(1, 6, seed=1)[0])
    with pytest.raises(StatespikeError, match="takes at most 8"):
        session.feed(random_samples(1, 6, seed=1)[0])
