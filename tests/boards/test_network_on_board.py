# amaranth: UnusedElaboratable=no
"""Networks behind the pins of a board: the logits are the reference's."""

import numpy as np
import pytest

from benchmarks.digests import load
from boards.boards import board
from boards.host import Host
from boards.link import Link
from boards.room import room_for
from boards.top import BoardTop
from boards.virtual import VirtualBoard
from hdl.network.top import Network
from hdl.planning.planner import plan_network
from quantize.network import QuantizedNetwork
from statespike.models.tasks.registry import load_task
from tests.networks import random_network, random_samples


def through_pins(network: QuantizedNetwork, inputs: np.ndarray) -> np.ndarray:
    """Logits of a network on the iCEBreaker, over its serial line."""
    link = Link.of(network)
    circuit = Network(network, plan_network(network, room_for(network, board("icebreaker"))))
    host = Host(VirtualBoard(BoardTop(circuit, link, 4)), link)
    answers = host.run(list(inputs))
    assert host.restarts == 1
    return answers


def test_a_network_behind_pins_equals_the_reference():
    network = random_network("prf", 4, 2, 1, seed=3, features=2)
    inputs = network.inputs(random_samples(3, 5, 2, seed=4))
    assert np.array_equal(through_pins(network, inputs), network.compute(inputs).logits)


@pytest.mark.slow
def test_steps_of_a_digit_behind_pins_equal_the_reference():
    """In Amaranth's simulator; tests/statespike/test_run.py plays twenty through the compiled board."""
    network = load("digits-gsu")
    inputs = network.inputs(load_task("digits", None).test.x[:1, :12])
    assert np.array_equal(through_pins(network, inputs), network.compute(inputs).logits)
