"""Accuracy against circuits: what a point is, and that what is there is not done again."""

import json

import pytest

from benchmarks import accuracy_curves, study_points
from benchmarks.accuracy_curves import points, run
from benchmarks.study_points import Point, measured, trained
from hdl.devices.devices import find_device
from quantize.errors import StatespikeError
from quantize.evaluate import evaluate
from statespike.library.circuits import cost
from statespike.models.tasks.registry import load_task

POINT = Point("digits", "prf", 3, 0, epochs=1, batch=64)


def test_every_task_has_its_first_seed_before_any_has_its_second():
    found = list(points(["a", "b"], ["gsu"], [8, 16], [""], [0.0], 2, 1, 32))
    assert [(one.seed, one.task, one.channels) for one in found] == [
        (seed, task, channels) for seed in (0, 1) for task in "ab" for channels in (8, 16)
    ]


def test_all_kinds_have_one_recipe_but_for_what_is_theirs():
    recipes = [Point("digits", model, 8, 1, 2, 32).recipe for model in ("gsu", "s4d", "prf")]
    assert {(one.epochs, one.batch, one.rate, one.layers, one.validation, one.seed) for one in recipes} == {
        (2, 32, recipes[0].rate, 2, 0, 1)
    }
    assert [one.modes for one in recipes] == [4, 4, 1]


def test_names_differ_where_trainings_do():
    assert POINT.name == "digits-prf-3-seed0"
    assert Point("digits", "prf", 3, 0, 1, 64, surrogate="arctan").name == POINT.name  # its own
    assert Point("digits", "prf", 3, 0, 1, 64, surrogate="fast_sigmoid").name.startswith("digits-prf-3-fast")
    assert Point("digits", "prf", 3, 0, 1, 64, penalty=0.5).name == "digits-prf-3-penalty0.5-seed0"


def test_a_row_tells_what_the_commands_tell(tmp_path):
    task = load_task("digits")
    checkpoint = trained(POINT, task, tmp_path)
    row = measured(POINT, checkpoint, task, [find_device("up5k")])
    network = study_points.integers(checkpoint, task)
    assert row["accuracy"] == evaluate(network, task.test.x).accuracy(task.test.y)
    assert row["tested"] == len(task.test)
    circuit = row["circuits"]["up5k"]
    assert circuit["estimate"] == cost(network, "up5k")["estimate"]
    for mixer, share in zip(circuit["event_mixers"], row["activity"], strict=True):
        assert mixer["events"] == pytest.approx(3 * share)
        assert 0 < mixer["cycles"] <= mixer["table_cycles"] <= circuit["cycles_per_step"]


def test_what_is_there_is_not_done_again(tmp_path, monkeypatch, capsys):
    file, options = tmp_path / "out.json", {"channels": "3", "epochs": 1, "device": "up5k"}
    run(tmp_path, ["digits"], ["prf"], json=file, **options)
    first = json.loads(file.read_text())
    assert [row["model"] for row in first["rows"]] == ["prf"]
    monkeypatch.setattr(study_points, "train", None)
    monkeypatch.setattr(accuracy_curves, "measured", None)
    run(tmp_path, ["digits"], ["prf"], json=file, **options)
    assert json.loads(file.read_text()) == first
    # What is measured anew is not trained anew.
    monkeypatch.setattr(
        accuracy_curves, "measured", lambda point, *_: point.identity | {"accuracy": 0.5, "tested": 2}
    )
    run(tmp_path, ["digits"], ["prf"], json=file, again=True, **options)
    assert [row["accuracy"] for row in json.loads(file.read_text())["rows"]] == [0.5]


def test_the_first_seed_stands_for_the_circuits_of_a_size():
    assert POINT.is_first
    assert not Point("digits", "prf", 3, 1, 1, 64).is_first
    assert not Point("digits", "prf", 3, 0, 1, 64, surrogate="fast_sigmoid").is_first


def test_widths_that_are_no_numbers_are_refused(tmp_path):
    with pytest.raises(StatespikeError, match="--channels '8,x' is no list of widths; give whole numbers"):
        run(tmp_path, ["digits"], channels="8,x")
