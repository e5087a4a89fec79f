"""Networks in the public layouts, with their own equations, trained a few steps and imported."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from quantize import float_reference
from statespike.models.importers.options import Options
from statespike.models.importers.registry import import_network

FEATURES, CHANNELS, MODES, LAYERS, CLASSES, STEPS = 2, 6, 3, 2, 4, 15


def drawn(*shape):
    return nn.Parameter(torch.randn(*shape))


def convolved(u, kernel):
    """A causal convolution of u (B, H, T) with a kernel (H, T), by FFT."""
    size = 2 * u.shape[-1]
    return torch.fft.irfft(torch.fft.rfft(kernel, size) * torch.fft.rfft(u, size), size)[..., : u.shape[-1]]


def response(c, a, dt, steps):
    """2 Re(sum over n of C (exp(dt A) - 1) / A exp(dt A t)), (H, T): zero-order hold."""
    powers = torch.exp((dt * a)[..., None] * torch.arange(steps))
    return 2 * ((c * (torch.exp(dt * a) - 1) / a)[..., None] * powers).sum(-2).real


class Fire(torch.autograd.Function):
    """A step, with the gradient of a triangle."""

    @staticmethod
    def forward(context, x):
        context.save_for_backward(x)
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(context, gradient):
        (x,) = context.saved_tensors
        return gradient * torch.clamp(1 - x.abs(), min=0)


ACTIVATIONS = {"s4d": functional.gelu, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "binary_s4d": Fire.apply}


# example.py with s4d.py


class S4DKernel(nn.Module):
    def __init__(self):
        super().__init__()
        self.C = drawn(CHANNELS, MODES, 2)
        self.log_dt = nn.Parameter(torch.rand(CHANNELS) * 2 - 4)
        self.log_A_real = nn.Parameter(torch.full((CHANNELS, MODES), math.log(0.5)))
        self.A_imag = nn.Parameter(math.pi * torch.arange(MODES).repeat(CHANNELS, 1))

    def forward(self, steps):
        a = -torch.exp(self.log_A_real) + 1j * self.A_imag
        return response(torch.view_as_complex(self.C), a, torch.exp(self.log_dt)[:, None], steps)


class S4D(nn.Module):
    def __init__(self, activation):
        super().__init__()
        self.D, self.kernel, self.activation = drawn(CHANNELS), S4DKernel(), activation
        self.output_linear = nn.Sequential(nn.Conv1d(CHANNELS, 2 * CHANNELS, 1), nn.GLU(dim=-2))

    def forward(self, u):
        y = convolved(u, self.kernel(u.shape[-1])) + u * self.D[:, None]
        return self.output_linear(self.activation(y))


class LeakyFire(nn.Module):
    """SpikingSSM's neurons: leak 1/8, threshold exp(ln_vth), hard reset."""

    def forward(self, y, threshold):
        potential, spikes = torch.zeros_like(y[..., 0]), []
        for drive in (y / threshold).unbind(-1):
            potential = potential / 8 + drive
            spikes.append(Fire.apply(potential - 1))
            potential = potential * (1 - spikes[-1])
        return torch.stack(spikes, -1)


class SpikingKernel(S4DKernel):
    def __init__(self):
        super().__init__()
        self.C = drawn(1, CHANNELS, MODES, 2)

    def forward(self, steps):
        a = -torch.exp(self.log_A_real) + 1j * self.A_imag
        return response(torch.view_as_complex(self.C)[0], a, torch.exp(self.log_dt)[:, None], steps)


class SpikingS4D(S4D):
    def __init__(self):
        super().__init__(None)
        self.D, self.kernel, self.ln_vth = (
            drawn(1, CHANNELS),
            SpikingKernel(),
            nn.Parameter(torch.zeros(CHANNELS, 1)),
        )
        self.neuron = LeakyFire()

    def forward(self, u):
        y = convolved(u, self.kernel(u.shape[-1])) + u * self.D[0][:, None]
        return self.output_linear(self.neuron(y, torch.exp(self.ln_vth)))


class Example(nn.Module):
    def __init__(self, make, prenorm):
        super().__init__()
        self.prenorm = prenorm
        self.encoder = nn.Linear(FEATURES, CHANNELS)
        self.s4_layers = nn.ModuleList([make() for _ in range(LAYERS)])
        self.norms = nn.ModuleList([nn.LayerNorm(CHANNELS) for _ in range(LAYERS)])
        self.decoder = nn.Linear(CHANNELS, CLASSES)

    def forward(self, x):
        x = self.encoder(x)
        for layer, norm in zip(self.s4_layers, self.norms, strict=True):
            given = norm(x) if self.prenorm else x
            x = x + layer(given.transpose(1, 2)).transpose(1, 2)
            x = x if self.prenorm else norm(x)
        return self.decoder(x.mean(1))


# train.py: S4Block around FFTConv with SSMKernelDiag, in a LightningModule


class SSMKernelDiag(nn.Module):
    def __init__(self):
        super().__init__()
        self.inv_dt = nn.Parameter(torch.rand(CHANNELS, 1) * 2 - 4)
        self.A_real = nn.Parameter(torch.full((CHANNELS, MODES), math.log(0.5)))
        self.A_imag = nn.Parameter(-math.pi * torch.arange(MODES).repeat(CHANNELS, 1))
        self.B, self.C = drawn(1, CHANNELS, MODES, 2), drawn(1, CHANNELS, MODES, 2)

    def forward(self, steps):
        a = -torch.exp(self.A_real) - 1j * self.A_imag
        c = (torch.view_as_complex(self.B) * torch.view_as_complex(self.C))[0]
        return response(c, a, torch.exp(self.inv_dt), steps)


class FFTConv(nn.Module):
    def __init__(self):
        super().__init__()
        self.D, self.kernel = drawn(1, CHANNELS), SSMKernelDiag()

    def forward(self, u):
        return convolved(u, self.kernel(u.shape[-1])) + u * self.D[0][:, None]


class S4Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.output_linear = FFTConv(), nn.Linear(CHANNELS, 2 * CHANNELS)

    def forward(self, u):
        y = functional.gelu(self.layer(u.transpose(1, 2))).transpose(1, 2)
        return functional.glu(self.output_linear(y), -1)


class ResidualBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.norm = S4Block(), nn.LayerNorm(CHANNELS)

    def forward(self, x):
        return x + self.layer(self.norm(x))


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([ResidualBlock() for _ in range(LAYERS)])
        self.norm = nn.LayerNorm(CHANNELS)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.norm(x)


class SequenceDecoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.output_transform = nn.Linear(CHANNELS, CLASSES)

    def forward(self, x):
        return self.output_transform(x.mean(1))


class SequenceModule(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.ModuleList([nn.Linear(FEATURES, CHANNELS)])
        self.model, self.decoder = Backbone(), nn.ModuleList([SequenceDecoder()])

    def forward(self, x):
        return self.decoder[0](self.model(self.encoder[0](x)))


def trained(network):
    """The network after five steps of a training loop, and that it learned in them."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    x, y = torch.randn(8, STEPS, FEATURES), torch.arange(8) % CLASSES
    losses = []
    for _ in range(5):
        loss = functional.cross_entropy(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    return network.eval()


@pytest.mark.parametrize(
    ("make", "options"),
    [
        *(
            (lambda name=name, pre=pre: Example(lambda: S4D(ACTIVATIONS[name]), pre),
             {"model": name, "norm_position": "pre" if pre else "post"})
            for name in ACTIVATIONS for pre in (False, True)
        ),
        (lambda: Example(SpikingS4D, True), {}),
        (SequenceModule, {}),
    ],
)  # fmt: skip
def test_a_trained_network_is_imported_with_its_own_equations(make, options, tmp_path):
    torch.manual_seed(11)
    network = trained(make())
    torch.save({"state_dict": network.state_dict()}, tmp_path / "theirs.ckpt")
    found = import_network(tmp_path / "theirs.ckpt", "", Options(**options), {})
    x = torch.randn(4, STEPS, FEATURES, dtype=torch.float64)
    with torch.no_grad():
        expected = network.double()(x).numpy()
    got = float_reference.forward(found.checkpoint, x.numpy())["logits"]
    assert np.abs(got - expected).max() < 1e-5 * np.abs(expected).max()
