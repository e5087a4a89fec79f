"""Mutated files end in success or in a sentence; `python -m benchmarks.mutations` tries many more."""

from dataclasses import replace

import pytest

from benchmarks.mutations import KINDS, Outcome, mutated, try_one
from quantize.errors import StatespikeError


@pytest.mark.parametrize("kind", ["checkpoint", "network", "sequences", "report"])
def test_a_mutated_file_is_read_or_refused(kind, tmp_path):
    path = tmp_path / f"file{KINDS[kind].suffix}"
    KINDS[kind].make(path)
    whole = path.read_bytes()
    assert try_one(kind, path, 0) == Outcome(kind, 0, "read")
    results = set()
    for number in range(60):
        path.write_bytes(mutated(kind, whole, number, seed=0))
        outcome = try_one(kind, path, number)
        assert outcome.result in ("read", "refused"), outcome
        results.add(outcome.result)
    assert "refused" in results


def test_the_same_seed_makes_the_same_files():
    whole = bytes(range(256)) * 4
    files = [mutated("training state", whole, number, seed=5) for number in range(20)]
    assert files == [mutated("training state", whole, number, seed=5) for number in range(20)]
    assert files != [mutated("training state", whole, number, seed=6) for number in range(20)]


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (KeyError("x"), "traceback"),
        (RecursionError(), "traceback"),
        (StatespikeError("something is wrong somewhere"), "bad sentence"),
        (StatespikeError("file.json: no result; name another"), "refused"),
    ],
)
def test_only_a_sentence_that_names_the_file_is_a_refusal(error, result, tmp_path, monkeypatch):
    def read(path):
        raise error

    monkeypatch.setitem(KINDS, "report", replace(KINDS["report"], read=read))
    assert try_one("report", tmp_path / "file.json", 1).result == result
