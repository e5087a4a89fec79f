"""Mutated files end in success or in a sentence; `python -m benchmarks.mutations` tries many more."""

import os
from dataclasses import replace

import pytest

from benchmarks import mutations
from benchmarks.mutations import KINDS, Batch, Outcome, mutated, outcomes_of, try_one
from quantize.errors import StatespikeError


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"signed training state", "training state", "manifest"}))
def test_a_mutated_file_is_read_or_refused(kind, tmp_path):
    path = tmp_path / KINDS[kind].name
    KINDS[kind].make(path)
    whole = path.read_bytes()
    assert try_one(kind, path, 0) == Outcome(kind, 0, "read")
    results = set()
    for number in range(40):
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


def dies_at_two(batch: Batch, sender) -> None:
    """Stands for a reader that ends its process."""
    sender.send(None)
    for number in range(batch.first, batch.first + batch.count):
        if number == 2:
            os._exit(9)
        sender.send(Outcome(batch.kind, number, "read"))


@pytest.mark.slow
def test_a_process_that_dies_is_a_failure_of_its_file_alone(monkeypatch):
    monkeypatch.setattr(mutations, "_read", dies_at_two)
    found = list(outcomes_of(Batch("report", b"", 1, 3, seed=1)))
    assert [(one.number, one.result) for one in found] == [(1, "read"), (2, "died"), (3, "read")]
    assert found[1].detail == "exit status 9"
