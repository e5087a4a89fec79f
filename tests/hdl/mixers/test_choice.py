"""The planner of mixers takes the cheapest build for the cycles that there are, by estimates that hold."""

import numpy as np
import pytest

from boards.toolchain import synthesise
from hdl.mixers.choice import cheapest, mixer_choices
from hdl.parts import part
from hdl.verilog import rtlil_text
from quantize.errors import StatespikeError
from quantize.mixing import AdderGraph, TernaryProduct, adder_graph


@pytest.fixture(scope="module")
def graph() -> AdderGraph:
    table = np.random.default_rng(0).choice([-1, 0, 1], p=[0.25, 0.5, 0.25], size=(24, 24))
    return adder_graph(TernaryProduct(table, 8), rounds=20)


@pytest.mark.parametrize("family", ["ice40", "ecp5"])
def test_more_cycles_never_cost_more(graph, family):
    choices = mixer_choices(graph, family)
    costs = [cheapest(choices, budget).estimate.lut for budget in range(1, 700)]
    assert costs == sorted(costs, reverse=True)
    builds = [cheapest(choices, budget).build for budget in (1, 14, 700)]
    assert builds == ["parallel", "serial", "table"]


def test_event_mixers_follow_the_activity(graph):
    worst, quiet = (
        {
            choice.lanes: choice.cycles
            for choice in mixer_choices(graph, "ice40", activity)
            if choice.build == "event"
        }
        for activity in (1.0, 0.1)
    )
    assert quiet[6] < worst[6]
    assert min(quiet.values()) >= graph.product.inputs, "collecting takes a cycle an input"


def test_too_few_cycles_are_told(graph):
    slow = [choice for choice in mixer_choices(graph, "ice40") if choice.build == "serial"]
    message = f"no mixer takes 3 cycles a product; the fastest takes {slow[0].cycles}"
    with pytest.raises(StatespikeError, match=message):
        cheapest(slow, 3)


def test_choices_become_the_components_they_speak_of(graph):
    for choice in [choice for choice in mixer_choices(graph, "ice40") if choice.lanes in (None, 1, 6)]:
        component = choice.component(graph, "ice40")
        rtlil_text(component)
        assert getattr(component, "lanes", None) == choice.lanes
        assert component.cycles_per_product <= choice.cycles


@pytest.mark.synth
@pytest.mark.parametrize(
    ("name", "build", "lanes"),
    [("hx8k", "parallel", None), ("hx8k", "serial", None), ("hx8k", "event", 6), ("ecp5-25k", "table", 12)],
)
def test_estimates_hold(graph, name, build, lanes, tmp_path):
    on = part(name)
    choice = next(c for c in mixer_choices(graph, on.family) if (c.build, c.lanes) == (build, lanes))
    design = rtlil_text(choice.component(graph, on.family))
    found = synthesise(design, on, tmp_path, no_collisions=True).resources
    assert abs(choice.estimate.lut / found.lut - 1) < 0.2, f"{choice} {found}"
    assert abs(choice.estimate.ff / found.ff - 1) < 0.2, f"{choice} {found}"
    assert choice.estimate.bram == found.bram
