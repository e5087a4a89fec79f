"""Counters on the board are what the host sent and what the reference clipped."""

import numpy as np
import pytest

from boards.counters import COUNTER_BYTES
from boards.host import Host
from boards.link import Link
from boards.pipe import LinkError
from boards.top import BoardTop
from boards.virtual import VirtualBoard
from hdl.network.counted import CountedNetwork
from hdl.network.folding import Folding, LayerFolding
from hdl.ssm.leapfrog import LeapfrogFolding
from quantize.errors import StatespikeError
from tests.networks import overdriven_network, random_samples

LINK = Link(3, 8, 3, 20, buffer_bytes=16, counted_layers=0)


@pytest.fixture
def counting(tiny):
    """Builds a board that counts steps and cycles: (host, network)."""

    def build(pause=0):
        network = tiny(3, width=8, total_width=20, pause=pause)
        return Host(VirtualBoard(BoardTop(network, LINK, 4)), LINK), network

    return build


def test_steps_and_cycles_are_counted_since_the_restart(counting, draw):
    host, network = counting(pause=200)
    assert host.counters() == {"steps": 0, "busy_cycles": 0, "waiting_cycles": 0}
    x = draw(2, 6, 3)
    assert np.array_equal(host.run(list(x)), network.compute(x).logits)
    found = host.counters()
    assert found["steps"] == 12
    assert found["busy_cycles"] > found["waiting_cycles"] > 12 * 100
    assert host.counters() == found
    host.run(list(x[:1, :1]))
    assert host.counters()["steps"] == 13
    assert host.restarts == 1
    host = Host(host.pipe, LINK)
    assert host.counters()["steps"] == 0


def test_a_network_that_does_not_wait_waits_in_no_cycle(counting, draw):
    host, _ = counting()
    host.run(list(draw(1, 3, 3)))
    assert host.counters()["waiting_cycles"] == 0


def test_counters_are_read_in_mid_sequence(counting, draw):
    host, network = counting()
    x = draw(1, 6, 3)[0]
    host.go_on(x[:4], 0, ended=False)
    assert host.counters()["steps"] == 4
    answer = host.go_on(x[4:], 4, ended=True)
    assert np.array_equal(answer.logits[0], network.compute(x[None]).logits[0])


def test_clipped_values_are_those_of_the_reference():
    network = overdriven_network("s4d", 3, 5)
    u = network.inputs(random_samples(2, 4, seed=1))
    link = Link.of(network, counted_layers=1)
    folding = Folding((LayerFolding(LeapfrogFolding(2), 1),), encoder_bits=None)
    host = Host(VirtualBoard(BoardTop(CountedNetwork(network, folding), link, 4)), link)
    expected = network.compute(u)
    assert np.array_equal(host.run(list(u)), expected.logits)
    found = host.counters()
    assert found["steps"] == 8
    clipped = expected.saturations
    names = {"inputs": "array_0", "states": "array_0", "outputs": "array_0", "sums": "layer_0"}
    assert all(found[f"clipped_{kind}_0"] == clipped[f"{part} {kind}"] > 0 for kind, part in names.items())


def test_counters_that_the_line_loses_are_told(counting, monkeypatch, draw):
    host, network = counting()
    monkeypatch.setattr(host.pipe, "read", lambda count: (_ for _ in ()).throw(LinkError("silence")))
    with pytest.raises(StatespikeError, match=r"the board's counters are lost \(silence\)"):
        host.counters()
    monkeypatch.undo()
    with pytest.raises(StatespikeError, match="restarted"):
        host.counters()
    x = draw(1, 2, 3)
    assert np.array_equal(host.run(list(x)), network.compute(x).logits)
    assert host.counters()["steps"] == 2


def test_a_design_that_counts_is_another_one_and_says_so():
    plain = Link(3, 8, 3, 20, buffer_bytes=16)
    assert plain.identity != LINK.identity
    assert "counted_layers" not in plain.facts
    assert LINK.facts["counted_layers"] == 0
    body = bytes(range(3 * COUNTER_BYTES))
    assert LINK.decode_counters(body)["steps"] == int.from_bytes(body[:6], "little")
