"""A network that answers again and again, behind the serial line of a virtual board."""

from dataclasses import replace

import numpy as np
import pytest

from boards.host import Host
from boards.link import Link
from boards.top import BoardTop
from boards.virtual import VirtualBoard
from hdl.network.top import Network
from statespike.library.circuits import plan
from tests.networks import random_network, random_samples


@pytest.mark.parametrize(
    "head",
    [{"pooling": "every_step"}, {"pooling": "running", "stride": 3, "time_constant": 4}],
    ids=["every_step", "running"],
)
def test_the_host_gets_every_answer(head):
    network = random_network("prf", 2, 1, 1, seed=4, classes=2, **head)
    # A frame holds a few steps only, so answers come before, between and behind what accepts frames.
    link = replace(Link.of(network), buffer_bytes=16)
    assert link.steps_per_frame < 7
    host = Host(VirtualBoard(BoardTop(Network(network, plan(network, "up5k")), link, 4)), link)
    x, lengths = random_samples(3, 12, seed=2), np.array([12, 1, 7])
    u = network.inputs(x)
    found = host.run([steps[:length] for steps, length in zip(u, lengths, strict=True)])
    np.testing.assert_array_equal(found, network.compute(u, lengths).logits)
    assert host.restarts == 1


def test_the_identity_of_a_design_with_one_answer_says_nothing_of_strides():
    one, other = (Link(1, 9, 2, 20, answer_stride=stride) for stride in (None, 1))
    assert one.identity != other.identity
    assert one.identity.hex() == "dd863e69eef562"
