"""The integrate-and-fire neuron: its equations, and the network that predicts its potential."""

import numpy as np
import pytest
import torch

from statespike.models.kinds import UNITS
from statespike.models.lif import decayed_potential, fire, lif_step
from statespike.models.surrogate_dynamics import (
    WINDOW,
    SurrogateDynamics,
    fit,
    shipped_dynamics,
    spike_agreement,
)
from statespike.models.surrogates import surrogate

TRIANGLE = surrogate("triangle")


def neuron(drive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spikes and decayed potentials of one neuron, as the paper writes them."""
    u, spikes, decayed = 0.0, [], []
    for value in drive:
        decayed.append(0.125 * u)
        before = 0.125 * u + value
        spikes.append(float(before >= 1))
        u = 0.0 if before >= 1 else before
    return np.array(spikes), np.array(decayed)


def drawn(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_both_forms_of_the_neuron_follow_the_paper():
    drive = drawn(2, 60, 3)
    drive[0, 5, 0] = 1 - drive[0, 4, 0] / 8  # next to the threshold
    potential = decayed_potential(drive)
    state = torch.zeros(2, 3, dtype=torch.float64)
    streamed = []
    for t in range(60):
        spikes, state = lif_step(drive[:, t], state, TRIANGLE)
        streamed.append(spikes)
    whole = fire(potential + drive, TRIANGLE)
    assert torch.equal(torch.stack(streamed, 1), whole)
    for sequence in range(2):
        for channel in range(3):
            spikes, decayed = neuron(drive[sequence, :, channel].numpy())
            np.testing.assert_array_equal(whole[sequence, :, channel], spikes)
            np.testing.assert_allclose(potential[sequence, :, channel], decayed, atol=1e-15)


def test_a_potential_at_the_threshold_fires_and_has_the_full_gradient():
    potential = torch.tensor([0.5, 1.0, 1.25, 2.5], requires_grad=True)
    spikes = fire(potential, TRIANGLE)
    assert spikes.tolist() == [0, 1, 1, 1]
    (gradient,) = torch.autograd.grad(spikes.sum(), potential)
    assert gradient.tolist() == [0.5, 1, 0.75, 0]


def test_the_surrogate_network_is_three_causal_convolutions():
    torch.manual_seed(3)
    network = SurrogateDynamics().double()
    drive = drawn(2, 30, 3)
    columns = torch.nn.functional.pad(drive.transpose(1, 2).reshape(6, 1, 30), (WINDOW, 0))[:, :, :-1]
    kernel = network.window.weight[:, None]
    first = torch.relu(torch.nn.functional.conv1d(columns, kernel, network.window.bias))
    hidden = torch.nn.functional.conv1d(first, network.hidden.weight[:, :, None], network.hidden.bias)
    second = torch.relu(hidden + first)
    last = torch.nn.functional.conv1d(second, network.readout.weight[:, :, None], network.readout.bias)
    torch.testing.assert_close(network(drive), last.reshape(2, 3, 30).transpose(1, 2))
    assert sum(parameter.numel() for parameter in network.parameters()) == 153


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 7, 3), (3, 40, 17)])
def test_the_compiled_prediction_is_the_networks_own(shape):
    torch.manual_seed(4)
    drive = drawn(*shape).float()
    for network in (SurrogateDynamics().requires_grad_(False), shipped_dynamics()):
        torch.testing.assert_close(network.predict(drive), network(drive))


def test_the_shipped_network_fires_like_the_neuron():
    assert spike_agreement(shipped_dynamics(), drawn(8, 300, 8).float()) > 0.998
    assert not any(parameter.requires_grad for parameter in shipped_dynamics().parameters())


def test_fitting_the_network_learns_the_neuron():
    drive = drawn(4, 200, 4).float()
    start, after = fit(1, seed=0), fit(60, seed=0)
    assert spike_agreement(after, drive) > max(0.96, spike_agreement(start, drive))


@pytest.mark.parametrize("training", [False, True])
def test_the_gradient_goes_through_the_step_alone(training):
    unit = UNITS["spiking_ssm"](3, TRIANGLE).train(training)
    y = drawn(1, 12, 3).float().requires_grad_()
    (gradient,) = torch.autograd.grad(unit(y)[:, 7].sum(), y)
    assert gradient[:, 7].abs().sum() > 0
    assert gradient[:, :7].abs().sum() == 0


def test_training_and_evaluation_spike_alike():
    torch.manual_seed(2)
    unit = UNITS["spiking_ssm"](16, TRIANGLE)
    torch.nn.init.normal_(unit.log_threshold, std=0.2)
    y = drawn(2, 100, 16).float()
    with torch.no_grad():
        trained, exact = unit.train()(y), unit.eval()(y)
    assert (trained == exact).all(-1).float().mean() > 0.9
