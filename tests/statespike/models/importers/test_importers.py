"""Importers: a plain module written from the published equations and its checkpoint give equal logits."""

import math

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from quantize import float_reference
from quantize.checkpoint import read_checkpoint, write_checkpoint
from quantize.configuration import UNIT_TENSORS, NetworkConfig
from quantize.errors import StatespikeError
from statespike.models.importers.options import Options
from statespike.models.importers.registry import import_network
from statespike.models.importers.state_dict import ImportFailure, read_tensors
from statespike.models.network import Network

FEATURES, CHANNELS, MODES, LAYERS, CLASSES, STEPS = 2, 6, 4, 2, 5, 23


class PlainKernel(nn.Module):
    """The parameters of a diagonal state-space model."""

    def __init__(self):
        super().__init__()
        self.C = nn.Parameter(torch.randn(CHANNELS, MODES, 2))
        self.log_dt = nn.Parameter(torch.empty(CHANNELS).uniform_(math.log(1e-3), math.log(1e-1)))
        self.log_A_real = nn.Parameter(torch.log(torch.empty(CHANNELS, MODES).uniform_(0.3, 0.8)))
        self.A_imag = nn.Parameter(
            math.pi * torch.arange(MODES).repeat(CHANNELS, 1) + torch.rand(CHANNELS, 1)
        )


class PlainS4D(nn.Module):
    """x[t] = Abar x[t-1] + Bbar u[t], y = 2 Re(C x) + D u, step by step; GELU; gated linear unit."""

    def __init__(self):
        super().__init__()
        self.D = nn.Parameter(torch.randn(CHANNELS))
        self.kernel = PlainKernel()
        self.output_linear = nn.Sequential(nn.Conv1d(CHANNELS, 2 * CHANNELS, 1), nn.GLU(dim=-2))

    def forward(self, u):
        """(B, H, T) to (B, H, T)."""
        kernel = self.kernel
        pole = -kernel.log_A_real.exp() + 1j * kernel.A_imag
        discrete = torch.exp(kernel.log_dt.exp()[:, None] * pole)
        drive = (discrete - 1) / pole
        readout = torch.view_as_complex(kernel.C)
        state = torch.zeros(len(u), CHANNELS, MODES, dtype=discrete.dtype)
        outputs = []
        for t in range(u.shape[-1]):
            state = discrete * state + drive * u[:, :, t, None]
            outputs.append(2 * (readout * state).sum(-1).real + self.D * u[:, :, t])
        return self.output_linear(nn.functional.gelu(torch.stack(outputs, -1)))


class PlainNetwork(nn.Module):
    """The backbone of the public example, with the names of its tensors."""

    def __init__(self, prenorm):
        super().__init__()
        self.prenorm = prenorm
        self.encoder = nn.Linear(FEATURES, CHANNELS)
        self.s4_layers = nn.ModuleList(PlainS4D() for _ in range(LAYERS))
        self.norms = nn.ModuleList(nn.LayerNorm(CHANNELS) for _ in range(LAYERS))
        self.decoder = nn.Linear(CHANNELS, CLASSES)
        for norm in self.norms:
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.normal_(norm.bias)

    def forward(self, x):
        """(B, T, F) to (B, classes)."""
        hidden = self.encoder(x)
        for layer, norm in zip(self.s4_layers, self.norms, strict=True):
            given = norm(hidden) if self.prenorm else hidden
            hidden = hidden + layer(given.transpose(1, 2)).transpose(1, 2)
            hidden = hidden if self.prenorm else norm(hidden)
        return self.decoder(hidden.mean(1))


def plain(prenorm=False):
    torch.manual_seed(6)
    return PlainNetwork(prenorm)


@pytest.fixture
def state():
    """The state dict of a plain network."""
    return plain().state_dict()


@pytest.mark.parametrize("prenorm", [False, True])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_an_imported_s4d_network_computes_what_the_plain_module_computes(prenorm, suffix, tmp_path):
    network = plain(prenorm)
    path = tmp_path / f"theirs{suffix}"
    if suffix == ".pt":
        torch.save({"model": network.state_dict(), "acc": 91.5, "epoch": 3}, path)
    else:
        save_file({f"module.{name}": value for name, value in network.state_dict().items()}, path)
    options = Options(norm_position="pre") if prenorm else Options()
    write_checkpoint(tmp_path / "ours.safetensors", import_network(path, "s4d", options, {"task": "smnist"}))
    checkpoint = read_checkpoint(tmp_path / "ours.safetensors")
    assert checkpoint.config == NetworkConfig(
        "s4d",
        FEATURES,
        CHANNELS,
        MODES,
        LAYERS,
        CLASSES,
        norm="layer",
        norm_position="pre" if prenorm else "post",
    )
    x = torch.randn(3, STEPS, FEATURES)
    with torch.no_grad():
        expected = network(x).numpy()
        np.testing.assert_allclose(Network.from_checkpoint(checkpoint)(x), expected, rtol=0, atol=1e-4)
    found = float_reference.forward(checkpoint, x.double().numpy())["logits"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("model", UNIT_TENSORS)
def test_a_state_dict_of_our_own_network(model, tmp_path):
    torch.manual_seed(7)
    config = NetworkConfig(model, FEATURES, CHANNELS, MODES, LAYERS, CLASSES, "bilinear", pooling="last")
    network = Network(config)
    network(torch.randn(4, STEPS, FEATURES))  # statistics of the norms
    network.eval()
    torch.save(network.state_dict(), tmp_path / "ours.pt")
    options = Options(model, pooling="last", discretisation="bilinear")
    checkpoint = import_network(tmp_path / "ours.pt", "statespike", options, {})
    assert checkpoint.config == config
    x = torch.randn(3, STEPS, FEATURES)
    with torch.no_grad():
        np.testing.assert_array_equal(Network.from_checkpoint(checkpoint)(x), network(x))


def test_the_model_is_asked_for_only_where_the_tensors_leave_it_open(tmp_path):
    path = tmp_path / "ours.pt"
    for model, sentence in (("gsu", ""), ("s4d", "suit the models binary_s4d, s4d, tanh, sigmoid")):
        torch.save(Network(NetworkConfig(model, 1, 3, 2, 1, 2)).state_dict(), path)
        if sentence:
            with pytest.raises(ImportFailure, match=sentence):
                import_network(path, "statespike", Options(), {})
        else:
            assert import_network(path, "statespike", Options(), {}).config.model == model
    with pytest.raises(ImportFailure, match=r"are those of binary_s4d or s4d .*, not of gsu; check --from"):
        import_network(path, "statespike", Options(model="gsu"), {})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s.pop("s4_layers.1.D"), "tensor s4_layers.1.D is missing; an S4D network .* needs it"),
        (lambda s: s.update({"norms.0.bias": torch.zeros(3)}), r"norms.0.bias has shape \(3,\)"),
        (lambda s: s.update({"norms.2.bias": torch.zeros(6)}), "has no place for norms.2.bias"),
        (
            lambda s: s.update({"s4_layers.0.kernel.C": torch.zeros(2, 6, 4, 2)}),
            "in an S4D network .* 3 axes",
        ),
        (lambda s: s.clear(), "holds no named tensors"),
        (lambda s: s.update(epoch=3), "epoch is no tensor"),
    ],
)
def test_what_is_no_such_network_is_refused(state, change, sentence, tmp_path):
    change(state)
    torch.save(state, tmp_path / "theirs.pt")
    with pytest.raises(ImportFailure, match=sentence):
        import_network(tmp_path / "theirs.pt", "s4d", Options(), {})


def test_options_that_the_kind_settles_are_refused(state, tmp_path):
    torch.save(state, tmp_path / "theirs.pt")
    with pytest.raises(ImportFailure, match="leave --model and --discretisation out"):
        import_network(tmp_path / "theirs.pt", "s4d", Options(discretisation="bilinear"), {})
    with pytest.raises(StatespikeError, match="unknown kind of file 'jax'; choose one of s4d, statespike"):
        import_network(tmp_path / "theirs.pt", "jax", Options(), {})


def test_complex_tensors_become_pairs(tmp_path):
    torch.save({"C": torch.tensor([1 + 2j])}, tmp_path / "complex.pt")
    assert read_tensors(tmp_path / "complex.pt")["C"].tolist() == [[1.0, 2.0]]


class Hostile:
    """Would run code when unpickled."""

    def __reduce__(self):
        return (print, ("unpickled",))


def test_a_file_with_code_is_never_unpickled(tmp_path, capsys):
    torch.save({"encoder.weight": Hostile()}, tmp_path / "theirs.pt")
    with pytest.raises(ImportFailure, match=r"not a file of plain tensors .*torch.save\(model.state_dict"):
        read_tensors(tmp_path / "theirs.pt")
    assert "unpickled" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["theirs.pt", "theirs.safetensors"])
def test_files_that_are_broken_or_missing(name, tmp_path):
    with pytest.raises(ImportFailure, match="no such file"):
        read_tensors(tmp_path / name)
    (tmp_path / name).write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(ImportFailure, match="not a "):
        read_tensors(tmp_path / name)
