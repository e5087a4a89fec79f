"""evaluate and simulate on a scheduler's workers: the figures of this machine, to the last bit."""

import json
import sys
from functools import partial

import numpy as np
import pytest

from statespike.cluster import workers

OF_TIME = {"images_per_second", "seconds", "cycles_per_second"}
"""Entries that tell how fast a run was."""
OF_PLACE = {"scheduler", "jobs"}


@pytest.fixture
def both(run, scheduler, tmp_path):
    """Run a command here and at the workers: figures and logits of each."""

    def invoke(*arguments):
        found = []
        for name, options in (("here", []), ("there", ["--scheduler", scheduler])):
            figures, logits = tmp_path / f"{name}.json", tmp_path / f"{name}.npy"
            result = run(*arguments, *options, "--json", figures, "--logits", logits)
            assert result.exit_code == 0, result.output
            found.append((json.loads(figures.read_text()), np.load(logits), result.stdout))
        return found

    return invoke


def without_times(figures):
    return {name: value for name, value in figures.items() if name not in OF_TIME | OF_PLACE}


def test_workers_evaluate_what_this_machine_evaluates(both, network, data, scheduler, monkeypatch):
    monkeypatch.setattr("quantize.blocks.MOST_VALUES", 2 * 16 * 8)  # two sequences a block
    (here, logits, _), (there, theirs, told) = both("evaluate", network, "--data", data)
    np.testing.assert_array_equal(logits, theirs)
    assert without_times(here) == without_times(there)
    assert here["scheduler"] is None
    assert there["scheduler"]["jobs"] == 3 and there["scheduler"]["address"] == scheduler
    assert 1 <= there["scheduler"]["workers"] <= 2
    assert "3 jobs on " in told


@pytest.mark.cosim
def test_workers_simulate_what_this_machine_simulates(both, small, data, monkeypatch):
    monkeypatch.setattr("sim.check.STEPS_AT_ONCE", 20)
    (here, logits, _), (there, theirs, _) = both("simulate", small, "--data", data)
    np.testing.assert_array_equal(logits, theirs)
    assert without_times(here) == without_times(there)
    assert there["bit_exact"] and there["scheduler"]["jobs"] == 4
    assert there["jobs"] == there["scheduler"]["workers"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--trace", "a.vcd"], "--trace is not for workers of a scheduler"),
        (["--keep", "folder"], "--keep is not for workers of a scheduler"),
        (["--jobs", 2], "--jobs is not for workers of a scheduler"),
        (["--save-state", "a.npz"], "play one sequence, on this machine; leave --scheduler out"),
        (["--from-state", "a.npz"], "play one sequence, on this machine; leave --scheduler out"),
        (["--backend", "icarus"], "run icarus on this machine"),
    ],
)
def test_what_workers_do_not_simulate_is_refused(refuse, network, data, options, sentence):
    arguments = ["simulate", network, "--data", data, "--scheduler", "tcp://127.0.0.1:9"]
    assert sentence in refuse(*arguments, *options)


def test_real_numbers_are_not_computed_by_workers(refuse, checkpoint, data):
    sentence = refuse(
        "evaluate", checkpoint, "--data", data, "--backend", "float", "--scheduler", "tcp://127.0.0.1:9"
    )
    assert "their last digits depend on a worker's processor" in sentence


@pytest.mark.parametrize("command", ["evaluate", "simulate"])
def test_a_scheduler_that_is_not_there_is_told(refuse, network, data, monkeypatch, command):
    monkeypatch.setattr(workers, "workers_at", partial(workers.workers_at, patience=0.2))
    sentence = refuse(command, network, "--data", data, "--scheduler", "tcp://127.0.0.1:9")
    assert "no scheduler answers at tcp://127.0.0.1:9 within 0.2 s" in sentence
    assert "finished trials" not in sentence


@pytest.mark.parametrize("command", ["evaluate", "simulate"])
def test_without_dask_the_extra_is_named(refuse, network, data, monkeypatch, command):
    for name in [name for name in sys.modules if name.startswith("statespike.cluster.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "distributed", None)
    sentence = refuse(command, network, "--data", data, "--scheduler", "tcp://127.0.0.1:9")
    assert "distributed is not installed; run `pip install -e '.[search]'`" in sentence
