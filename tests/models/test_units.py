"""Surrogates and units: values against the equations as the papers print them."""

import math

import numpy as np
import pytest
import torch

from models.surrogates import SURROGATES, spike, surrogate
from models.ternary import ternarise
from models.units import UNITS
from quantize.constants import THRESHOLD
from quantize.errors import StatespikeError


def theta(x):
    return (x > 0).astype(np.float64)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fast_sigmoid", lambda x: 1 / (1 + 25 * abs(x)) ** 2),
        ("arctan", lambda x: 1 / (1 + (math.pi * x) ** 2)),
        ("triangle", lambda x: max(0.0, 1 - abs(x))),
        ("straight_through", lambda x: float(abs(x) <= 1)),
    ],
)
def test_spike_is_strict_and_has_the_gradient_of_its_surrogate(name, expected):
    x = torch.tensor([-1.5, -1.0, -0.02, 0.0, 0.02, 0.7, 2.0], requires_grad=True)
    fired = spike(x, surrogate(name))
    assert fired.tolist() == [0, 0, 0, 0, 1, 1, 1]
    (gradient,) = torch.autograd.grad(fired.sum(), x)
    np.testing.assert_allclose(gradient, [expected(v) for v in x.tolist()], rtol=1e-6)


def test_unknown_surrogate_names_the_known_ones():
    with pytest.raises(
        StatespikeError, match=r"unknown surrogate 'relu'; choose one of fast_sigmoid, arctan"
    ):
        surrogate("relu")


@pytest.mark.parametrize("name", SURROGATES)
def test_surrogates_are_even(name):
    x = torch.linspace(-2, 2, 41)
    torch.testing.assert_close(SURROGATES[name](x), SURROGATES[name](-x))


@pytest.mark.parametrize("name", SURROGATES)
@pytest.mark.parametrize("shape", [(1,), (7, 5), (2, 9, 4), (5000, 3)])
def test_ternary_values_and_gradients_equal_four_plain_thetas(name, shape):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(shape, generator=generator, dtype=torch.float64)
    derivative = surrogate(name)
    threshold = 0.15 * x.abs().amax(-1, keepdim=True)
    plain = spike(x - threshold, derivative) - spike(-x - threshold, derivative)
    fused = ternarise(x, derivative)
    torch.testing.assert_close(fused, plain)
    (expected,) = torch.autograd.grad((plain * weight).sum(), x)
    (found,) = torch.autograd.grad((fused * weight).sum(), x)
    torch.testing.assert_close(found, expected)


def test_ternary_of_silence_is_silence():
    silent = torch.zeros(2, 3, requires_grad=True)
    result = ternarise(silent, surrogate("arctan"))
    (gradient,) = torch.autograd.grad(result.sum(), silent)
    assert result.tolist() == [[0, 0, 0], [0, 0, 0]]
    assert torch.isfinite(gradient).all()


def test_threshold_is_exactly_three_twentieths():
    assert (THRESHOLD.numerator, THRESHOLD.denominator) == (3, 20)


def test_gated_spiking_unit_follows_the_paper_literally():
    torch.manual_seed(5)
    channels = 6
    unit = UNITS["gsu"](channels, surrogate("fast_sigmoid")).double()
    torch.nn.init.normal_(unit.norm.weight)
    torch.nn.init.normal_(unit.norm.bias)
    batch = torch.randn(4, 11, channels, dtype=torch.float64)
    weight, bias = unit.weight.detach().numpy(), unit.bias.detach().numpy()
    scale, offset = unit.norm.weight.detach().numpy(), unit.norm.bias.detach().numpy()
    weight_threshold = 0.15 * np.abs(weight).max()
    ternary_weight = theta(weight - weight_threshold) - theta(-weight - weight_threshold)
    found = unit(batch).detach().numpy()
    for sequence in range(4):
        for t in range(11):
            y = batch[sequence, t].numpy()
            threshold = 0.15 * np.abs(y).max()
            ternary = theta(y - threshold) - theta(-y - threshold)
            product = np.empty(channels)
            for j in range(channels):
                current = sum(ternary[i] * weight[i, j] for i in range(channels)) + bias[j]
                gate = sum(y[i] * ternary_weight[i, j] for i in range(channels))
                product[j] = current * gate
            normal = (product - product.mean()) / np.sqrt(product.var() + 1e-5) * scale + offset
            expected = [v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in normal]
            np.testing.assert_allclose(found[sequence, t], expected, rtol=1e-9, atol=1e-12)


def test_binary_unit_follows_the_paper():
    torch.manual_seed(6)
    unit = UNITS["binary_s4d"](3, surrogate("arctan")).double()
    y = torch.randn(5, 3, dtype=torch.float64)
    spikes = theta(y.numpy())
    value = spikes @ unit.value.weight.detach().numpy().T + unit.value.bias.detach().numpy()
    gate = spikes @ unit.gate.weight.detach().numpy().T + unit.gate.bias.detach().numpy()
    np.testing.assert_allclose(unit(y).detach().numpy(), value / (1 + np.exp(-gate)))
