"""explore: searches, goes on, and writes what a candidate is."""

import json

import pytest

from quantize.checkpoint import read_checkpoint
from statespike.library.networks import load

TINY = {"model": ["prf"], "array": ["s4d_real"], "layers": [1], "channels": [2, 3], "modes": [1]}
SHORT = [
    "--epochs",
    1,
    "--sequences",
    120,
    "--validation",
    20,
    "--batch",
    2,
    "--study",
    "study.db",
    "--workers",
    1,
]


@pytest.fixture
def explore(run, tmp_path, monkeypatch):
    """Search for tiny networks in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "space.json").write_text(json.dumps(TINY))

    def invoke(*arguments):
        return run("explore", "digits", *SHORT, "--space", "space.json", *arguments)

    return invoke


def test_a_search_goes_on_and_a_candidate_is_written(explore, tmp_path):
    first = explore("--budget", 2, "--json", "first.json")
    assert first.exit_code == 0, first.output
    assert "2 of 2 candidates" in first.stderr
    found = json.loads((tmp_path / "first.json").read_text())
    assert (found["drawn"], found["run"]) == (2, found["distinct"])

    again = explore("--budget", 2, "--json", "again.json", "--html", "front.html")
    assert (tmp_path / "front.html").read_text().startswith("<!DOCTYPE html>")
    assert json.loads((tmp_path / "again.json").read_text()) == found | {"run": 0}
    chosen = next(one for one in found["candidates"] if one["on_front"])
    assert chosen["id"] in again.stdout

    applied = explore("--apply", chosen["id"], "-o", "circuit", "--json", "applied.json")
    assert applied.exit_code == 0, applied.output
    written = json.loads((tmp_path / "applied.json").read_text())
    assert written["result"] == chosen["result"]
    assert read_checkpoint(written["checkpoint"]).config.channels == chosen["specification"]["channels"]
    assert load(written["network"]).channels == chosen["specification"]["channels"]
    manifest = json.loads((tmp_path / "circuit" / "manifest.json").read_text())
    assert manifest["cycles_per_step"] == chosen["result"]["cycles"]

    finished = explore("--finish", chosen["id"], "--seeds", 1, "--epochs", 1, "--json", "finished.json")
    assert finished.exit_code == 0, finished.output
    (row,) = json.loads((tmp_path / "finished.json").read_text())["seeds"]
    assert row["result"]["tested"] == 360
    assert row["trial"]["effort"]["sequences"] == 0


def test_what_cannot_be_is_refused(refuse, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "unknown task 'dogs'" in refuse("explore", "dogs", "--budget", 2)
    assert "unknown objective 'beauty'" in refuse("explore", "digits", "--objectives", "beauty")
    assert "unknown sampler 'luck'" in refuse("explore", "digits", "--sampler", "luck")
    assert "unknown device" in refuse("explore", "digits", "--device", "paper")
    assert "-o belongs to --apply" in refuse("explore", "digits", "-o", "circuit")
    assert "give one of them" in refuse("explore", "digits", "--finish", "1234", "--apply", "1234")
    assert "no candidate begins with 1234" in refuse("explore", "digits", "--apply", "1234")
    (tmp_path / "space.json").write_text("[]")
    assert "not a JSON object" in refuse("explore", "digits", "--space", "space.json")


def test_extreme_numbers_are_refused_before_the_search(refuse, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for rate in ("nan", "inf", "0", "-1"):
        assert "give a finite number, 1e-06 at least" in refuse("explore", "digits", "--rate", rate)
    assert "--seed" in refuse("explore", "digits", "--seed", 1 << 32)
    assert not list(tmp_path.iterdir())
