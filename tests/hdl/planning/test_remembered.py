"""A count is kept by what it follows from, and a damaged file is counted again."""

import json

import pytest

from hdl.devices.devices import find_device
from hdl.planning import planner, remembered
from hdl.planning.planner import plan_network
from quantize import store
from quantize.store import FOLDER
from tests.networks import random_network

UP5K = find_device("up5k")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache, and a process that knows nothing."""
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.setattr(remembered, "_KNOWN", {})
    return tmp_path / "counts"


def test_a_known_count_gives_the_same_plan_without_the_tools(folder, monkeypatch):
    network = random_network("prf", 1, 1, 1, seed=1)
    first = plan_network(network, UP5K)
    monkeypatch.setattr(remembered, "_KNOWN", {})
    monkeypatch.setattr(planner, "census", lambda text, family: pytest.fail("counted again"))
    again = plan_network(network, UP5K)
    assert again.counted is None
    assert planner.counted_text(network, again) == first.counted
    assert (again.estimate, again.logic_cells, again.layers) == (
        first.estimate, first.logic_cells, first.layers,
    )  # fmt: skip


@pytest.mark.parametrize("damage", ["", "{}", "[1]", "null"])
def test_a_damaged_file_is_counted_again(folder, monkeypatch, damage):
    network = random_network("prf", 1, 1, 1, seed=1)
    first = plan_network(network, UP5K)
    (kept,) = folder.iterdir()
    whole = json.loads(kept.read_text())
    kept.write_text(damage)
    monkeypatch.setattr(remembered, "_KNOWN", {})
    assert plan_network(network, UP5K).estimate == first.estimate
    assert json.loads(kept.read_text()) == whole


def test_another_network_folding_family_or_program_has_another_name(monkeypatch):
    network, other = (random_network("prf", 1, 1, 1, seed=seed) for seed in (1, 2))
    folding = plan_network(network, UP5K)
    names = [
        remembered.key_of(network, folding, UP5K.family),
        remembered.key_of(other, folding, UP5K.family),
        remembered.key_of(network, folding, find_device("ecp5-25k").family),
    ]
    monkeypatch.setattr(store, "program_digest", lambda packages, tools: "another")
    names.append(remembered.key_of(network, folding, UP5K.family))
    assert len(set(names)) == 4
    assert names[3] == remembered.key_of(network, folding, UP5K.family)


def test_nothing_is_written_where_no_folder_is_wanted(folder, tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, "")
    monkeypatch.chdir(tmp_path)
    plan_network(random_network("prf", 1, 1, 1, seed=1), UP5K)
    assert list(tmp_path.rglob("*")) == []
