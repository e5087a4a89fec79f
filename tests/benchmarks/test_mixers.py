"""The mixers' benchmark: its matrices are what their names say, and it goes on where it stopped."""

import json

import numpy as np
import pytest

from benchmarks.matrices import matrix
from benchmarks.mixer_report import as_markdown, better_peer, side_by_side
from benchmarks.mixers import run
from quantize.errors import StatespikeError


@pytest.mark.parametrize(("name", "zeros"), [("half-64", 0.5), ("sparse-64", 0.8)])
def test_random_matrices_have_their_share_of_zeros(name, zeros):
    drawn = matrix(name, seed=0)
    assert drawn.shape == (64, 64)
    assert abs((drawn == 0).mean() - zeros) < 0.03
    assert (drawn == matrix(name, seed=0)).all()
    assert (drawn != matrix(name, seed=1)).any()


def test_a_file_is_a_matrix_too(tmp_path):
    weights = np.array([[0.5, 0, -0.5], [0, 0.5, 0.5]])
    np.save(tmp_path / "weights.npy", weights)
    assert np.array_equal(matrix(str(tmp_path / "weights.npy"), seed=0), weights / 0.5)


def test_trained_tables_are_ternary():
    table = matrix("smnist-gsu:1", seed=0)
    assert table.shape == (32, 32)
    assert set(np.unique(table)) == {-1, 0, 1}


@pytest.mark.parametrize("name", ["half", "half-", "other-8", "smnist-gsu:7", "half-0"])
def test_unknown_matrices_are_told(name):
    with pytest.raises(StatespikeError, match=f"unknown matrix '{name}'; known are half-N, sparse-N"):
        matrix(name, seed=0)


ROW = {
    "matrix": "half-64", "shape": [64, 64], "zeros": 0.496, "input_width": 8, "seed": 0, "yosys": "0.70",
    "device": "hx8k", "name": "parallel", "sha256": "a", "adders": 963, "cycles": 1, "latency": 4, "lut": 800,
    "ff": 7890, "bram": 0, "estimated": {"lut": 790, "ff": 7000, "bram": 0},
}  # fmt: skip
THEIR_ROW = {key: value for key, value in ROW.items() if key not in ("latency", "estimated")}
THEIR_ROWS = [
    THEIR_ROW | {"name": f"da4ml, {flow}", "flow": flow, "lut": lut}
    for flow, lut in (("joined", 900), ("apart", 1000), ("merged", 1100))
]
EVENT_ROW = ROW | {
    "name": "event, 64 lanes", "adders": None, "latency": None, "cycles": 68, "half_cycles": 64,
}  # fmt: skip


def test_ours_are_compared_with_the_peers_as_their_users_get_them():
    best = better_peer([ROW, *THEIR_ROWS])
    assert best is not None
    assert best["name"] == "da4ml, apart"
    assert better_peer([ROW]) is None


def test_the_table_has_a_part_and_a_matrix_each():
    other = ROW | {"device": "ecp5-25k", "estimated": {"lut": 1790}}
    first, second = (
        text.splitlines() for text in as_markdown([ROW, *THEIR_ROWS, EVENT_ROW, other]).split("\n\n")
    )
    assert first[0].startswith("| half-64, 64 x 64, 50% zeros, 8 bits, ecp5-25k | adders |")
    assert first[2] == "| parallel | 963 | 1 | 4 | 800 |  | 1,790 | 7,890 | 0 |"
    assert second[2] == "| parallel | 963 | 1 | 4 | 800 | 0.800 | 790 | 7,890 | 0 |"
    assert second[3].startswith("| event, 64 lanes |  | 68 (64 if half are zero) |  | 800 | 0.800 |")
    assert [line.split(" | ")[5] for line in second[4:]] == ["0.900", "1.000", "1.100"]
    assert len({line.count("|") for line in [*first, *second]}) == 1


def test_parts_stand_side_by_side():
    other = ROW | {"device": "ecp5-25k", "lut": 1800}
    peers = [row | {"latency": 0} for row in THEIR_ROWS]
    title, table = side_by_side([*peers, EVENT_ROW, ROW, other]).split("\n\n")
    assert title == "`half-64`, 64 x 64, 50% zeros, inputs of 8 bits:"
    lines = table.splitlines()
    assert lines[0] == "| build | cycles | latency | hx8k: LUT4 | FF | BRAM | ecp5-25k: LUT4 | FF | BRAM |"
    assert lines[2] == "| parallel | 1 | 4 | 800 | 7,890 | 0 | 1,800 | 7,890 | 0 |"
    assert lines[3] == "| event, 64 lanes | 68 |  | 800 | 7,890 | 0 |  |  |  |"
    assert lines[4] == "| da4ml, joined | 1 | 0 | 900 | 7,890 | 0 |  |  |  |"


@pytest.mark.synth
def test_the_cheapest_builds_of_a_file_come_into_a_page(tmp_path):
    np.save(tmp_path / "weights.npy", np.eye(3))
    page = tmp_path / "page.md"
    page.write_text("<!-- table mixers -->\n\n<!-- end of table mixers -->\n")
    weights = str(tmp_path / "weights.npy")
    run([weights], device=["hx8k", "ecp5-25k"], budget=[1, 64], with_peers=False, page=page)
    text = page.read_text()
    assert f"`{weights}`, 3 x 3, 67% zeros, inputs of 8 bits:" in text
    assert "| parallel | 1 |" in text


@pytest.mark.synth
def test_a_run_goes_on_where_it_stopped(tmp_path, capsys):
    """The second run finds all that it needs; a circuit that changed is measured again."""
    path = tmp_path / "mixers.json"
    asked = {"matrices": ["half-2"], "device": ["hx8k"], "build": ["parallel"], "with_peers": False}
    run(**asked, json=path, markdown=tmp_path / "mixers.md")
    found = json.loads(path.read_text())
    assert [row["name"] for row in found["rows"]] == ["parallel"]
    assert found["curves"][0]["corners"][0]["name"] == "parallel"
    capsys.readouterr()
    run(**asked, json=path)
    captured = capsys.readouterr()
    assert "| parallel |" in captured.out
    assert not captured.err, "nothing was measured again"
    found["rows"][0]["sha256"] = "older"
    path.write_text(json.dumps(found))
    run(**asked, json=path)
    assert capsys.readouterr().err == "half-2 on hx8k: parallel\n"
    assert len(json.loads(path.read_text())["rows"]) == 1
