"""The picture of mixers: every kind of circuit can be told from the others."""

import re
from itertools import pairwise

from benchmarks.mixer_curve import draw


def row(name, cycles, lut, **more):
    return {"matrix": "half-16", "device": "hx8k", "name": name, "cycles": cycles, "lut": lut} | more


def test_each_kind_of_circuit_has_a_legend_and_a_marker(tmp_path):
    curve = {
        "matrix": "half-16",
        "device": "hx8k",
        "slowest": 100,
        "corners": [{"cycles": 1, "estimated_lut": 900}, {"cycles": 16, "estimated_lut": 90}],
    }
    rows = [
        row("parallel", 1, 900), row("serial", 9, 300), row("table, 4 lanes", 4, 200),
        row("table, 16 lanes", 16, 100), row("event, 2 lanes", 40, 80),
        row("da4ml, apart", 1, 950, flow="apart"), row("alkaid, merged", 1, 990, flow="merged"),
        row("alkaid, ours", 1, 400, flow="ours"),
    ]  # fmt: skip
    draw(rows, [curve], tmp_path / "picture.svg")
    text = (tmp_path / "picture.svg").read_text()
    kinds = ["parallel", "serial", "table", "event", "da4ml", "alkaid"]
    legend = re.findall(r">(the choice, estimated|[^<]*, synthesised)<", text)
    assert legend == ["the choice, estimated", *(f"{kind}, synthesised" for kind in kinds)]
    for one in rows:
        assert (f">{one['name']}<" in text) == (one.get("flow") != "ours")
    # The plotted points and the legend's refer to the shape of their marker.
    shapes = set(re.findall(r'<path id="(m[0-9a-f]+)" d="([^"]*)"', text.partition('id="line2d')[2]))
    assert len({shape for _, shape in shapes}) >= len(kinds)


def test_names_do_not_cover_each_other(tmp_path):
    curve = {
        "matrix": "half-16",
        "device": "hx8k",
        "slowest": 100,
        "corners": [{"cycles": 1, "estimated_lut": 1000}, {"cycles": 50, "estimated_lut": 10}],
    }
    rows = [row(f"da4ml, {number}", 1, 1000, flow="apart") for number in range(4)]
    draw(rows, [curve], tmp_path / "picture.svg")
    text = (tmp_path / "picture.svg").read_text()
    heights = sorted(float(y) for y in re.findall(r"translate\([0-9.]+ ([0-9.]+)\)[^>]*>da4ml, \d<", text))
    heights = heights or sorted(float(y) for y in re.findall(r' y="([0-9.]+)"[^>]*>da4ml, \d<', text))
    assert len(heights) == 4
    assert all(after - before > 7 for before, after in pairwise(heights))
