"""What the points of a study say: medians with their spread, the smallest width that reaches an accuracy."""

import json
from typing import Any

import pytest

from benchmarks.accuracy_picture import STYLES, draw
from benchmarks.accuracy_report import penalties, plain, reached, run, smallest, surrogates, tables
from benchmarks.study_groups import event_cycles, groups_of, mixer_like
from hdl.devices.devices import find_device
from hdl.network.top import Network
from hdl.planning.planner import plan_network
from hdl.primitives.drafts import drafts
from quantize.configuration import MODELS
from quantize.errors import StatespikeError
from statespike.models.recipe import model_defaults
from tests.networks import random_network

LAYER = {
    "lanes": 2, "outputs": 16, "activation_width": 2, "events": 4.0, "cycles": 60, "table_cycles": 90,
    "array_cycles": 40,
}  # fmt: skip


def circuit(lut: int, energy: tuple[float | None, float | None] = (0.5, 2.0), mixers=()) -> dict:
    found: dict[str, Any] = {
        "estimate": {"lut": lut, "ff": 5, "bram": 7, "spram": 3, "dsp": 4}, "cycles_per_step": lut // 10,
        "energy_uj": {"low": energy[0], "high": energy[1], "per": "sequence"}, "shortfall": [],
        "event_mixers": list(mixers), "steps_per_second": 1000.0,
    }  # fmt: skip
    slower = found | {"estimate": found["estimate"] | {"lut": lut - 300}, "cycles_per_step": lut}
    return found | {"smallest": slower}


def row(model: str, channels: int, seed: int, accuracy: float, lut: int | None = None, **other) -> dict:
    circuits = {}
    if lut is not None:
        mixers = [LAYER] if model == "binary_s4d" else []
        circuits = {"up5k": circuit(lut, mixers=mixers), "ecp5-25k": circuit(2 * lut, (None, None), mixers)}
    return {
        "task": "digits", "model": model, "channels": channels, "seed": seed, "epochs": 1, "batch": 32,
        "modes": 4, "surrogate": model_defaults(model).surrogate, "activity_penalty": 0.0,
        "accuracy": accuracy, "activity": [0.5], "steps": 50.0, "circuits": circuits,
        "accountings": {"paper": 0.1 * channels, "everything": 1.0},
    } | other  # fmt: skip


ROWS = [
    row("s4d", 8, 0, 0.93, 900), row("s4d", 16, 0, 0.96, 1200),
    row("binary_s4d", 8, 0, 0.89, 1000), row("binary_s4d", 8, 1, 0.94), row("binary_s4d", 8, 2, 0.91),
    row("binary_s4d", 16, 0, 0.94, 1500), row("binary_s4d", 16, 1, 0.95),
]  # fmt: skip


def cells(text: str) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")][2:]


def test_seeds_make_a_median_and_a_spread():
    group = next(one for one in groups_of(ROWS) if (one.model, one.channels) == ("binary_s4d", 8))
    assert (group.seeds, group.median, group.accuracy_text) == (3, 0.91, "91.0 (89.0..94.0)")
    assert group.circuit("up5k")["estimate"]["lut"] == 1000  # the first seed's


def test_the_smallest_width_whose_median_reaches_an_accuracy():
    low, other, high = (
        cells(reached(groups_of(ROWS), "digits", level, device))
        for level, device in ((0.92, "up5k"), (0.92, "ecp5-25k"), (0.95, "up5k"))
    )
    assert low == [
        ["binary_s4d", "16", "2", "94.5 (94.0..95.0)", "1,500", "7", "4", "150", "0.5..2"],
        ["s4d", "8", "1", "93.0", "900", "7", "4", "90", "0.5..2"],
    ]
    # Energies are not modelled there.
    assert other[0] == ["binary_s4d", "16", "2", "94.5 (94.0..95.0)", "3,000", "7", "4", "300"]
    assert [line[:5] for line in high] == [
        ["binary_s4d", "-", "2", "at most 94.5", "-"], ["s4d", "16", "1", "96.0", "1,200"],
    ]  # fmt: skip


def test_the_smallest_circuits_are_those_of_the_same_networks():
    found = cells(smallest(groups_of(ROWS), "digits", 0.95, "up5k"))
    assert found == [["s4d", "16", "900", "5", "7", "4", "1,200", "20"]]


def test_sizes_without_a_circuit_are_left_out():
    assert groups_of([row("s4d", 8, 1, 0.9)]) == []


def test_surrogates_stand_side_by_side():
    other = [row("binary_s4d", 16, 0, 0.8, surrogate="fast_sigmoid")]
    found = cells(surrogates(groups_of(ROWS + other)))
    assert [line[:4] for line in found] == [
        ["binary_s4d", "arctan", "2", "94.5 (94.0..95.0)"], ["binary_s4d", "fast_sigmoid", "1", "80.0"],
    ]  # fmt: skip
    assert [group.surrogate for group in plain(groups_of(ROWS + other), "digits")].count("fast_sigmoid") == 0


def test_a_penalty_changes_the_cycles_of_an_event_mixer():
    sparse = row("binary_s4d", 16, 0, 0.9, activity_penalty=1.0) | {"activity": [0.1]}
    first, second = cells(penalties(groups_of([*ROWS, sparse]), "up5k"))
    assert first[:5] == ["binary_s4d", "0", "2", "94.5 (94.0..95.0)", "50%"]
    assert second[:5] == ["binary_s4d", "1", "1", "90.0", "10%"]
    assert int(second[5]) < int(first[5]) and int(second[7]) < int(first[7])
    assert first[6] == second[6] == first[8] == second[8] == "90"


def test_cycles_of_a_mixer_follow_its_size_alone():
    network = random_network("binary_s4d", 6, 2, 1, seed=0)
    plan = plan_network(network, find_device("up5k"), streamed=False, folded=False)
    with drafts():
        mixer = Network(network, plan).blocks[0].residual.unit.mixer
        layer = {name: getattr(mixer, name) for name in ("lanes", "outputs", "activation_width")}
        assert [mixer_like(layer, 6).cycles(n) for n in range(7)] == [mixer.cycles(n) for n in range(7)]


def test_mixers_that_list_nothing_have_dashes():
    assert event_cycles(groups_of(ROWS)[-1], circuit(100)) == ["-", "-", "-"]


def test_tables_go_into_their_places_and_pictures_do_not_change(tmp_path):
    file, page, first, second = (tmp_path / name for name in ("in.json", "page.md", "a.svg", "b.svg"))
    file.write_text(json.dumps({"rows": ROWS}))
    names = dict(tables(groups_of(ROWS)))
    page.write_text("".join(f"<!-- table {one} -->\n<!-- end of table {one} -->\n" for one in names))
    run(file, page, first)
    run(file, svg=second)
    assert all(text in page.read_text() for text in names.values())
    assert all(len(line) <= 80 for line in page.read_text().splitlines())
    assert first.read_bytes() == second.read_bytes()
    drawing = first.read_text()
    assert "digits on up5k" in drawing and "binary_s4d" in drawing and "not modelled" in drawing


def test_energies_are_shares_of_the_baseline_at_widths_that_all_kinds_have():
    other = row("s4d", 4, 0, 0.7, 700)
    assert "H = 4" not in dict(tables(groups_of([*ROWS, other])))["accountings digits"]
    found = dict(tables(groups_of([row("prf", 8, 0, 0.8, 500)])))
    assert found["accountings digits"] == ""  # there is no baseline yet


def test_every_kind_has_a_colour_and_a_marker_of_its_own(tmp_path):
    assert list(STYLES) == list(MODELS)
    assert len({colour for colour, _ in STYLES.values()}) == len({mark for _, mark in STYLES.values()}) == 8
    draw({"digits": groups_of([row(model, 8, 0, 0.9, 500) for model in MODELS])}, tmp_path / "all.png")


def test_a_file_without_rows_is_refused(tmp_path):
    file = tmp_path / "none.json"
    file.write_text('{"rows": []}')
    with pytest.raises(StatespikeError, match="has no rows; write it with python -m"):
        run(file)
