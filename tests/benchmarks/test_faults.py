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
from benchmarks.fault_tests import alike as alike_elsewhere
from benchmarks.faults import Judgement, TooLong, drawn_rows, identities, judged, limited, record_of
from benchmarks.local_equivalence import alike, differing, modules_of
from benchmarks.mutants import Fault, faults, faulty
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
    file.write_text(json.dumps({"seed": 1, "circuits": {"1000": "a"}, "rows": [{"network": 1000}]}))
    assert record_of(file, 1) == ({1000: "a"}, {1000: [{"network": 1000}]})
    with pytest.raises(StatespikeError, match="seed 1, not 2"):
        record_of(file, 2)


RECORD = Path(__file__).parents[2] / "docs/faults.json"


def test_the_page_tells_what_the_record_holds():
    rows = json.loads(RECORD.read_text())["rows"]
    counts = Counter(judged(row) for row in rows)
    page = (RECORD.parent / "verification.md").read_text()
    told = (
        f"{len(rows)} faults in {len({row['network'] for row in rows})} networks | "
        f"{counts[Judgement.FOUND]} found by the default simulation, "
        f"{counts[Judgement.TESTED]} by a test of their component, "
        f"{counts[Judgement.PROVED]} proved to change nothing, "
        f"{counts[Judgement.REASONED]} shown so by reading"
    )
    assert told in page
    assert sum(counts.values()) == sum(
        counts[known] for known in (Judgement.FOUND, Judgement.TESTED, Judgement.PROVED, Judgement.REASONED)
    )


def test_the_tests_that_the_record_names_exist():
    named = {row["test"] for row in json.loads(RECORD.read_text())["rows"] if "test" in row}
    for name in named:
        file, _, test = name.partition("::")
        assert f"def {test.partition('[')[0]}(" in (RECORD.parents[1] / file).read_text(), name


def test_a_fault_on_record_is_found_again_though_lines_and_numbers_have_moved(tiny):
    possible = faults(Fragment.get(tiny(3), None))
    rows = drawn_rows(3, possible, [])
    moved = [
        row | {"fault": 0, "place": f"{row['place'].rpartition(':')[0]}:1", "reason": "why"} for row in rows
    ]
    assert drawn_rows(3, possible, moved) == [row | {"reason": "why"} for row in rows]
    gone = [moved[0] | {"change": "another"}, *moved[1:]]
    again = drawn_rows(3, possible, gone)
    assert [row["fault"] for row in again] == [row["fault"] for row in [*rows[1:], rows[0]]]
    assert "reason" not in again[-1]


def test_faults_that_read_alike_are_told_apart(tiny):
    names = identities(faults(Fragment.get(tiny(3), None)))
    assert len(set(names)) == len(names)
    assert max(count for *_, count in names) > 0


def test_a_fault_reads_alike_on_the_same_line_of_any_component():
    row = {"kind": "constant", "place": "top.a primitives/fifo.py:48", "change": "1 becomes 0"}
    other = Fault("constant", "top primitives/fifo.py:48", "1 becomes 0", lambda: None)
    assert alike_elsewhere(row, other)
    assert not alike_elsewhere(row | {"place": "top.a primitives/fifo.py:49"}, other)
    assert not alike_elsewhere(row | {"change": "0 becomes 1"}, other)
    assert alike_elsewhere(row | {"place": "top.a lib/data.py:779"}, other)


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
