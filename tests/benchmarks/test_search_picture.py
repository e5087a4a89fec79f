"""The picture of a search: all that can be built, and legends that tell what is what."""

import json
import re

import pytest

from benchmarks.search_picture import run
from quantize.errors import StatespikeError

SEARCH = {
    "task": "digits", "device": "up5k", "sampler": "nsga2", "drawn": 4,
    "candidates": [
        {"result": {"failure": failure, "lacks": lacks, "error": 0.1, "estimate": {"lut": 1000}}}
        for failure, lacks in (("", []), ("", []), ("no training", []), ("", ["memories"]))
    ],
}  # fmt: skip


def test_a_search_is_drawn_with_its_finalists_and_networks_made_by_hand(tmp_path):
    found, finalists, picture = (tmp_path / name for name in ("found.json", "finalists.json", "search.svg"))
    found.write_text(json.dumps(SEARCH))
    rows = [
        {"name": "0123abcd", "seed": 0, "lut": 900, "error": 0.0},
        {"name": "digits-prf", "seed": None, "lut": 2000, "error": 0.02},
    ]
    finalists.write_text(json.dumps({"rows": rows}))
    run(found, finalists, picture)
    text = picture.read_text()
    assert ">2 candidates: short trainings, validation errors, estimated<" in text
    assert ">finalists: trained in full, test errors, synthesised<" in text
    assert ">prf<" in text
    shapes = dict(re.findall(r'<path id="(m[0-9a-f]+)" d="([^"]*)"', text.partition('id="line2d')[2]))
    assert len(set(shapes.values())) >= 3
    again = tmp_path / "again.svg"
    run(found, finalists, again)
    assert again.read_bytes() == picture.read_bytes()


def test_a_file_of_something_else_is_refused(tmp_path):
    file = tmp_path / "found.json"
    file.write_text("{}")
    with pytest.raises(StatespikeError, match=r"found\.json: no result of `statespike explore --json`"):
        run(file, tmp_path / "none.json", tmp_path / "picture.svg")
