"""train, evaluate and quantize on every form of a user's own data."""

import json

import numpy as np
import pytest

from quantize.checkpoint import read_checkpoint
from tests.statespike.models.test_own_data import small, write_words
from tests.statespike.test_train import SIZES


@pytest.mark.parametrize("kind", ["npz", "csv", "words", "records"])
def test_data_trains_calibrates_and_is_evaluated(run, tmp_path, kind):
    data, trained = small(kind, tmp_path), tmp_path / "trained.safetensors"
    network, figures = tmp_path / "network.safetensors", tmp_path / "figures.json"
    result = run("train", data, *SIZES, "--class-weights", "balanced", "-o", trained, "--json", figures)
    assert result.exit_code == 0, result.output
    assert "is the test set" in result.stderr
    notes = json.loads(figures.read_text())["notes"]
    assert str(data) in notes[0]
    checkpoint = read_checkpoint(trained)
    assert f"train {data} " in checkpoint.provenance["command"]
    assert "--class-weights 1 " in checkpoint.provenance["command"]
    result = run("quantize", trained, "--calibrate", data, "-o", network, "--json", figures)
    assert result.exit_code == 0, result.output
    assert json.loads(figures.read_text())["notes"][0] == notes[0]
    result = run("evaluate", network, data, "--held-out", "--json", figures)
    assert result.exit_code == 0, result.output
    written = json.loads(figures.read_text())
    assert written["n"] == checkpoint.provenance["test_accuracy"]["n"]
    assert written["class_names"] == list(checkpoint.provenance["class_names"])
    assert {"macro_f1", "kappa"} < set(written)
    assert np.sum(written["confusion"]) == written["n"]
    result = run("evaluate", network, data, "--json", figures)
    assert json.loads(figures.read_text())["n"] > written["n"]
    assert any("--held-out takes only what" in note for note in json.loads(figures.read_text())["notes"])


def test_classes_are_matched_by_their_names(run, refuse, tmp_path):
    words = write_words(tmp_path / "words", (700, 500), words=("go", "no", "yes"))
    trained, figures = tmp_path / "trained.safetensors", tmp_path / "figures.json"
    assert run("train", words, *SIZES, "-o", trained).exit_code == 0
    part = write_words(tmp_path / "part", (700, 500), words=("go", "yes"))
    result = run("evaluate", trained, part, "--backend", "float", "--json", figures)
    assert result.exit_code == 0, result.output
    assert "2 of the 3 classes of the network, by name" in result.stderr
    assert np.sum(json.loads(figures.read_text())["confusion"], axis=1).tolist() == [6, 0, 6]
    other = write_words(tmp_path / "other", (700, 500), words=("go", "stop"))
    assert "class 'stop' is none of those that the network was trained on, go, no, yes" in refuse(
        "evaluate", trained, other
    )
