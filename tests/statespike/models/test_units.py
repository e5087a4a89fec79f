"""Surrogates and units: values against the equations as the papers print them."""

import math

import numpy as np
import pytest
import torch

from quantize.constants import LEAN_THRESHOLD, THRESHOLD_PARTS, TWENTIETHS
from quantize.errors import StatespikeError
from statespike.models.kinds import UNITS
from statespike.models.surrogates import SURROGATES, spike, surrogate
from statespike.models.ternary import ternarise, ternary


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fast_sigmoid:10", lambda x: 1 / (1 + 10 * abs(x)) ** 2),
        ("arctan:5", lambda x: 2.5 / (1 + (math.pi / 2 * 5 * x) ** 2)),
        ("arctan:2", lambda x: 1 / (1 + (math.pi * x) ** 2)),
    ],
)
def test_a_surrogate_takes_its_sharpness(text, expected):
    x = torch.tensor([-1.5, -0.02, 0.0, 0.3])
    np.testing.assert_allclose(surrogate(text)(x), [expected(v) for v in x.tolist()], rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("triangle:2", "surrogate triangle has no parameter; leave :2 out"),
        ("arctan:", "alpha of arctan is ''; give a number greater than 0"),
        ("arctan:-1", "alpha of arctan is '-1'; give a number greater than 0"),
        ("fast_sigmoid:inf", "slope of fast_sigmoid is 'inf'; give a number greater than 0"),
    ],
)
def test_a_sharpness_that_means_nothing_is_refused(text, sentence):
    with pytest.raises(StatespikeError, match=sentence):
        surrogate(text)


@pytest.mark.parametrize("name", SURROGATES)
def test_surrogates_are_even(name):
    x = torch.linspace(-2, 2, 41)
    torch.testing.assert_close(SURROGATES[name](x), SURROGATES[name](-x))


@pytest.mark.parametrize("name", SURROGATES)
@pytest.mark.parametrize(("shape", "own"), [((1,), ()), ((7, 5), (8,)), ((2, 9, 4), ()), ((5000, 3), ())])
def test_ternary_values_and_gradients_equal_four_plain_thetas(name, shape, own):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(shape, generator=generator, dtype=torch.float64)
    derivative = surrogate(name)
    (share,) = [twentieths / 20 for twentieths in own] or [0.15]
    threshold = share * x.abs().amax(-1, keepdim=True)
    plain = spike(x - threshold, derivative) - spike(-x - threshold, derivative)
    fused = ternarise(x, derivative, *own)
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
    assert (TWENTIETHS, THRESHOLD_PARTS) == (3, 20)


@pytest.mark.parametrize(("share", "own"), [(0.15, ()), (0.35, (7,))])
def test_gated_spiking_unit_follows_the_paper_literally(share, own):
    torch.manual_seed(5)
    channels = 6
    unit = UNITS["gsu"](channels, surrogate("fast_sigmoid"), *own).double()
    torch.nn.init.normal_(unit.norm.weight)
    torch.nn.init.normal_(unit.norm.bias)
    batch = torch.randn(4, 11, channels, dtype=torch.float64)
    weight, bias = unit.weight.detach().numpy(), unit.bias.detach().numpy()
    scale, offset = unit.norm.weight.detach().numpy(), unit.norm.bias.detach().numpy()
    weight_threshold = share * np.abs(weight).max()
    ternary_weight = theta(weight - weight_threshold) - theta(-weight - weight_threshold)
    found = unit(batch).detach().numpy()
    for sequence in range(4):
        for t in range(11):
            y = batch[sequence, t].numpy()
            threshold = share * np.abs(y).max()
            ternary = theta(y - threshold) - theta(-y - threshold)
            product = np.empty(channels)
            for j in range(channels):
                current = sum(ternary[i] * weight[i, j] for i in range(channels)) + bias[j]
                gate = sum(y[i] * ternary_weight[i, j] for i in range(channels))
                product[j] = current * gate
            normal = (product - product.mean()) / np.sqrt(product.var() + 1e-5) * scale + offset
            expected = [v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in normal]
            np.testing.assert_allclose(found[sequence, t], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", SURROGATES)
def test_constant_ternary_threshold_is_two_plain_thetas(name):
    x = torch.tensor([-0.7, -0.5, 0.1, 0.5, 0.6], dtype=torch.float64, requires_grad=True)
    derivative = surrogate(name)
    result = ternary(x, LEAN_THRESHOLD, derivative)
    assert result.tolist() == [-1, 0, 0, 0, 1]
    (gradient,) = torch.autograd.grad(result.sum(), x)
    values = x.detach()
    torch.testing.assert_close(gradient, derivative(values - 0.5) + derivative(values + 0.5))


@pytest.mark.parametrize(("share", "own"), [(0.15, ()), (0.4, (8,))])
@pytest.mark.parametrize("training", [False, True])
def test_lean_unit_needs_no_other_channel_of_the_step_for_its_threshold_and_its_norm(training, share, own):
    torch.manual_seed(7)
    unit = UNITS["gsu_lean"](4, surrogate("fast_sigmoid"), *own).double().train(training)
    for statistic in (unit.norm.weight, unit.norm.bias, unit.norm.running_mean):
        torch.nn.init.normal_(statistic)
    y = torch.randn(2, 5, 4, dtype=torch.float64)
    weight, bias = unit.weight.detach().numpy(), unit.bias.detach().numpy()
    limit = share * np.abs(weight).max()
    ternary_weight = theta(weight - limit) - theta(-weight - limit)
    steps = y.reshape(-1, 4).numpy()
    product = ((theta(steps - 0.5) - theta(-steps - 0.5)) @ weight + bias) * (steps @ ternary_weight)
    if training:
        mean, variance = product.mean(0), product.var(0)
    else:
        mean, variance = unit.norm.running_mean.numpy(), unit.norm.running_var.numpy()
    normal = (product - mean) / np.sqrt(variance + 1e-5)
    expected = np.maximum(normal * unit.norm.weight.detach().numpy() + unit.norm.bias.detach().numpy(), 0)
    np.testing.assert_allclose(unit(y).detach().numpy().reshape(-1, 4), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("model", "activation"),
    [
        ("binary_s4d", theta),
        ("s4d", lambda y: y * (1 + np.vectorize(math.erf)(y / math.sqrt(2))) / 2),
        ("tanh", np.tanh),
        ("sigmoid", lambda y: 1 / (1 + np.exp(-y))),
    ],
)
def test_gated_linear_units_follow_the_paper(model, activation):
    torch.manual_seed(6)
    unit = UNITS[model](3, surrogate("arctan")).double()
    y = torch.randn(2, 5, 3, dtype=torch.float64)
    active = activation(y.numpy())
    value = active @ unit.value.weight.detach().numpy().T + unit.value.bias.detach().numpy()
    gate = active @ unit.gate.weight.detach().numpy().T + unit.gate.bias.detach().numpy()
    np.testing.assert_allclose(unit(y).detach().numpy(), value / (1 + np.exp(-gate)))


def test_resonate_and_fire_mixes_what_passes_one():
    torch.manual_seed(8)
    unit = UNITS["prf"](3, surrogate("arctan")).double()
    y = 2 * torch.randn(2, 5, 3, dtype=torch.float64)
    expected = theta(y.numpy() - 1) @ unit.mix.weight.detach().numpy().T + unit.mix.bias.detach().numpy()
    np.testing.assert_allclose(unit(y).detach().numpy(), expected)


@pytest.mark.parametrize("model", sorted(set(UNITS) - {"spiking_ssm"}))
def test_a_unit_without_memory_has_an_empty_state(model):
    assert UNITS[model](3, surrogate("arctan")).initial_state(5).shape == (5, 0)


@pytest.mark.parametrize("model", ["gsu", "gsu_lean", "binary_s4d", "spiking_ssm", "prf"])
def test_activity_is_the_share_of_activations_that_are_not_zero(model):
    """Over the valid steps alone, in training alone, and with a gradient."""
    torch.manual_seed(0)
    unit = UNITS[model](4, surrogate("triangle"))
    y = torch.randn(2, 6, 4).mul_(2).requires_grad_()
    valid = torch.arange(6) < torch.tensor([[6], [2]])
    unit(y, valid)
    assert unit.activity is None  # nobody asked
    unit.counts_activity = True
    unit.eval()(y, valid)
    assert unit.activity is None
    unit.train()(y, valid)
    share = unit.activity
    kept = {"gsu": lambda: ternarise(y, surrogate("triangle")).abs(),
            "gsu_lean": lambda: ternary(y, LEAN_THRESHOLD, surrogate("triangle")).abs(),
            "binary_s4d": lambda: (y > 0).float(),
            "prf": lambda: (y > 1).float()}  # fmt: skip
    if model in kept:
        assert share.item() == pytest.approx(kept[model]()[valid].mean().item())
    assert 0 < share < 1
    (gradient,) = torch.autograd.grad(share, y)
    assert gradient[0].abs().sum() > 0 and not gradient[1, 2:].any()
