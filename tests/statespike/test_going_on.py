"""A sequence that goes on over several calls of `run --live`, on a virtual board."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import statespike
from quantize.states import write_states
from statespike.application import application
from tests.networks import random_network, random_samples


@pytest.fixture(scope="module")
def network():
    return random_network("prf", 2, 1, 1, seed=4, classes=2, pooling="running", stride=3, time_constant=4)


@pytest.fixture(scope="module")
def folder(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("board") / "build"
    statespike.build(network, path, "icebreaker", seeds=[])
    return path


def live(x, *arguments):
    lines = "\n".join(str(value) for value in x[:, 0]) + "\n"
    result = CliRunner().invoke(application, ["run", *map(str, arguments)], input=lines)
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.slow
@pytest.mark.cosim
def test_two_calls_answer_as_one(folder, network, tmp_path):
    x = random_samples(1, 11, seed=1)[0]
    state, written = tmp_path / "state.npz", tmp_path / "figures.json"
    arguments = [folder, "--live", "--virtual", "--timeout", 60, "--check", "--json", written]
    arguments += ["--keep", tmp_path / "kept"]
    found = []
    for part, options in ((x[:7], ["--save-state", state]), (x[7:], ["--from-state", state])):
        result = live(part, *arguments, *options)
        figures = json.loads(written.read_text())
        assert figures["bit_exact"] is True
        found += figures["logits"]
    whole = network.compute(network.inputs(x[None])).logits[0]
    np.testing.assert_array_equal(found, whole)
    # The second call goes on with the eighth step.
    assert [line.split(":")[0] for line in result.stdout.splitlines()[:2]] == ["step 9", "step 11"]
    assert (figures["steps_before"], figures["steps"], figures["open_steps"]) == (7, 4, 0)


def test_states_belong_to_live_and_to_their_board(refuse, folder, tmp_path):
    assert "belong to --live" in refuse("run", folder, "digits", "--save-state", tmp_path / "s.npz")
    write_states(tmp_path / "s.npz", {"position": np.array(3)})
    arguments = ["run", folder, "--live", "--virtual", "--from-state", tmp_path / "s.npz"]
    assert "lacks 'number'" in refuse(*arguments)
    assert "no such file" in refuse(*arguments[:-1], tmp_path / "missing.npz")
