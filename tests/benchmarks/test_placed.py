"""Candidates of a search as placed circuits: which are chosen, and what is said of their estimates."""

import json

import pytest

from benchmarks.placed import as_markdown, chosen, run, summary
from quantize.errors import StatespikeError


def candidate(key: str, lut: int, *, on_front=False, failure="", lacks=()) -> dict:
    result = {"failure": failure, "lacks": list(lacks), "estimate": {} if failure else {"lut": lut}}
    return {"key": key, "on_front": on_front, "result": result}


def row(estimate: int, netlist: int, **other) -> dict:
    cells = {"bram": 2, "spram": 0, "dsp": 4}
    return {
        "id": "0123abcd", "network": "gsu", "error": 0.25, "cycles_per_step": 1234, "fmax_mhz": [51.25],
        "planned_mhz": None,
        "estimate": cells | {"lut": estimate, "ff": 100}, "measured": cells | {"lut": netlist, "ff": 100},
    } | other  # fmt: skip


def test_the_front_comes_first_and_others_are_spread_over_their_sizes():
    candidates = [candidate(f"{lut}", lut) for lut in (900, 100, 500, 300, 700)]
    candidates += [candidate("front", 400, on_front=True)]
    candidates += [candidate("failed", 0, failure="it has no circuit"), candidate("large", 1, lacks=["room"])]
    assert chosen(candidates, 4) == ["front", "100", "500", "900"]
    assert chosen(candidates, 1) == ["front"]
    assert set(chosen(candidates, 99)) == {"front", "100", "300", "500", "700", "900"}


def test_errors_are_shares_of_the_netlist():
    found = summary([row(90, 100), row(240, 200), row(320, 300), {"refused": "no place"}])
    assert (found["placed"], found["refused"]) == (3, 1)
    assert found["lut"]["near"] == 2
    assert found["lut"]["least"] == pytest.approx(-0.1)
    assert found["lut"]["most"] == pytest.approx(0.2)
    assert found["lut"]["rank_correlation"] == pytest.approx(1.0)
    assert found["ff"]["rank_correlation"] is None  # all are equal
    assert found["exact"] == {"bram": 3, "spram": 3, "dsp": 3}


def test_the_slowest_seed_is_compared_with_clocks_that_were_planned_and_not_asked_for():
    rows = [row(1, 1, planned_mhz=48.0, fmax_mhz=clocks) for clocks in ([60.0, 52.8], [40.0], [48.0, 47.5])]
    assert "clock" not in summary([row(1, 1)])
    found = summary([*rows, row(1, 1)])["clock"]
    assert (found["planned"], found["near"]) == (3, 2)
    assert (found["least"], found["most"]) == pytest.approx((40 / 48 - 1, 0.1))


def test_the_table_has_estimate_and_netlist_of_what_was_placed():
    lines = as_markdown([row(90, 100), {"refused": "no place"}]).splitlines()
    assert len(lines) == 3
    assert "| 90 / 100 |" in lines[2]
    assert lines[2].endswith("| 1,234 | 51.2 |")


def test_a_file_of_something_else_is_refused(tmp_path):
    file = tmp_path / "found.json"
    file.write_text(json.dumps({"candidates": [{}]}))
    with pytest.raises(StatespikeError, match=r"found\.json: no result of `statespike explore --json`"):
        run(file, str(tmp_path / "study.db"))
