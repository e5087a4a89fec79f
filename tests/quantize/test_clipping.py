"""What is clipped is counted where it happens, and told when it is much."""

import numpy as np
import pytest

from quantize.clipping import WORTH_A_WARNING, Clipping
from quantize.evaluate import evaluate
from tests.networks import INPUT, overdriven_network, random_network, random_samples


def test_clipped_inputs_are_counted_over_the_valid_steps():
    network = random_network("s4d", 3, 2, 1, seed=1)
    x, lengths = random_samples(3, 20, seed=1), np.array([20, 10, 1])
    calm = evaluate(network, x, lengths).clipping
    assert calm.clipped["input"] == 0
    assert calm.values["input"] == 31
    x[0, 3], x[1, 9], x[1, 10], x[2, 0] = 1.0, -1.001, 5.0, -4.0  # one of them beyond its sequence
    loud = evaluate(network, x, lengths).clipping
    assert INPUT.maximum * 2.0**-INPUT.fraction < 1.0
    assert loud.clipped["input"] == 2 + int(INPUT.clips(-1.001))
    assert loud.warning().startswith("warning: ")


def test_saturated_values_are_counted_by_layer_and_kind():
    network = random_network("s4d", 3, 2, 2, seed=1)
    x = np.full((2, 30, 1), 0.99)
    trace = network.compute(network.inputs(x))
    found = evaluate(network, x).clipping
    assert found.clipped == {"input": 0, **trace.saturations}
    assert set(found.values) == set(found.clipped)
    assert found.values["array_0 states"] == 2 * 30 * 3 * 2 * 2
    for kind in ("array_1 inputs", "array_1 outputs", "layer_1 sums"):
        assert found.values[kind] == 2 * 30 * 3


@pytest.mark.parametrize("array", ["s4d", "s4d_real"])
def test_steps_behind_a_sequence_do_not_count(array):
    network = overdriven_network(array, 3, 2)
    u = network.inputs(random_samples(3, 40, seed=1))
    lengths = np.array([40, 7, 1])
    alone = [network.compute(u[i : i + 1, :length]).saturations for i, length in enumerate(lengths)]
    together = network.compute(u, lengths).saturations
    assert together == {name: sum(one[name] for one in alone) for name in together}
    assert all(together.values()), together


def test_a_warning_names_the_worst_layer():
    few = Clipping({"input": 0, "array_0": 1}, {"input": 100, "array_0": 10_000})
    assert few.share("array_0") < WORTH_A_WARNING
    assert few.warning() is None
    assert few.summary() == "clipped values: array_0 1 (0.010%)"
    assert (
        "of the values of array_0 were clipped"
        in (few + few + Clipping({"array_0": 90}, {"array_0": 0})).warning()
    )
    assert Clipping({"input": 0}, {"input": 9}).summary() == "no value was clipped"


def test_inputs_that_round_to_zero_are_told():
    network = random_network("s4d", 3, 2, 1, seed=4)
    x, lengths = np.full((2, 10, 1), 0.4 * 2.0**-INPUT.fraction), np.array([10, 2])
    assert "100.0% of the inputs that are not 0" in evaluate(network, x, lengths).clipping.vanishing()
    x[0, :7] = 0.5
    found = evaluate(network, x, lengths).clipping
    assert (found.vanished, found.nonzero, found.vanishing()) == (5, 12, None)
    assert evaluate(network, 0 * x).clipping.vanishing() is None
