"""The planner: the fastest circuit that fits, and what it gives up when multipliers are short."""

from dataclasses import replace

import pytest

from hdl.parts import part
from hdl.plan import plan_network
from quantize.errors import StatespikeError
from tests.networks import random_network


@pytest.mark.parametrize("model", ["gsu_lean", "prf", "spiking_ssm", "s4d"])
def test_every_kind_of_unit_has_a_plan(model):
    roomy = part("ecp5-25k")
    plan = plan_network(random_network(model, 2, 1, 1, seed=1), roomy)
    assert plan.estimate.shortfall(roomy) == []
    assert plan.layers[0].multipliers == 4


def test_lanes_are_given_up_when_multipliers_are_short():
    network = random_network("s4d", 2, 2, 1, seed=1)
    # Two of the array, one of the gate: one is left for the mixer.
    plan = plan_network(network, replace(part("up5k"), dsps=4))
    assert plan.layers[0].lanes == 1
    assert plan.multipliers == 4


def test_what_is_short_is_told_of_the_smallest_circuit():
    with pytest.raises(StatespikeError, match=r"needs 4 multipliers where 3 can be used \(1 too many\)"):
        plan_network(random_network("s4d", 2, 2, 1, seed=1), replace(part("up5k"), dsps=3))


def test_the_ecp5_streams_a_channel_a_cycle():
    network = random_network("gsu_lean", 12, 3, 1, seed=1)
    plan = plan_network(network, part("ecp5-25k"))
    assert plan.streamed
    assert plan.cycles_per_step == 12 + 1
    # Four channels a lane; the skip path's, the gate's, the encoder's and the decoder's.
    assert plan.layers[0].array_lanes == 3
    assert plan.multipliers == 3 * 4 + 4
    fewer = plan_network(network, replace(part("ecp5-25k"), dsps=8))
    assert (fewer.layers[0].array_lanes, fewer.multipliers) == (1, 8)
    assert fewer.layers[0].lanes < plan.layers[0].lanes
