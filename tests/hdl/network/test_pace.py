"""Steps leave a layer in the cycles that it promises, whatever stands before and behind it."""

import numpy as np
import pytest

from hdl.network.block import ResidualBlock
from hdl.network.folding import LayerFolding
from hdl.primitives.drafts import drafts
from hdl.ssm.component import ArrayFolding
from hdl.ssm.leapfrog import LeapfrogFolding
from tests.hdl.bench import run_stream, step_beats
from tests.networks import random_network

WARM_UP, STEPS = 8, 18
SLACK = 4
"""Cycles by which a step may be early or late: its outputs wait for turns, and nothing comes at the end."""


def cycles_of(block, channels: int, silent: bool = False) -> int:
    """Cycles from the end of one step to that of the last one, in the steady state."""
    values = np.random.default_rng(0).integers(-20000, 20000, (STEPS, channels)) * (not silent)
    got = run_stream(block, step_beats(values, 16), values.size)
    ends = got.cycles[channels - 1 :: channels]
    return ends[-1] - ends[WARM_UP - 1]


def block_of(model: str, channels: int, modes: int, folding: LayerFolding, **norm) -> ResidualBlock:
    array = "s4d" if isinstance(folding.array, LeapfrogFolding) else "s4d_real"
    network = random_network(model, channels, modes, 1, seed=channels + modes, array=array, **norm)
    return ResidualBlock(network.blocks[0], folding)


@pytest.mark.parametrize(
    ("model", "array", "cycles_per_channel"),
    [
        ("s4d", LeapfrogFolding(4), 9), ("spiking_ssm", LeapfrogFolding(4), 9),
        ("spiking_ssm", LeapfrogFolding(3), 11), ("tanh", ArrayFolding(2), 9), ("prf", LeapfrogFolding(4), 9),
    ],
)  # fmt: skip
def test_an_array_keeps_its_pace_before_a_unit_that_holds_each_value(model, array, cycles_per_channel):
    """Of 8 modes: the queue's places are just enough where each value is taken as it comes."""
    channels = 4
    block = block_of(model, channels, 8, LayerFolding(array, channels))
    assert block.least_cycles_per_step == block.cycles_per_step == cycles_per_channel * channels
    taken = cycles_of(block, channels)
    assert abs(taken - (STEPS - WARM_UP) * block.cycles_per_step) <= SLACK


@pytest.mark.parametrize(
    ("model", "channels", "modes", "folding", "norm"),
    [
        # A residual comes in every third cycle; so many more cycles does it take until all sums have left.
        ("prf", 9, 1, LayerFolding(LeapfrogFolding(4), 9), {}),
        ("binary_s4d", 7, 1, LayerFolding(LeapfrogFolding(4), 14), {}),
        # A norm's outputs leave as fast as the array takes them, and its next step waits for that.
        ("gsu_lean", 7, 7, LayerFolding(LeapfrogFolding(2), 2), {"norm": "layer", "norm_position": "pre"}),
        ("prf", 9, 4, LayerFolding(LeapfrogFolding(1), 9), {"norm": "layer", "norm_position": "pre"}),
        # A norm takes a sum in every fourth cycle.
        ("gsu", 8, 1, LayerFolding(LeapfrogFolding(4), 4), {"norm": "layer", "norm_position": "post"}),
    ],
)
@pytest.mark.parametrize("silent", [False, True])
def test_a_layer_never_exceeds_the_cycles_it_promises(model, channels, modes, folding, norm, silent):
    block = block_of(model, channels, modes, folding, **norm)
    taken = cycles_of(block, channels, silent)
    assert block.least_cycles_per_step * (STEPS - WARM_UP) - SLACK <= taken
    assert taken <= block.cycles_per_step * (STEPS - WARM_UP) + SLACK


@pytest.mark.parametrize("lanes", [1, 4, 8])
def test_a_unit_before_a_slower_component_promises_more(lanes):
    network = random_network("gsu", 8, 1, 1, seed=1)
    with drafts():
        alone, before_a_pool = (
            ResidualBlock(network.blocks[0], LayerFolding(LeapfrogFolding(4), lanes), taken_in=cycles)
            for cycles in (1, 4)
        )
        assert alone.cycles_per_step < before_a_pool.cycles_per_step
        assert alone.least_cycles_per_step == before_a_pool.least_cycles_per_step
