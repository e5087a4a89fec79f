"""What an earlier run quantised, observed and counted is not made again, and what is told stays the same."""

from dataclasses import replace

import numpy as np
import pytest

from hdl.planning import planner
from hdl.planning import remembered as counts
from quantize.checkpoint import read_checkpoint
from quantize.convert import Precision
from quantize.identity import network_digest
from quantize.store import FOLDER
from statespike import networks
from statespike.library import quantising
from statespike.models.tasks.task import Sequences
from statespike.output import forget_warnings
from statespike.remembered import name_of_quantised
from tests.networks import random_samples


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of results, and a process that knows none."""
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.setattr(counts, "_KNOWN", {})
    return tmp_path


@pytest.fixture
def forbid(monkeypatch):
    """From now on nothing may be made again."""

    def close() -> None:
        monkeypatch.setattr(counts, "_KNOWN", {})
        for place, name in ((quantising, "quantised"), (networks, "observe"), (planner, "census")):
            monkeypatch.setattr(place, name, lambda *_, **__: pytest.fail("made again"))

    return close


def test_a_second_cost_says_the_same_and_makes_nothing_again(run, folder, forbid, tmp_path):
    files = [tmp_path / "first.json", tmp_path / "second.json"]
    first = run("cost", "digits-prf", "--json", files[0])
    forbid()
    second = run("cost", "digits-prf", "--json", files[1])
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert second.stdout == first.stdout
    assert files[1].read_bytes() == files[0].read_bytes()


def test_integers_from_the_folder_are_those_that_were_made(folder, forbid, checkpoint):
    first = networks.integers_of(checkpoint)
    forbid()
    again = networks.integers_of(checkpoint)
    assert network_digest(again) == network_digest(first)
    assert (again.provenance, again.verified) == (first.provenance, first.verified)


def test_notes_and_warnings_are_told_again(folder, forbid, checkpoint, monkeypatch, capsys):
    made = quantising.quantised
    monkeypatch.setattr(
        quantising,
        "quantised",
        lambda *given, **options: replace(made(*given, **options), notes=("so",), warnings=("oh",)),
    )
    told = []
    for forbidden in (False, True):
        if forbidden:
            forbid()
        forget_warnings()
        networks.integers_of(checkpoint)
        lines = capsys.readouterr().err.splitlines()
        told.append([line for line in lines if line != "quantising"])
    assert told[1] == told[0]
    assert told[0][-2:] == ["so", "warning: oh"]


@pytest.mark.parametrize("kind", ["networks", "notes", "observations"])
@pytest.mark.parametrize("damage", [b"", b"null"])
def test_what_is_damaged_is_made_again(folder, checkpoint, kind, damage):
    network = networks.integers_of(checkpoint)
    observed = networks.observation_of(network)
    (kept,) = (folder / kind).iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(damage)
    assert network_digest(networks.integers_of(checkpoint)) == network_digest(network)
    assert networks.observation_of(network) == observed
    assert kept.read_bytes() == whole


def test_another_checkpoint_calibration_or_precision_has_another_name(checkpoint):
    trained = read_checkpoint(checkpoint)
    samples = Sequences(random_samples(4, 6, seed=1))
    other = {name: value + np.float32(1) for name, value in trained.tensors.items()}
    names = [
        name_of_quantised(trained, samples, Precision(), shared_formats=False),
        name_of_quantised(replace(trained, tensors=other), samples, Precision(), shared_formats=False),
        name_of_quantised(replace(trained, provenance={}), samples, Precision(), shared_formats=False),
        name_of_quantised(trained, samples.take(slice(3)), Precision(), shared_formats=False),
        name_of_quantised(trained, samples, Precision(6), shared_formats=False),
        name_of_quantised(trained, samples, Precision(), shared_formats=True),
    ]
    assert len(set(names)) == len(names)
