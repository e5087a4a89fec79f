"""Seeded faults are each in one place, the same in every run, and found or proved to change nothing."""

import json
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from amaranth.hdl import Fragment

from benchmarks.drawn import drawn
from benchmarks.equivalence import equivalent
from benchmarks.faults import Judgement, TooLong, is_of, judged, limited, rows_of
from benchmarks.local_equivalence import alike, differing, modules_of
from benchmarks.mutants import faults, faulty
from quantize.errors import StatespikeError
from sim.backends import backend
from sim.stimulus import Stimulus
from tests.formal.for_ever import Verdict


def places(design):
    found = faults(Fragment.get(design, None))
    return [(fault.kind, fault.place, fault.change) for fault in found]


def test_faults_are_the_same_every_time_and_of_every_kind(tiny):
    assert places(tiny(3)) == places(tiny(3))
    kinds = {kind for kind, _, _ in places(tiny(3))}
    assert kinds >= {"constant", "operator", "choice", "assignment", "initial value"}


def test_a_faulty_design_has_its_fault_whenever_it_is_elaborated(tiny):
    assert places(tiny(3)) == places(tiny(3))
    design = faulty(tiny(3), 0)
    first = places(design)
    assert first == places(design)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # designs left half built
def test_most_faults_of_a_circuit_show(tiny, draw):
    x = draw(2, 4, 3)
    expected = tiny(3).compute(x)
    shown, tried = 0, range(0, len(places(tiny(3))), 7)
    for index in tried:
        try:
            run = backend("amaranth").prepare(faulty(tiny(3), index), None)(Stimulus(list(x)), 200)
        except StatespikeError:
            shown += 1
            continue
        same = all(np.array_equal(run.taps[name], taps.reshape(-1)) for name, taps in expected.taps.items())
        shown += not (same and np.array_equal(run.logits, expected.logits))
    assert shown >= len(tried) / 2


def test_drawn_networks_are_the_same_every_time():
    one, other = drawn(5), drawn.__wrapped__(5)
    assert one.recipe == other.recipe
    np.testing.assert_array_equal(one.inputs, other.inputs)
    assert drawn(6).recipe != one.recipe


@pytest.mark.formal
def test_a_fault_that_changes_nothing_is_proved_to(tiny):
    unused = next(index for index, (*_, change) in enumerate(places(tiny(2))) if change.startswith("step:"))
    assert equivalent(tiny(2), faulty(tiny(2), unused), 2) is Verdict.HOLDS


@pytest.mark.formal
def test_circuits_that_differ_after_a_reset_alone_are_told_apart(tiny):
    assert equivalent(tiny(2), tiny(2, defect="reset"), 2) is Verdict.VIOLATED


def test_a_simulation_that_never_ends_is_given_up():
    given_up = []

    def endless() -> None:
        try:
            while True:
                pass
        except TooLong:
            given_up.append(True)

    with limited(0):
        thread = threading.Thread(target=endless)
        thread.start()
        thread.join(20)
    assert given_up


def test_an_earlier_run_of_another_seed_is_refused(tmp_path):
    file = tmp_path / "faults.json"
    file.write_text(json.dumps({"seed": 1, "rows": [{"network": 1000, "fault": 7}]}))
    assert list(rows_of(file, 1)) == [(1000, 7)]
    with pytest.raises(StatespikeError, match="seed 1, not 2"):
        rows_of(file, 2)


RECORD = Path(__file__).parents[2] / "docs/faults.json"


def test_the_page_tells_what_the_record_holds():
    rows = json.loads(RECORD.read_text())["rows"]
    counts = Counter(judged(row) for row in rows)
    page = (RECORD.parent / "verification.md").read_text()
    told = (
        f"{len(rows)} faults in {len({row['network'] for row in rows})} networks | "
        f"{counts[Judgement.FOUND]} found by the default simulation, "
        f"{counts[Judgement.LATER]} in a longer play, {counts[Judgement.PROVED]} proved to change nothing, "
        f"{counts[Judgement.REASONED]} shown so by reading, {counts[Judgement.OPEN]} not judged"
    )
    assert told in page


def test_a_row_of_a_circuit_that_has_changed_is_not_taken_over(tiny):
    fault = faults(Fragment.get(tiny(3), None))[0]
    row = {"kind": fault.kind, "change": fault.change, "place": fault.place}
    assert is_of(row, fault)
    assert is_of(row | {"place": f"{row['place'].rpartition(':')[0]}:1"}, fault)
    assert not is_of(row | {"change": "another"}, fault)


PASSES = """\
module \\top.part
  wire width 1 input 0  \\i__valid
  wire width 2 input 1  \\i__payload
  wire width 1 output 2  \\o__valid
  wire width 2 output 3  \\o__payload
  connect \\o__valid \\i__valid
  connect \\o__payload \\i__payload
end
"""
SILENT = """\
  wire width 2 \\masked
  cell $and $1
    parameter \\A_SIGNED 0
    parameter \\B_SIGNED 0
    parameter \\A_WIDTH 2
    parameter \\B_WIDTH 2
    parameter \\Y_WIDTH 2
    connect \\A \\i__payload
    connect \\B { \\i__valid \\i__valid }
    connect \\Y \\masked
  end
  connect \\o__payload \\masked
"""


@pytest.mark.formal
def test_modules_that_differ_where_nothing_is_valid_are_alike(tmp_path):
    top = "module \\top\n  cell \\top.part \\part\n  end\nend\n"
    one = modules_of(top + PASSES)
    silent = modules_of(top + PASSES.replace("  connect \\o__payload \\i__payload\n", SILENT))
    wrong = modules_of(top + PASSES.replace("connect \\o__payload \\i__payload", "connect \\o__payload 2'00"))
    assert differing(one, silent) == "top.part"
    assert alike(one, silent, tmp_path / "silent") == "top.part"
    assert alike(one, wrong, tmp_path / "wrong") is None
