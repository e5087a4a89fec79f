"""The hardware benchmark goes on where it stopped, and says what it did not measure."""

import json
from pathlib import Path

import pytest

from benchmarks.hardware import DEVICES, identity, load, renewed, run, tables
from benchmarks.results import earlier_rows
from quantize.errors import StatespikeError

ROW = {
    "network": "digits-gsu", "device": "up5k", "steps": 64, "cycles_per_step": 100, "use": 0.5,
    "efficiency": 1.05, "seeds": [1],
    "multiplications_per_step": 400, "multipliers": 8, "roofline_cycles_per_step": 50, "shortfall": [],
    "rtlil_sha256": "a", "clock_mhz": 48.0, "tools": {"amaranth": "0.5"}, "fmax_mhz": [30.0, 28.0],
    "resources": {"lut": 1000, "ff": 10, "bram": 3, "spram": 0, "dsp": 8},
    "steps_per_second": 280_000.0, "sequences_per_second": 4375.0,
}  # fmt: skip


def test_a_row_replaces_the_older_one_of_its_network_and_part():
    rows = renewed(renewed([ROW], ROW | {"device": "hx8k"}), ROW | {"rtlil_sha256": "b"})
    assert [(row["device"], row["rtlil_sha256"]) for row in rows] == [("up5k", "b"), ("hx8k", "a")]
    assert identity(rows[0]) != identity(ROW)
    assert identity(dict(ROW)) == identity(ROW)


def test_a_file_of_results_is_read_again(tmp_path):
    path = tmp_path / "rows.json"
    assert earlier_rows(path) == []
    path.write_text(json.dumps({"rows": [ROW]}))
    assert earlier_rows(path) == [ROW]
    path.write_text("[]")
    with pytest.raises(StatespikeError, match="no result of this benchmark"):
        earlier_rows(path)


def test_the_tables_have_the_slowest_clock_and_what_is_short():
    short = {key: ROW[key] for key in ROW if key not in ("resources", "fmax_mhz")}
    short["shortfall"] = ["3 multipliers where 2 can be used"]
    cycles, clocks, cells = (table.splitlines() for table in tables([ROW, short]))
    assert cycles[2] == cycles[3] == "| digits-gsu | up5k | 100 | 50 | 50% | 1.05 |"
    assert clocks[2] == "| digits-gsu | up5k | 30.0, 28.0 | 280,000 | 4,375 |"
    assert "short of 3 multipliers" in clocks[3]
    assert cells[2:] == ["| digits-gsu | up5k | 1,000 | 10 | 3 | 0 | 8 |"]


def test_the_page_has_the_tables_of_the_recorded_rows():
    docs = Path(__file__).parents[2] / "docs"
    page = (docs / "performance.md").read_text()
    for table in tables(earlier_rows(docs / "hardware.json")):
        assert f"\n{table}\n" in page
        assert max(map(len, table.splitlines())) <= 80


def test_unknown_networks_are_told():
    assert set(DEVICES) == {"up5k", "hx8k", "ecp5-25k", "ecp5-85k"}
    with pytest.raises(StatespikeError, match="unknown network 'nothing'; shipped are digits-binary_s4d"):
        load("nothing")


def test_an_impossible_clock_is_refused_before_any_network_is_read(monkeypatch):
    monkeypatch.setattr("benchmarks.hardware.load", lambda name: pytest.fail("a network was read"))
    with pytest.raises(StatespikeError, match="ecp5-25k cannot be clocked at 500 MHz"):
        run(["digits-gsu"], ["ecp5-25k"], clock=500.0)
