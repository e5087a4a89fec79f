"""The planner of mixers takes the cheapest build for the cycles that there are, by estimates that hold."""

import numpy as np
import pytest

from hdl.devices.devices import find_device
from hdl.devices.ecp5 import ECP5
from hdl.devices.ice40 import ICE40
from hdl.mixers.cheapest import cheapest, mixer_builds
from hdl.primitives.drafts import drafts
from hdl.toolchain import synthesise
from hdl.toolchain.verilog import rtlil_text
from quantize.errors import StatespikeError
from quantize.mixing import AdderGraph, TernaryProduct, adder_graph


def graph_of(*shape: int) -> AdderGraph:
    """Of a matrix drawn with half of its entries zero."""
    table = np.random.default_rng(0).choice([-1, 0, 1], p=[0.25, 0.5, 0.25], size=shape)
    return adder_graph(TernaryProduct(table, 8), rounds=20)


@pytest.fixture(scope="module")
def graph() -> AdderGraph:
    return graph_of(24, 24)


@pytest.mark.parametrize("family", [ICE40, ECP5])
def test_more_cycles_never_cost_more(graph, family):
    choices = mixer_builds(graph, family)
    costs = [cheapest(choices, budget).estimate.lut for budget in range(1, 700)]
    assert costs == sorted(costs, reverse=True)
    builds = [cheapest(choices, budget).build for budget in (1, 14, 700)]
    assert builds == ["parallel", "serial", "table"]


@pytest.mark.parametrize("family", [ICE40, ECP5])
@pytest.mark.parametrize("shape", [(3, 2), (24, 24), (13, 40), (64, 64)])
def test_choices_are_on_the_lower_edge(shape, family):
    """No build is as fast as the chosen one with fewer look-up tables, or as small and faster."""
    choices = mixer_builds(graph_of(*shape), family)
    for budget in range(1, 4097):
        chosen = cheapest(choices, budget)
        assert chosen.cycles <= budget
        for other in choices:
            if other.cycles <= budget:
                assert (other.estimate.lut, other.cycles) >= (chosen.estimate.lut, chosen.cycles), f"{budget}"
            if other.estimate.lut <= chosen.estimate.lut:
                assert other.cycles >= chosen.cycles


def test_event_mixers_follow_the_activity(graph):
    worst, quiet = (
        {
            choice.lanes: choice.cycles
            for choice in mixer_builds(graph, ICE40, activity)
            if choice.build == "event"
        }
        for activity in (1.0, 0.1)
    )
    assert quiet[6] < worst[6]
    assert min(quiet.values()) >= graph.product.inputs, "collecting takes a cycle an input"


def test_too_few_cycles_are_told(graph):
    slow = [choice for choice in mixer_builds(graph, ICE40) if choice.build == "serial"]
    message = f"no mixer takes 3 cycles a product; the fastest takes {slow[0].cycles}"
    with pytest.raises(StatespikeError, match=message):
        cheapest(slow, 3)


def test_choices_become_the_components_they_speak_of(graph):
    for choice in [choice for choice in mixer_builds(graph, ICE40) if choice.lanes in (None, 1, 6)]:
        component = choice.component(graph, ICE40)
        rtlil_text(component)
        assert getattr(component, "lanes", None) == choice.lanes
        assert component.cycles_per_product <= choice.cycles


def test_trits_are_packed_where_a_memory_block_counts():
    graph = graph_of(64, 64)
    choices = mixer_builds(graph, ICE40)
    plain, packed = (
        next(choice for choice in choices if choice.name == f"table, 10 lanes{how}")
        for how in ("", ", packed")
    )
    assert packed.estimate.bram == plain.estimate.bram - 1
    assert packed.estimate.lut > plain.estimate.lut
    with drafts():
        assert packed.cycles == plain.cycles == packed.component(graph, ICE40).cycles_per_product
    assert cheapest([packed, plain], 500) == plain
    assert cheapest([packed, plain], 500, block_worth=100) == packed
    assert not any(cheapest(choices, budget).packed for budget in range(1, 4097))


@pytest.mark.synth
@pytest.mark.parametrize(
    ("shape", "name", "build"),
    [
        pytest.param((24, 24), "hx8k", "parallel", marks=pytest.mark.slow),
        pytest.param((24, 24), "hx8k", "serial", marks=pytest.mark.slow),
        ((24, 24), "hx8k", "event, 6 lanes"),
        pytest.param((24, 24), "ecp5-25k", "parallel", marks=pytest.mark.slow),
        ((24, 24), "ecp5-25k", "table, 12 lanes"),
        pytest.param((16, 40), "hx8k", "parallel", marks=pytest.mark.slow),
        pytest.param((40, 16), "hx8k", "table, 8 lanes", marks=pytest.mark.slow),
        pytest.param((64, 64), "hx8k", "table, 10 lanes, packed", marks=pytest.mark.slow),
        ((16, 40), "ecp5-25k", "serial"),
    ],
)
def test_estimates_hold(shape, name, build, tmp_path):
    on, graph = find_device(name), graph_of(*shape)
    choice = next(choice for choice in mixer_builds(graph, on.family) if choice.name == build)
    design = rtlil_text(choice.component(graph, on.family))
    found = synthesise(design, on, tmp_path, no_collisions=True, wide_tables=choice.wide_tables).resources
    assert abs(choice.estimate.lut / found.lut - 1) < 0.2, f"{choice} {found}"
    assert abs(choice.estimate.ff / found.ff - 1) < 0.2, f"{choice} {found}"
    assert choice.estimate.bram == found.bram
