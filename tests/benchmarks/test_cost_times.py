"""The benchmark of costs measures whole commands, and shows a command a row."""

import json
from pathlib import Path

import pytest

from benchmarks import cost_times
from benchmarks.cost_times import as_markdown, network_of, processor_seconds, row_of
from quantize.errors import StatespikeError
from quantize.file import load_network


def test_a_command_a_row():
    row = {"network": "digits-gsu", "device": "up5k", "first_processor_seconds": 2.04}
    assert as_markdown([row | {"again_processor_seconds": 0.55}]).splitlines()[-1] == (
        "| digits-gsu, up5k | 2.0 | 0.6 |"
    )


def test_the_table_goes_into_its_page(tmp_path, monkeypatch):
    figures = {"first_processor_seconds": 2.04, "again_processor_seconds": 0.55}
    monkeypatch.setattr(
        cost_times, "row_of", lambda name, device, repeats: {"network": name, "device": device} | figures
    )
    page, json_file = tmp_path / "page.md", tmp_path / "times.json"
    page.write_text("before\n<!-- table times -->\n<!-- end of table times -->\nafter\n")
    cost_times.run(repeats=1, json=json_file, page=page)
    rows = json.loads(json_file.read_text())["rows"]
    assert [(row["network"], row["device"]) for row in rows] == list(cost_times.COSTS)
    assert as_markdown(rows) in page.read_text()
    assert page.read_text().startswith("before\n") and page.read_text().endswith("after\n")


def test_a_drawn_network_is_given_as_a_file(tmp_path):
    assert network_of("digits-gsu", tmp_path) == "digits-gsu"
    assert len(load_network(Path(network_of("2x3x2", tmp_path))).blocks) == 2


def test_a_command_that_fails_is_told(tmp_path):
    with pytest.raises(StatespikeError, match=r"statespike cost nothing failed: .*no such file"):
        processor_seconds(["cost", "nothing"], tmp_path)


@pytest.mark.slow
def test_what_was_kept_saves_time():
    row = row_of("1x2x1", "up5k", 1)
    assert 0 < row["again_processor_seconds"] < row["first_processor_seconds"]
