"""The planner: the fastest circuit that fits, and what it gives up when multipliers are short."""

from dataclasses import replace

import pytest

from hdl.devices.devices import find_device
from hdl.devices.resources import Resources
from hdl.network.folding import Folding, LayerFolding
from hdl.network.top import Network
from hdl.planning.census import census
from hdl.planning.cost import shortfall
from hdl.planning.design_space import foldings
from hdl.planning.explain import explain
from hdl.planning.planner import assess, counted_text, plan_network
from hdl.primitives.drafts import drafts
from hdl.ssm.component import ArrayFolding
from hdl.ssm.leapfrog import LeapfrogFolding
from quantize.errors import StatespikeError
from quantize.shared import with_shared_formats
from tests.networks import random_network


@pytest.mark.parametrize("model", ["gsu_lean", "prf", "spiking_ssm", "s4d"])
def test_every_kind_of_unit_has_a_plan(model):
    roomy = find_device("ecp5-25k")
    network = random_network(model, 2, 1, 1, seed=1)
    plan = plan_network(network, roomy)
    assert plan.shortfall == []
    assert plan.multipliers == census(counted_text(network, plan), plan.device.family).multiplier_count(
        plan.device.family
    )


@pytest.mark.parametrize(
    ("model", "channels"), [("gsu", 4), ("gsu", 3), ("binary_s4d", 3), ("s4d", 3), ("prf", 2)]
)
@pytest.mark.parametrize(
    "folding",
    [
        Folding((LayerFolding(ArrayFolding(3), 2),), encoder_bits=None),
        Folding((LayerFolding(ArrayFolding(2, 2), 2),), encoder_bits=None, streamed=True),
    ],
    ids=["small", "streamed"],
)
def test_every_multiplier_is_counted_before_the_circuit_is_made(model, channels, folding):
    network = random_network(model, channels, 1, 1, seed=1, norm="layer", norm_position="pre")
    plan = assess(network, folding, find_device("ecp5-25k"))
    assert plan.multipliers == census(counted_text(network, plan), plan.device.family).multiplier_count(
        plan.device.family
    )


def test_lanes_are_given_up_when_multipliers_are_short():
    network = random_network("s4d", 2, 2, 1, seed=1)
    # One of the array, one of the gate: one is left for the mixer.
    plan = plan_network(network, replace(find_device("up5k"), dsps=3))
    assert plan.layers[0].lanes == 1
    assert plan.multipliers == 3


def test_multipliers_that_would_wait_for_a_unit_are_spared():
    network = random_network("gsu", 2, 1, 1, seed=1)
    plan = plan_network(network, find_device("up5k"))
    assert plan.layers[0].array.multipliers == 1
    # The norm of a step takes longer than the ten products of two channels.
    assert plan.cycles_per_step > 10
    more = assess(
        network, Folding((LayerFolding(ArrayFolding(4), 2),), encoder_bits=None), find_device("ecp5-25k")
    )
    assert more.cycles_per_step == plan.cycles_per_step


@pytest.mark.parametrize(
    ("features", "modes", "bits"),
    [(1, 9, 1), (1, 8, 2), (1, 5, 2), (1, 4, None), (2, 19, 1), (2, 11, 2), (2, 10, None)],
)
def test_the_encoder_is_the_smallest_that_keeps_up(features, modes, bits):
    """An array of four multipliers takes a cycle more than its modes; a product takes 10 cycles, 6 or 1."""
    network = random_network("prf", 3, modes, 1, seed=1, features=features)
    plan = plan_network(network, find_device("up5k"))
    assert plan.cycles_per_step == 3 * (modes + 1)
    assert plan.encoder_bits == bits


def test_what_is_short_is_told_of_the_smallest_circuit():
    with pytest.raises(StatespikeError, match=r"needs 3 multipliers where 2 can be used \(1 too many\)"):
        plan_network(random_network("s4d", 2, 2, 1, seed=1), replace(find_device("up5k"), dsps=2))


def test_the_smallest_circuit_that_reaches_a_rate():
    network, roomy = random_network("binary_s4d", 9, 2, 1, seed=1), find_device("ecp5-25k")
    fastest = plan_network(network, roomy)
    rate = fastest.steps_per_second / 5
    slower = plan_network(network, roomy, rate=rate)
    assert rate <= slower.steps_per_second < fastest.steps_per_second
    assert slower.estimate.lut < fastest.estimate.lut
    with pytest.raises(
        StatespikeError,
        match=rf"cannot make 1e\+07 steps .* makes {fastest.steps_per_second:.0f}, "
        f"{fastest.cycles_per_step} cycles",
    ):
        plan_network(network, roomy, rate=1e7)


def test_a_circuit_that_does_not_fit_is_planned_on_request():
    network, narrow = random_network("s4d", 2, 2, 1, seed=1), replace(find_device("up5k"), dsps=2)
    plan = plan_network(network, narrow, oversize=True)
    assert plan.shortfall == ["3 multipliers where 2 can be used (1 too many)"]
    hopeless = replace(narrow, block_rams=0, sprams=0, luts=1)
    assert network.memory_bits > hopeless.memory_bits
    assert plan_network(network, hopeless, oversize=True).layers == plan.layers


def test_components_explain_the_plan():
    network = random_network("binary_s4d", 3, 1, 2, seed=1, norm="layer", norm_position="post")
    plan = plan_network(network, find_device("ecp5-25k"))
    components = explain(network, plan)
    assert sum(one.multipliers for one in components) == plan.multipliers
    assert sum(one.estimate.bram for one in components) == plan.estimate.bram
    assert sum(one.estimate.lut for one in components) == pytest.approx(plan.estimate.lut, rel=0.05)
    paces = [one.cycles_per_step for one in components if one.bottleneck]
    assert paces
    assert set(paces) == {plan.cycles_per_step}
    assert {one.layer for one in components} == {None, 0, 1}


def test_a_sequential_unit_and_a_final_norm_are_explained():
    network = random_network("gsu", 3, 1, 1, seed=1, norm="layer", final_norm="layer")
    folding = Folding((LayerFolding(ArrayFolding(1), 3, sequential=True),), encoder_bits=1)
    components = explain(network, assess(network, folding, find_device("up5k")))
    parallel = {one.name: one.parallel for one in components}
    assert parallel["unit gsu"].startswith("3 lanes, ")
    assert "norm before the pool" in parallel


def test_the_ecp5_streams_a_channel_a_cycle():
    network = random_network("gsu_lean", 12, 3, 1, seed=1)
    plan = plan_network(network, find_device("ecp5-25k"))
    assert plan.streamed
    assert plan.cycles_per_step == 12
    # Four channels a lane; the skip path's, the gate's, the encoder's and the decoder's.
    assert plan.layers[0].array.lanes == 3
    assert plan.multipliers == 3 * 4 + 4
    fewer = plan_network(network, replace(find_device("ecp5-25k"), dsps=8))
    assert (fewer.layers[0].array.lanes, fewer.multipliers) == (1, 8)
    assert fewer.layers[0].lanes < plan.layers[0].lanes


@pytest.mark.parametrize("model", ["gsu", "gsu_lean", "prf"])
def test_choices_are_ranked_by_time(model):
    network, target = random_network(model, 6, 4, 1, seed=1), find_device("ecp5-25k")
    with drafts():
        found = foldings(network, target)
        cycles = [Network(network, folding).cycles_per_step for folding in found]
    times = [
        taken / target.planning_mhz(folding.streamed) for taken, folding in zip(cycles, found, strict=True)
    ]
    assert times == sorted(times)
    streamed = [folding.streamed for folding in found]
    assert streamed == sorted(streamed, reverse=True)
    assert len(set(times)) == len(times)


def test_a_streamed_build_may_take_more_cycles_than_a_slower_small_one():
    network, target = random_network("prf", 7, 4, 1, seed=1), find_device("ecp5-25k")
    with drafts():
        found = foldings(network, target)
        cycles = [Network(network, folding).cycles_per_step for folding in found]
    fastest_small = [folding.streamed for folding in found].index(False)
    assert cycles[fastest_small - 1] > cycles[fastest_small]


@pytest.mark.parametrize(("dsps", "cycles", "in_norm"), [(11, 30, 2), (9, 60, 1)])
def test_products_of_a_norm_take_turns_where_the_pace_allows_it(dsps, cycles, in_norm):
    network = random_network("gsu", 10, 3, 1, seed=1)
    plan = plan_network(network, replace(find_device("ecp5-25k"), dsps=dsps))
    # A lane of four or two multipliers. More: the skip path's, the gate's, the mean's, both ends'.
    assert (plan.cycles_per_step, plan.layers[0].norm_multipliers) == (cycles, in_norm)
    assert plan.multipliers == plan.layers[0].array.multipliers + in_norm + 5
    parallel = {one.name: one.parallel for one in explain(network, plan)}
    assert f"{in_norm} multiplier" in parallel["unit gsu"]


def test_room_for_placement_is_kept():
    """The fullest circuit placed on the UP5K, the GSU of sequential MNIST, and one a little larger."""
    target, estimate = find_device("up5k"), Resources(lut=3874, ff=2952, bram=29, spram=3, dsp=8)
    assert shortfall(estimate, 4944, target) == []
    assert shortfall(estimate, 4986, target) == ["4986 logic cells where 4952 can be used (34 too many)"]


def test_every_kind_of_array_is_as_parallel_as_the_pace_asks():
    """Real modes do with one multiplier where complex ones need two, and are in no streamed build."""
    network = random_network("prf", 3, 4, 2, seed=1, array="s4d,s4d_real")
    plan = plan_network(network, find_device("ecp5-25k"))
    assert not plan.streamed
    assert [layer.array.multipliers for layer in plan.layers] == [4, 2]
    slower = plan_network(network, find_device("ecp5-25k"), rate=plan.clock_mhz * 1e6 / (3 * 9))
    assert slower.cycles_per_step == 3 * 9
    assert [layer.array.multipliers for layer in slower.layers] == [2, 1]


def test_one_kind_of_build_is_planned_on_request():
    network, target = random_network("gsu_lean", 4, 2, 1, seed=1), find_device("ecp5-25k")
    assert plan_network(network, target, streamed=True).streamed
    assert not plan_network(network, target, streamed=False).streamed
    with pytest.raises(StatespikeError, match="has no streamed build on up5k"):
        plan_network(network, find_device("up5k"), streamed=True)


def folded_network(layers: int = 2):
    return with_shared_formats(random_network("gsu_lean", 3, 2, layers, seed=1))


def test_one_block_serves_all_layers_where_the_rate_allows_it():
    network, device = folded_network(), find_device("up5k")
    fastest = plan_network(network, device)
    assert not fastest.folded
    slow = plan_network(network, device, rate=1000)
    assert slow.folded
    assert (slow.multipliers, slow.layers) == (2, (LayerFolding(LeapfrogFolding(1), 1),))
    assert slow.estimate.lut < fastest.estimate.lut
    deep = plan_network(folded_network(4), device, rate=1000)
    # A layer more costs bits of counters.
    assert deep.estimate.lut < slow.estimate.lut + 40
    assert deep.cycles_per_step > 1.9 * slow.cycles_per_step


def test_a_folded_build_can_be_asked_for_or_ruled_out():
    network, device = folded_network(), find_device("up5k")
    folded = plan_network(network, device, folded=True)
    assert folded.folded
    assert not plan_network(network, device, folded=False, rate=1000).folded
    assert [row.name for row in explain(network, folded)][1:3] == ["all layers", "residual FIFO"]
    with pytest.raises(
        StatespikeError, match="cannot serve all layers of this network in turn: it has one layer"
    ):
        plan_network(random_network("gsu_lean", 3, 2, 1, seed=1), device, folded=True)


def test_layers_in_formats_of_their_own_are_not_folded():
    network = random_network("gsu_lean", 3, 2, 2, seed=1)
    with drafts():
        assert not any(folding.folded for folding in foldings(network, find_device("up5k")))
