"""What is measured of a search: the overhead of its workers, and the volume that its front dominates."""

import json

import pytest

from benchmarks.search import hypervolume, measured, volumes_of
from quantize.errors import StatespikeError

ALIKE = {"task": "digits", "device": "up5k", "objectives": ["error", "lut"], "budget": 3, "space": {}}


def search(sampler: str, seed: int, *points: tuple[float, float], **other) -> dict:
    candidates = [{"values": list(point), "on_front": True} for point in points]
    candidates.append({"values": None, "on_front": False})
    return ALIKE | {"sampler": sampler, "seed": seed, "candidates": candidates} | other


def test_volumes_are_shares_of_the_range_of_all_fronts():
    searches = [
        search("tpe", 1, (0.2, 300.0)),
        search("tpe", 0, (0.0, 300.0), (0.2, 100.0)),
        search("random", 0),
    ]
    volumes = volumes_of(searches)
    assert volumes["random"] == [0.0]
    # The range is 0 to 0.2 and 100 to 300, the reference point (1.1, 1.1) of it.
    assert volumes["tpe"] == pytest.approx([1.1 * 0.1 + 0.1 * 1.0, 0.1 * 0.1])


def test_searches_that_are_not_alike_are_refused():
    with pytest.raises(StatespikeError, match="the searches differ"):
        volumes_of([search("tpe", 0, (0.1, 1.0)), search("random", 0, (0.1, 1.0), budget=4)])
    with pytest.raises(StatespikeError, match="none of the searches found"):
        volumes_of([search("tpe", 0)])


def test_a_sampler_that_always_finds_more_is_told_from_the_other(tmp_path, capsys):
    files = []
    for seed in range(5):
        for sampler, luts in (("nsga2", 100.0 + seed), ("random", 200.0 + seed)):
            files.append(tmp_path / f"{sampler}-{seed}.json")
            files[-1].write_text(json.dumps(search(sampler, seed, (0.1, luts))))
    hypervolume(files, tmp_path / "volumes.json")
    # 2 of the 252 ways to order five and five are so far apart.
    assert "nsga2 against random: p = 0.008" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "volumes.json").read_text())["volumes"]["nsga2"]) == 5


@pytest.mark.slow
def test_workers_wait_little_for_the_search(tmp_path):
    row = measured(2, 16, 0.25, tmp_path)
    assert row["trials"] == 16
    assert row["share"] > 0.6  # nine tenths and more on a machine that does nothing else
