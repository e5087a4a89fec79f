"""Real modes: convolution, recurrence and the written equations agree; what there is not is refused."""

import numpy as np
import pytest
import torch

from quantize.errors import StatespikeError
from statespike.models.ssm import RealStateSpace


@pytest.mark.parametrize("steps", [1, 2, 63, 300])
def test_recurrence_equals_convolution(steps):
    torch.manual_seed(1)
    layer, u = RealStateSpace(5, 4), torch.randn(3, steps, 5)
    with torch.no_grad():
        whole, state = layer(u), layer.initial_state(3)
        for t in range(steps):
            y, state = layer.step(u[:, t], state)
            torch.testing.assert_close(y, whole[:, t], atol=1e-5, rtol=1e-5)


def test_an_impulse_gives_the_written_equations():
    torch.manual_seed(2)
    layer = RealStateSpace(2, 3)
    tensors = {name: value.detach().double().numpy() for name, value in layer.checkpoint_tensors().items()}
    poles = np.exp(-np.exp(tensors["log_dt"])[:, None] * [1.0, 2.0, 3.0])
    inputs = (poles - 1) / -np.array([1.0, 2.0, 3.0])
    expected = np.array([(tensors["C"] * inputs * poles**t).sum(1) for t in range(40)])
    expected[0] += tensors["D"]
    impulse = torch.zeros(1, 40, 2)
    impulse[0, 0] = 1.0
    np.testing.assert_allclose(layer(impulse)[0].detach(), expected, atol=1e-6)


def test_a_gradient_reaches_every_tensor():
    layer = RealStateSpace(3, 2)
    layer(torch.randn(2, 20, 3)).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in layer.parameters())


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        (("bilinear", "lin"), {}, "choose 'zoh' and 'lin'"),
        (("zoh", "spread"), {}, "choose 'zoh' and 'lin'"),
        (("zoh", "lin"), {"pole_sets": 1}, "leave both out"),
        (("zoh", "lin"), {"trained_input": True}, "leave both out"),
    ],
)
def test_what_real_modes_do_not_have_is_refused(arguments, options, sentence):
    with pytest.raises(StatespikeError, match=sentence):
        RealStateSpace(3, 2, *arguments, **options)
