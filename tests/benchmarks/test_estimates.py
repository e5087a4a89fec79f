"""The table of estimates beside synthesis: drawn the same again, and near the netlist."""

import pytest

from benchmarks.estimates import PARTS, as_markdown, drawn_case, errors, row_of, summary
from quantize.configuration import MODELS

ROW = {
    "seed": 0, "network": "gsu 1 x 2 x 1", "device": "up5k", "circuit": "0123",
    "estimate": {"lut": 1080, "ff": 90, "bram": 2, "spram": 0, "dsp": 1},
    "synthesis": {"lut": 1000, "ff": 100, "bram": 2, "spram": 0, "dsp": 1},
}  # fmt: skip

SMALL = 16
"""A seed of a network of one channel and two modes."""


def test_errors_are_those_of_the_estimate():
    assert errors(ROW) == pytest.approx({"lut": 0.08, "ff": -0.1})
    table = as_markdown([ROW]).splitlines()
    assert "1,080 / 1,000 | +8% | 90 / 100 | -10% | 2 / 2 | 0 / 0 | 1 / 1" in table[2]
    worse = ROW | {"synthesis": ROW["synthesis"] | {"lut": 500, "bram": 1}}
    found = summary([ROW, worse])
    assert "look-up tables within 10 % in 1 of 2, at worst +116%" in found
    assert "flip-flops within 10 % in 2 of 2, at worst -10%" in found
    assert "exact in 1." in found


@pytest.mark.slow
def test_seeds_go_through_all_kinds_and_parts():
    cases = [drawn_case(seed) for seed in range(24)]
    assert {case.device.name for case in cases} == set(PARTS)
    assert {case.network.model for case in cases} >= {"gsu", "gsu_lean", "spike_linear", "fire_glu"}
    assert [case.name.split()[0] for case in cases[:8]] == list(MODELS)
    assert drawn_case(3).name == cases[3].name


@pytest.mark.slow
@pytest.mark.synth
def test_an_estimate_is_near_the_netlist():
    row = row_of(SMALL, [])
    off = errors(row)
    assert abs(off["lut"]) < 0.15 and abs(off["ff"]) < 0.1
    for key in ("bram", "spram", "dsp"):
        assert row["estimate"][key] == row["synthesis"][key]
    other = row | {"estimate": {}}
    assert row_of(SMALL, [other]) == row  # the netlist of the same circuit, a new estimate
