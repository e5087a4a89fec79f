"""Drawn networks have every kind of part, and a run goes on where another stopped."""

import json

import pytest

from benchmarks import fuzz
from benchmarks.drawn import drawn


def test_every_kind_of_network_is_drawn():
    examples = [drawn(seed) for seed in range(1, 41)]
    heads = {one.network.pool.kind for one in examples}
    assert {type(one.network.encoder).__name__ for one in examples} == {"EncoderSpec", "EmbeddingSpec"}
    assert heads == {"pool", "every_step", "running"}
    assert {one.network.output for one in examples} == {"classification", "multi_label", "regression"}
    folded = [one.folding for one in examples if one.folding.folded]
    assert folded and any(one.folding.streamed for one in examples)
    arrays = [tuple({block.array.kind for block in one.network.blocks}) for one in examples]
    assert max(map(len, arrays)) == 2 and len(set(sum(arrays, ()))) >= 2


@pytest.mark.slow
def test_a_drawn_folded_network_and_its_reference_are_equal(tmp_path):
    seed = next(seed for seed in range(1, 100) if drawn(seed).folding.folded)
    assert fuzz.outcome(drawn(seed), "amaranth", seed, tmp_path) == "equal"


def test_a_run_goes_on_where_another_stopped(monkeypatch, tmp_path):
    compared = []

    def outcome(example, name, seed, folder):
        compared.append((seed, name))
        return "equal"

    monkeypatch.setattr(fuzz, "outcome", outcome)
    path = tmp_path / "rows.json"
    fuzz.run(count=2, seed=1, netlists=0, simulator=["amaranth"], json=path)
    fuzz.run(count=3, seed=1, netlists=2, simulator=["amaranth"], json=path)
    assert [one for one in compared if one[1] == "amaranth"] == [(seed, "amaranth") for seed in (1, 2, 3)]
    assert {seed for seed, name in compared if name in fuzz.PARTS} == {1, 3}
    rows = json.loads(path.read_text())["rows"]
    assert sorted((row["seed"], row["backend"]) for row in rows) == sorted(compared)
