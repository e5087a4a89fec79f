"""Shipped networks take the cycles a step that are promised of them, on every device."""

import numpy as np
import pytest

from hdl.devices.devices import DEVICES
from statespike.library.circuits import plan
from statespike.library.networks import load
from statespike.library.quantising import quantise
from statespike.library.simulation import simulate
from statespike.models.tasks.registry import load_task

SAMPLE = [("digits-prf", "hx8k"), ("digits-gsu", "up5k"), ("digits-s4d", "ecp5-25k")]
MODELS = ("binary_s4d", "gsu", "gsu_lean", "prf", "s4d", "sigmoid", "spiking_ssm", "tanh")
OTHERS = [
    pair for model in MODELS for device in DEVICES if (pair := (f"digits-{model}", device)) not in SAMPLE
]
# In the part of a sequence that is looked at, a step may be late or early by the wait for a turn.
SLACK = 0.1
# So many steps that all buffers are full in the second half, which is what is measured.
STEPS = 1024


@pytest.mark.parametrize(
    ("name", "device"),
    [
        *(pytest.param(*pair, marks=pytest.mark.slow) for pair in SAMPLE),
        *(pytest.param(*pair, marks=pytest.mark.exhaustive) for pair in OTHERS),
    ],
)
def test_a_shipped_network_takes_the_cycles_it_promises(name, device):
    network = quantise(load(name), max_steps=STEPS)
    planned = plan(network, device)
    digit = np.asarray(load_task("digits").test.x[:1])
    x = np.tile(digit, (1, STEPS // digit.shape[1], 1))
    result = simulate(network, x, device=device)
    assert result.bit_exact
    assert planned.least_cycles_per_step - SLACK <= result.cycles_per_step
    assert result.cycles_per_step <= planned.cycles_per_step + SLACK
