"""What the functions of a network take of its circuit."""

import pytest

from hdl.devices.devices import find_device
from hdl.planning.parts import PARTS, part_of, parts_of
from hdl.planning.planner import plan_network
from tests.networks import random_network


def test_an_instance_belongs_to_what_it_does():
    assert {
        path: part_of(path)
        for path in (
            "layer_0.array.update", "layer_1.array.update.adder", "layer_0.array", "layer_0.array.products",
            "layer_0.unit.activations", "layer_0.unit.spikes", "layer_0.unit.mixer.adder_0",
            "layer_0.unit.mixer.product", "layer_0.unit.gate.outlet", "layer_0.unit.norm.gate",
            "layer_0.norm_before", "norm", "decoder.multiplier", "pool", "encoder", "layer_0.ring", "",
        )
    } == {
        "layer_0.array.update": "state update", "layer_1.array.update.adder": "state update",
        "layer_0.array": "rest of the arrays", "layer_0.array.products": "rest of the arrays",
        "layer_0.unit.activations": "activation", "layer_0.unit.spikes": "activation",
        "layer_0.unit.mixer.adder_0": "mixer", "layer_0.unit.mixer.product": "gate",
        "layer_0.unit.gate.outlet": "gate", "layer_0.unit.norm.gate": "norm",
        "layer_0.norm_before": "norm", "norm": "norm", "decoder.multiplier": "input and output",
        "pool": "input and output", "encoder": "input and output", "layer_0.ring": "path and control",
        "": "path and control",
    }  # fmt: skip


@pytest.mark.parametrize("model", ["gsu", "spiking_ssm"])
def test_parts_make_up_the_whole(model):
    network = random_network(model, 4, 2, 1, seed=0)
    plan = plan_network(network, find_device("up5k"), streamed=False, folded=False)
    found = parts_of(network, plan)
    assert list(found) == list(PARTS)
    whole = plan.estimate
    assert sum(part.lut for part in found.values()) == pytest.approx(whole.lut, rel=0.05)
    for kind in ("bram", "spram", "dsp"):
        assert sum(getattr(part, kind) for part in found.values()) == getattr(whole, kind)
    # One has a norm in its unit, the other a neuron and a gate.
    assert (found["norm"].lut > 0, found["activation"].lut > 0, found["gate"].lut > 0) == (
        (True, False, False) if model == "gsu" else (False, True, True)
    )
