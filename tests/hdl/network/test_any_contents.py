# amaranth: UnusedElaboratable=no
"""Circuits whose widths leave room for any contents compute the reference, with the largest ones too."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

import statespike
from hdl.devices.devices import find_device
from hdl.planning.planner import assess, plan_network
from quantize.identity import network_digest
from quantize.network import QuantizedNetwork
from quantize.specification import Specification
from tests.networks import random_network, random_samples

EXTREME = {"position_weight", "velocity_weight", "weight", "skip", "offset", "table", "value", "gate", "bias"}
"""Tables that may hold anything, of arrays, units, the encoder and the decoder."""


def at_the_ends(spec: Any, names: set[str], generator: np.random.Generator) -> Any:
    """A layer with the smallest and the largest words in some of its tables."""
    changes = {}
    for item in fields(spec):
        if item.name in names and "shape" in item.metadata:
            ends = [item.metadata["low"], item.metadata["high"]]
            changes[item.name] = generator.choice(ends, getattr(spec, item.name).shape)
    return replace(spec, **changes)


def with_extreme_contents(network: QuantizedNetwork) -> QuantizedNetwork:
    generator = np.random.default_rng(0)
    blocks = tuple(
        replace(
            block,
            array=at_the_ends(block.array, EXTREME, generator),
            unit=at_the_ends(block.unit, EXTREME - {"bias"}, generator),
        )
        for block in network.blocks
    )
    ends = {name: at_the_ends(getattr(network, name), EXTREME, generator) for name in ("encoder", "decoder")}
    return replace(network, blocks=blocks, **ends)


def test_a_copy_for_any_contents_computes_the_same_and_is_the_same_network():
    network = random_network("gsu_lean", 4, 4, 2, seed=1)
    roomy = network.for_any_contents()
    u = network.inputs(random_samples(2, 5, seed=2))
    assert np.array_equal(roomy.compute(u).logits, network.compute(u).logits)
    assert network_digest(roomy) == network_digest(network)
    assert not network.any_contents
    assert roomy.any_contents
    array = roomy.blocks[0].array
    assert array.lane(0, 2).any_contents
    assert array.accumulator_width >= network.blocks[0].array.accumulator_width


@pytest.mark.parametrize("model", ["gsu_lean", "gsu", "binary_s4d", "prf", "s4d", "spiking_ssm"])
def test_widths_are_those_of_no_contents(model):
    """Whatever the tables hold, and at least what the largest need."""
    network = random_network(model, 4, 4, 1, seed=1)
    extreme = with_extreme_contents(network) if model != "s4d" else network
    names = [
        "accumulator_width", "feedback_width", "gate_width", "bias_path_width", "sum_width", "logit_width",
        "stored_weight_width",
    ]  # fmt: skip
    for (_, roomy), (_, other), (_, own) in zip(
        network.for_any_contents().layers(),
        extreme.for_any_contents().layers(),
        extreme.layers(),
        strict=True,
    ):
        assert isinstance(own, Specification)
        for name in names:
            if hasattr(roomy, name):
                assert getattr(roomy, name) == getattr(other, name) >= getattr(own, name), (own.kind, name)


@pytest.mark.slow
@pytest.mark.cosim
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("model", ["gsu_lean", "gsu", "binary_s4d", "prf"])
def test_the_largest_contents_are_computed(model, streamed):
    network = with_extreme_contents(random_network(model, 4, 4, 2, seed=1)).for_any_contents()
    device = find_device("ecp5-25k" if streamed else "up5k")
    plan = plan_network(network, device, streamed=streamed, oversize=True)
    found = statespike.simulate(network, random_samples(3, 6, seed=9), plan=plan)
    assert found.compared_values > 0
    assert found.mismatches == 0


def test_a_plan_counts_what_loads_the_tables():
    network = random_network("prf", 4, 4, 1, seed=1)
    device = find_device("up5k")
    plan = plan_network(network, device)
    loaded = assess(network.for_any_contents(), plan, device)
    assert loaded.estimate.bram > plan.estimate.bram
    assert loaded.cycles_per_step == plan.cycles_per_step
