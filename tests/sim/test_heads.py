"""A network that answers again and again runs in every simulator as its reference computes it."""

import numpy as np
import pytest

from hdl.network.top import Network
from quantize.trace import Trace
from sim.backends import backend
from sim.check import check
from sim.compare import ENDS, LOGITS, compare
from sim.pace import Varied
from sim.trace import Run
from statespike.library.circuits import plan
from tests.networks import random_network, random_samples

HEADS = {
    "every_step": {"pooling": "every_step", "output": "regression"},
    "running": {"pooling": "running", "stride": 3, "time_constant": 4},
}
RUNS = [
    *((head, "amaranth") for head in HEADS),
    ("running", "cxxrtl"),
    pytest.param("every_step", "cxxrtl", marks=pytest.mark.slow),
    pytest.param("running", "verilated", marks=[pytest.mark.cosim, pytest.mark.slow]),
    pytest.param("every_step", "verilator", marks=[pytest.mark.cosim, pytest.mark.slow]),
]


@pytest.mark.parametrize(("head", "name"), RUNS)
def test_all_answers_are_those_of_the_reference(builds, head, name):
    network = random_network("prf", 2, 1, 1, seed=4, classes=2, **HEADS[head])
    u, lengths = network.inputs(random_samples(3, 7, seed=1)), np.array([7, 1, 5])
    found = check(
        lambda: Network(network, plan(network, "ecp5-25k"), taps=True), network, u, lengths,
        backend(name), Varied(seed=1), builds,
    )  # fmt: skip
    assert found.bit_exact, found.first_mismatch
    np.testing.assert_array_equal(found.logits, network.compute(u, lengths).logits)


def example() -> tuple[Trace, Run]:
    """Two sequences of 4 and 3 steps with an answer at every second step, and a run that equals them."""
    logits = np.arange(8).reshape(2, 2, 2)
    trace = Trace(logits, np.zeros(2, bool), answer_stride=2)
    run = Run(
        "none", logits.reshape(4, 2).copy(), np.zeros(4, bool), {}, 1, np.zeros(7, int), np.zeros(4, int),
        (4, 3), 1.0, np.array([False, True, False, True]),
    )  # fmt: skip
    return trace, run


def test_a_wrong_answer_is_named_by_its_step():
    trace, run = example()
    assert compare(trace, run).bit_exact
    assert compare(trace, run).compared_values == 8
    run.logits[3, 1] += 1
    first = compare(trace, run).first_mismatch
    assert (first.layer, first.sequence, first.step, first.channel) == (LOGITS, 1, 2, 1)


def test_a_wrong_end_of_a_sequence_is_named():
    trace, run = example()
    run.ends[0] = True
    first = compare(trace, run).first_mismatch
    assert (first.layer, first.sequence, first.step, first.expected, first.got) == (ENDS, 0, 1, 0, 1)


def test_the_last_answer_stands_for_those_that_are_missing():
    _, run = example()
    run.ends[:] = [True, False, False, True]
    np.testing.assert_array_equal(run.answers_by_sequence(3), [[[0, 1]] * 3, [[2, 3], [4, 5], [6, 7]]])
