"""The state-space layer: its two forms agree, and the fast convolution has the gradients of the plain one."""

import math

import numpy as np
import pytest
import torch

from quantize.errors import StatespikeError
from statespike.models.convolution import causal_convolution, fast_length
from statespike.models.ssm import DiagonalStateSpace, initial_poles

FORMS = [(kind, start) for kind in ("zoh", "bilinear") for start in ("lin", "inv")]


def make_layer(
    discretisation: str, initialisation: str, channels: int = 5, modes: int = 4
) -> DiagonalStateSpace:
    torch.manual_seed(3)
    return DiagonalStateSpace(channels, modes, discretisation, initialisation)


@pytest.mark.parametrize(("discretisation", "initialisation"), FORMS)
@pytest.mark.parametrize("steps", [1, 2, 63, 131, 784])
def test_recurrence_equals_convolution(discretisation, initialisation, steps):
    layer = make_layer(discretisation, initialisation)
    u = torch.randn(3, steps, 5)
    with torch.no_grad():
        whole = layer(u)
        state = layer.initial_state(3)
        for t in range(steps):
            y, state = layer.step(u[:, t], state)
            difference = (y - whole[:, t]).abs().max()
            assert difference <= 1e-5 * max(1, whole.abs().max()), f"step {t} differs by {difference}"


@pytest.mark.parametrize(("discretisation", "initialisation"), FORMS)
def test_kernel_is_the_impulse_response_of_the_written_equations(discretisation, initialisation):
    layer = make_layer(discretisation, initialisation, channels=2, modes=3)
    poles = -np.exp(layer.log_A_real.detach().numpy()) + 1j * layer.A_imag.detach().numpy()
    step = np.exp(layer.log_dt.detach().numpy())[:, None]
    readout = layer.C.detach().numpy() @ np.array([1, 1j])
    if discretisation == "zoh":
        discrete, inputs = np.exp(step * poles), (np.exp(step * poles) - 1) / poles
    else:
        discrete, inputs = (1 + step * poles / 2) / (1 - step * poles / 2), step / (1 - step * poles / 2)
    expected = [2 * (readout * inputs * discrete**t).sum(1).real for t in range(50)]
    np.testing.assert_allclose(layer.kernel(50).detach().numpy(), np.transpose(expected), atol=1e-6)


def test_tied_poles_and_a_trained_input_give_the_layer_of_their_checkpoint():
    torch.manual_seed(4)
    layer = DiagonalStateSpace(6, 3, "bilinear", "inv", pole_sets=2, trained_input=True)
    torch.nn.init.normal_(layer.B)
    torch.nn.init.normal_(layer.log_A_real)
    plain = DiagonalStateSpace(6, 3, "bilinear", "inv")
    plain.load_state_dict(layer.checkpoint_tensors())
    assert torch.equal(plain.A_imag[0], plain.A_imag[4])
    torch.testing.assert_close(plain.kernel(40), layer.kernel(40))
    u = torch.randn(2, 9, 6)
    torch.testing.assert_close(plain(u), layer(u))


def test_channels_that_cannot_share_the_sets_are_refused():
    with pytest.raises(StatespikeError, match="6 channels cannot share 4 sets of poles; choose a divisor"):
        DiagonalStateSpace(6, 3, "zoh", "lin", pole_sets=4)


def test_initial_poles_follow_the_paper():
    np.testing.assert_allclose(
        initial_poles("lin", 2, 3).numpy(), [[-0.5, -0.5 + 1j * math.pi, -0.5 + 2j * math.pi]] * 2
    )
    order = 6
    inverse = [-0.5 + 1j * order / math.pi * (order / (2 * n + 1) - 1) for n in range(3)]
    np.testing.assert_allclose(initial_poles("inv", 2, 3).numpy(), [inverse] * 2)
    spread = initial_poles("spread", 2, 2).numpy()
    np.testing.assert_allclose(spread, -0.5 + 1j * math.pi * np.array([[0, 2], [1, 3]]))
    with pytest.raises(ValueError, match="unknown initialisation 'legs'"):
        initial_poles("legs", 2, 3)


@pytest.mark.parametrize(("batch", "steps"), [(1, 1), (3, 7), (5, 64), (9, 97)])
def test_hand_written_gradients_equal_autograd(batch, steps):
    generator = torch.Generator().manual_seed(steps)
    u = torch.randn(batch, steps, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    taps = torch.randn(3, steps, generator=generator, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(batch, steps, 3, generator=generator, dtype=torch.float64)

    def plain(u, taps):
        length = 2 * steps
        spectrum = torch.fft.rfft(u, n=length, dim=1) * torch.fft.rfft(taps, n=length).T
        return torch.fft.irfft(spectrum, n=length, dim=1)[:, :steps]

    fast_result, plain_result = causal_convolution(u, taps), plain(u, taps)
    torch.testing.assert_close(fast_result, plain_result)
    fast_gradients = torch.autograd.grad((fast_result * weight).sum(), (u, taps))
    plain_gradients = torch.autograd.grad((plain_result * weight).sum(), (u, taps))
    torch.testing.assert_close(fast_gradients, plain_gradients)


def test_kernel_gradients_equal_those_of_one_exponential_a_step():
    layer = make_layer("zoh", "lin")
    steps = 45
    weight = torch.randn(5, steps)
    parameters = [layer.C, layer.log_dt, layer.log_A_real, layer.A_imag]
    fast = torch.autograd.grad((layer.kernel(steps) * weight).sum(), parameters)
    exponent, readout = layer.discretise()
    powers = torch.exp(exponent[..., None] * torch.arange(steps))
    plain_kernel = 2 * (readout[..., None] * powers).sum(1).real
    plain = torch.autograd.grad((plain_kernel * weight).sum(), parameters)
    torch.testing.assert_close(fast, plain, rtol=1e-4, atol=1e-4)


def test_fast_lengths_are_even_and_smooth():
    assert [fast_length(n) for n in (1, 11, 127, 1567)] == [2, 12, 128, 1568]
