"""A check over many runs: what it finds does not depend on how many go on at a time."""

from dataclasses import replace

import numpy as np
import pytest

from quantize.errors import StatespikeError
from sim.backends import backend
from sim.check import check
from sim.pace import FULL_SPEED, Pace, Varied

LENGTHS = np.array([7, 9, 1, 9, 4, 9])


class Twin:
    """The tiny network's integers, with lengths, as a quantised network computes them."""

    def compute(self, x, lengths):
        sums = np.cumsum(x, axis=1)
        logits = sums[np.arange(len(x)), lengths - 1]
        overruns = np.zeros(len(x), dtype=np.bool_)
        taps = {"in": x, "sum": sums}
        found = {"logits": logits, "overruns": overruns, "taps": taps, "saturations": {"sum": len(x)}}
        return type("Trace", (), found)


@pytest.fixture(autouse=True)
def short_runs(monkeypatch):
    monkeypatch.setattr("sim.check.STEPS_AT_ONCE", 10)


def found(tiny, draw, builds, jobs, name="cxxrtl", defect=""):
    done = []
    result = check(
        lambda: tiny(3, defect=defect), Twin(), draw(6, 9, 3, seed=1), LENGTHS, backend(name),
        Pace(0.3, 0.3, seed=2), builds, done.append, jobs,
    )  # fmt: skip
    assert done[-1] == len(LENGTHS)
    assert done == sorted(done)
    return result


def test_many_runs_at_a_time_find_what_one_finds(tiny, draw, builds):
    alone, together = (found(tiny, draw, builds, jobs) for jobs in (1, 3))
    assert (alone.jobs, together.jobs) == (1, 3)
    assert alone.bit_exact
    assert alone.steps == LENGTHS.sum()
    assert alone.saturations == {"sum": len(LENGTHS)}
    assert alone.compared_values == 2 * 3 * LENGTHS.sum() + 3 * len(LENGTHS)
    np.testing.assert_array_equal(alone.logits, together.logits)
    times = {"jobs": 0, "seconds": 0, "simulation_seconds": 0, "logits": None}
    assert replace(alone, **times) == replace(together, **times)


def test_the_first_difference_of_all_runs_is_named(tiny, draw, builds):
    result = found(tiny, draw, builds, 3, defect="value")
    assert not result.bit_exact
    assert (result.first_mismatch.sequence, result.first_mismatch.step) == (0, 2)


def test_a_simulator_in_python_runs_alone(tiny, draw, builds):
    assert found(tiny, draw, builds, 3, name="amaranth").jobs == 1


def test_an_error_in_one_run_ends_all(tiny, draw, builds):
    with pytest.raises(StatespikeError, match="moved nothing"):
        found(tiny, draw, builds, 2, defect="stuck")


@pytest.mark.parametrize("defect", ["gap", "reset"])
def test_by_default_a_fault_that_full_speed_hides_is_found(tiny, draw, defect):
    def bit_exact(*pace):
        u = draw(6, 9, 3, seed=1)
        return check(lambda: tiny(3, defect=defect), Twin(), u, LENGTHS, backend("amaranth"), *pace).bit_exact

    assert bit_exact(FULL_SPEED)
    assert not bit_exact()


def test_pauses_do_not_change_what_is_measured(tiny, draw):
    def measured(pace):
        u = draw(6, 9, 3, seed=1)
        return check(lambda: tiny(3, pause=4), Twin(), u, LENGTHS, backend("amaranth"), pace)

    full, varied = measured(FULL_SPEED), measured(Varied())
    assert varied.bit_exact
    assert (varied.cycles, varied.cycles_per_step) == (full.cycles, full.cycles_per_step)
    assert varied.compared_values > full.compared_values
