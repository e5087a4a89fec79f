"""Finalists beside shipped networks: who dominates whom, and what the table shows."""

import pytest

from benchmarks.finalists import as_markdown, dominating, finalists, measured, shipped
from benchmarks.synthetic import synthetic
from quantize.errors import StatespikeError
from statespike.models.tasks.registry import load_task
from statespike.search.space import Specification
from statespike.search.store import Store
from statespike.search.trial import Trial

TRIAL = Trial(Specification("prf", "s4d_real", "last", 1, 3, 1, 8, 7, 5, 12), 0, "digits", "up5k")


def row(name: str, seed: int | None, error: float, lut: int, energy: float | None = 0.5, **other) -> dict:
    return {
        "name": name, "seed": seed, "network": "gsu", "error": error, "lut": lut, "energy_uj": energy,
        "cycles_per_step": 1234, "fmax_mhz": [51.25, 50.0], "values": 1000, "equal": True,
    } | other  # fmt: skip


def test_each_seed_has_to_dominate():
    hand = [row("large", None, 0.02, 3000), row("small", None, 0.02, 900), row("bad", None, 0.05, 3000)]
    found = [row("one", seed, error, 1000) for seed, error in enumerate((0.01, 0.02, 0.03))]
    found += [row("two", seed, 0.02, 3000, 0.4) for seed in range(3)]
    found += [row("three", 0, 0.02, 3000)]  # no better than what it equals
    assert dominating(found + hand) == {"one": ["bad"], "two": ["large", "bad"], "three": ["bad"]}


def test_the_table_says_what_is_not_equal():
    lines = as_markdown([row("one", 2, 0.01, 1000), row("large", None, 0.02, 3000, equal=False)]).splitlines()
    assert lines[2].endswith("| 2 | 1.00% | 1,000 | 0.500 | 1,234 | 51.2, 50.0 | 1,000 |")
    assert lines[3].endswith("| 51.2, 50.0 | NOT EQUAL |")


def test_a_candidate_of_a_short_training_is_refused(tmp_path):
    with Store(str(tmp_path / "study.db")) as store:
        store.put(TRIAL, synthetic(TRIAL))
        with pytest.raises(
            StatespikeError, match="was not trained in full; run `statespike explore TASK --fin"
        ):
            list(finalists(store, TRIAL.key[:8]))


@pytest.mark.slow
def test_a_shipped_network_is_placed_and_simulated_once():
    test = load_task("digits").test
    found = measured(shipped("digits-prf", TRIAL), test.take(slice(20)), [1], [])
    assert found["equal"] and found["values"] > 0
    assert found["resources"]["lut"] == found["lut"] > 0
    assert len(found["fmax_mhz"]) == 1
    again = measured(shipped("digits-prf", TRIAL), test, [1], [found])
    assert again is found
