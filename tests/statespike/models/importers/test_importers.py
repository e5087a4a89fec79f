"""Importers: networks from the published equations, in every layout, give the logits of those equations."""

import argparse
import re

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from quantize import float_reference
from quantize.checkpoint import read_checkpoint, write_checkpoint
from quantize.configuration import MODELS, NetworkConfig
from quantize.errors import StatespikeError
from statespike.models.importers.agreement import agreement
from statespike.models.importers.failure import ImportFailure
from statespike.models.importers.options import Options
from statespike.models.importers.registry import import_network
from statespike.models.network import Network
from tests.statespike.models.importers.plain import Plain, drawn_inputs


def imported(state, tmp_path, name="theirs.pt", **options):
    """What an importer makes of an object in a file."""
    save_file(state, tmp_path / name) if name.endswith("safetensors") else torch.save(state, tmp_path / name)
    return import_network(tmp_path / name, "", Options(**options), {})


def assert_equal(plain, found, tolerance=1e-6):
    """The logits of the equations, to rounding in single precision."""
    x = drawn_inputs(plain.features)
    expected = plain.logits(x)
    got = float_reference.forward(found.checkpoint, x)["logits"]
    assert np.abs(got - expected).max() < tolerance * np.abs(expected).max()


@pytest.mark.parametrize("model", ["s4d", "binary_s4d", "tanh", "sigmoid", "spiking_ssm"])
@pytest.mark.parametrize("prenorm", [False, True])
def test_the_layout_of_example_py(model, prenorm, tmp_path):
    plain = Plain(model, prenorm=prenorm, seed=3)
    found = imported(plain.example(), tmp_path, model=model, norm_position="pre" if prenorm else "post")
    assert found.layout == "s4d" and found.checkpoint.config.model == model
    assert_equal(plain, found)


@pytest.mark.parametrize("prenorm", [False, True])
@pytest.mark.parametrize("discretisation", ["zoh", "bilinear"])
@pytest.mark.parametrize("step_per_mode", [False, True])
def test_the_layout_of_train_py(prenorm, discretisation, step_per_mode, tmp_path):
    plain = Plain(
        prenorm=prenorm, final_norm=prenorm, discretisation=discretisation, step_per_mode=step_per_mode,
        input_matrix=True, sets=2, seed=5,
    )  # fmt: skip
    found = imported({"state_dict": plain.trainer()}, tmp_path, discretisation=discretisation)
    config = found.checkpoint.config
    assert (config.norm_position, config.final_norm) == (("pre", "layer") if prenorm else ("post", "batch"))
    assert_equal(plain, found)
    write_checkpoint(tmp_path / "ours.safetensors", found.checkpoint)
    read = read_checkpoint(tmp_path / "ours.safetensors")
    x = drawn_inputs(plain.features)
    with torch.no_grad():
        module = Network.from_checkpoint(read)(torch.tensor(x, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(module, plain.logits(x), rtol=0, atol=1e-4)


def sequential_decoder(state):
    return {re.sub("^decoder", "decoder.1", name): value for name, value in state.items()}


def linear_mixer(state):
    return {name: v[..., 0] if name.endswith("0.weight") and v.ndim == 3 else v for name, v in state.items()}


def without_a_mode_axis(state):
    return {name: v[:, None] if name.endswith("log_dt") else v for name, v in state.items()}


def complex_readout(state):
    return {name: torch.view_as_complex(v) if name.endswith(".C") else v for name, v in state.items()}


@pytest.mark.parametrize(
    ("plain", "change", "options"),
    [
        (Plain(), sequential_decoder, {}),
        (Plain(), linear_mixer, {}),
        (Plain(), without_a_mode_axis, {}),
        (Plain(), complex_readout, {}),
        (Plain(), lambda s: s | {"encoder.weight": s["encoder.weight"][:, :, None]}, {}),
        (Plain(batch_norm=True, prenorm=True), lambda s: s, {"norm_position": "pre"}),
        (Plain(step_per_mode=True), lambda s: s, {}),
        (Plain(sets=3), lambda s: s, {}),
        (Plain(pooling="last"), lambda s: s, {"pooling": "last"}),
    ],
)
def test_what_forks_changed(plain, change, options, tmp_path):
    assert_equal(plain, imported(change(plain.example()), tmp_path, **options))


def test_a_batch_norm_before_the_pooling(tmp_path):
    plain = Plain(prenorm=True, final_norm=True, batch_norm=True, sets=2, input_matrix=True, seed=8)
    found = imported(plain.trainer(), tmp_path)
    assert found.checkpoint.config.final_norm == "batch"
    assert "a BatchNorm stands before the pooling" in found.notes
    assert_equal(plain, found)


FORMS = [
    lambda s: s,
    sequential_decoder,
    linear_mixer,
    without_a_mode_axis,
    complex_readout,
    lambda s: {re.sub("^decoder", "head", name): value for name, value in s.items()},
    lambda s: {re.sub("^encoder", "encoder.0", name): value for name, value in s.items()},
    lambda s: {name: v[:, None] if name.endswith(".D") else v for name, v in s.items()},
    lambda s: {re.sub(r"^s4_layers\.(\d)\.", r"blocks.\1.s4.", name): v for name, v in s.items()},
]
WRAPPERS = [
    lambda s: s,
    lambda s: {"state_dict": {f"net.{name}": value for name, value in s.items()}, "epoch": 3},
    lambda s: {f"_orig_mod.module.{name}": value for name, value in s.items()},
    lambda s: {"network": s},
]


@pytest.mark.parametrize("seed", range(12))
def test_drawn_layouts_give_the_logits_of_direct_sums(seed, tmp_path):
    draw = np.random.default_rng(seed)
    model = draw.choice(["s4d", "binary_s4d", "tanh", "sigmoid", "spiking_ssm"])
    prenorm, pooling = draw.random() < 0.5, draw.choice(["mean", "last"])
    discretisation = draw.choice(["zoh", "bilinear"])
    sizes = {"features": [1, 2, 5, 6], "modes": [1, 2, 8], "layers": [1, 3], "classes": [1, 2, 6, 12]}
    plain = Plain(
        str(model), prenorm=prenorm, pooling=pooling, discretisation=discretisation, seed=seed,
        batch_norm=draw.random() < 0.3, step_per_mode=draw.random() < 0.3,
        sets=int(draw.choice([0, 1, 2, 3])),
        **{name: int(draw.choice(choices)) for name, choices in sizes.items()},
    )  # fmt: skip
    state = plain.example()
    for change in draw.choice(len(FORMS), 2, replace=False):
        state = FORMS[change](state)
    state = WRAPPERS[draw.integers(len(WRAPPERS))](state)
    options = {"model": model, "pooling": pooling, "discretisation": discretisation}
    found = imported(state, tmp_path, norm_position="pre" if prenorm else "post", **options)
    assert_equal(plain, found)


@pytest.mark.parametrize("modes", [1, 2, 3])
def test_real_modes_count_once(modes, tmp_path):
    plain = Plain(real=True, seed=2, modes=modes)
    state = plain.example()
    for name in list(state):
        if name.endswith("A_imag"):
            del state[name]
        elif name.endswith(".C"):
            state[name] = state[name][..., 0].contiguous()
    assert_equal(plain, imported(state, tmp_path))


def test_a_kernel_inside_two_modules(tmp_path):
    plain = Plain(seed=6)
    state = {name.replace(".kernel.", ".conv.kernel."): v for name, v in plain.example().items()}
    assert_equal(plain, imported(state, tmp_path))


def test_a_learned_b_is_multiplied_into_c(tmp_path):
    plain = Plain(input_matrix=True, seed=4)
    state = plain.example()
    for layer in range(plain.layers):
        b = plain.tensors[f"{layer}.B"]
        state[f"s4_layers.{layer}.kernel.B"] = torch.tensor(np.stack([b.real, b.imag], -1))
    assert_equal(plain, imported(state, tmp_path))


def test_an_encoder_without_a_bias_and_an_embedding(tmp_path):
    plain = Plain(features=4)
    plain.tensors["encoder.bias"][:] = 0
    state = plain.example()
    del state["encoder.bias"]
    assert_equal(plain, imported(state, tmp_path))
    state["encoder.weight"] = state["encoder.weight"].T.contiguous()
    found = imported(state, tmp_path)
    assert_equal(plain, found)
    assert any("table of 4 tokens" in note for note in found.notes)


def test_a_square_encoder_without_a_bias_is_asked_about(tmp_path):
    plain = Plain(features=6)
    plain.tensors["encoder.bias"][:] = 0
    state = plain.example()
    del state["encoder.bias"]
    found = imported(state, tmp_path)
    assert_equal(plain, found)
    assert any("--encoder" in note for note in found.notes)
    state["encoder.weight"] = state["encoder.weight"].T.contiguous()
    assert_equal(plain, imported(state, tmp_path, encoder="token"))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: {"model": s, "acc": 91.2, "epoch": np.int64(3)},
        lambda s: {"params": s, "args": argparse.Namespace(lr=np.float32(1e-3))},
        lambda s: {f"model._orig_mod.net.{name}": value for name, value in s.items()},
        lambda s: {f"backbone.module.{name}": value for name, value in s.items()},
        lambda s: {name.replace("kernel", "_fsdp_wrapped_module.kernel"): v for name, v in s.items()},
        lambda s: {re.sub(r"^norms.(\d)", r"norms.\1._orig_mod", name): v for name, v in s.items()},
        lambda s: {"n_averaged": torch.tensor(3)} | {f"module.{name}": value for name, value in s.items()},
        lambda s: {"state_dict": s | {"criterion.weight": torch.ones(5), "train_acc.tp": torch.ones(5)}},
        lambda s: {"net": s, "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{}]}},
    ],
)
def test_wrappers_of_any_kind(wrap, tmp_path):
    plain = Plain()
    assert_equal(plain, imported(wrap(plain.example()), tmp_path))


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("name", ["theirs.pt", "theirs.safetensors"])
def test_numbers_of_other_widths(kind, name, tmp_path):
    plain = Plain()
    state = {key: value.to(kind) for key, value in plain.example().items()}
    rounded = Plain()
    for key, tensor in (("encoder", "encoder"), ("decoder", "decoder")):
        for part in ("weight", "bias"):
            rounded.tensors[f"{key}.{part}"] = state[f"{tensor}.{part}"].double().numpy()
    found = imported(state, tmp_path, name)
    for part in ("encoder.weight", "decoder.bias"):
        np.testing.assert_array_equal(
            found.checkpoint.tensors[part], rounded.tensors[part].astype(np.float32)
        )


def test_the_trained_weights_are_taken_before_their_mean(tmp_path):
    plain, mean = Plain(seed=1), Plain(seed=2)
    both = {"state_dict": plain.example(), "ema_state_dict": mean.example()}
    found = imported(both, tmp_path)
    assert_equal(plain, found)
    assert any(note.startswith("weights: state_dict") and "--weights" in note for note in found.notes)
    assert_equal(mean, imported(both, tmp_path, weights="ema"))
    with pytest.raises(ImportFailure, match="no set of weights is called 'swa'"):
        imported(both, tmp_path, weights="swa")
    library = {"ema.online_model." + k: v for k, v in plain.example().items()}
    library |= {"ema.ema_model." + k: v for k, v in mean.example().items()} | {"ema.step": torch.tensor(3)}
    assert_equal(plain, imported({"state_dict": library}, tmp_path))
    in_one = {"model." + k: v for k, v in plain.example().items()}
    in_one |= {"model_ema.module." + k: v for k, v in mean.example().items()}
    assert_equal(plain, imported({"state_dict": in_one}, tmp_path))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("options", [{}, {"pole_sets": 2, "trained_input": True}])
def test_a_state_dict_of_our_own_network(model, options, tmp_path):
    torch.manual_seed(7)
    config = NetworkConfig(model, 2, 6, 4, 2, 5, "bilinear", pooling="last")
    network = Network(config, **options)
    network(torch.randn(4, 19, 2))  # statistics of the norms
    network.eval()
    found = imported(
        {f"net.{name}": value for name, value in network.state_dict().items()},
        tmp_path, model=model, pooling="last", discretisation="bilinear",
    )  # fmt: skip
    assert found.layout == "statespike" and found.checkpoint.config == config
    x = torch.randn(3, 19, 2)
    with torch.no_grad():
        expected = network(x)
        np.testing.assert_allclose(Network.from_checkpoint(found.checkpoint)(x), expected, atol=1e-5)


@pytest.mark.parametrize("array", ["s4d_real", "s4d_real,s4d"])
def test_a_state_dict_of_our_own_network_with_real_modes(array, tmp_path):
    torch.manual_seed(9)
    network = Network(NetworkConfig("gsu", 2, 6, 4, 2, 5, array=array)).eval()
    found = imported(network.state_dict(), tmp_path)
    assert found.checkpoint.config == network.config
    x = torch.randn(3, 19, 2)
    with torch.no_grad():
        np.testing.assert_allclose(Network.from_checkpoint(found.checkpoint)(x), network(x), atol=1e-5)


def test_a_gated_spiking_unit_in_the_frame_of_example_py(tmp_path):
    torch.manual_seed(8)
    config = NetworkConfig("gsu", 2, 6, 3, 1, 4, norm="layer", norm_position="pre")
    network = Network(config).eval()
    ours = network.state_dict()
    plain = Plain(layers=1, classes=4, prenorm=True)
    state = plain.example()
    for name in ("C", "log_dt", "log_A_real", "A_imag"):
        state[f"s4_layers.0.kernel.{name}"] = ours[f"layers.0.ssm.{name}"]
    state |= {
        "s4_layers.0.D": ours["layers.0.ssm.D"],
        "s4_layers.0.output_linear.0.weight": ours["layers.0.unit.weight"].T[:, :, None].contiguous(),
        "s4_layers.0.output_linear.0.bias": ours["layers.0.unit.bias"],
        "s4_layers.0.layer_norm.weight": ours["layers.0.unit.norm.weight"],
        "s4_layers.0.layer_norm.bias": ours["layers.0.unit.norm.bias"],
        **{f"norms.0.{k}": ours[f"layers.0.norm.{k}"] for k in ("weight", "bias")},
        **{f"{end}.{k}": ours[f"{end}.{k}"] for end in ("encoder", "decoder") for k in ("weight", "bias")},
    }
    found = imported(state, tmp_path, model="gsu", norm_position="pre")
    x = torch.randn(3, 9, 2)
    with torch.no_grad():
        expected = network(x).numpy()
    got = float_reference.forward(found.checkpoint, x.double().numpy())["logits"]
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_the_model_is_asked_for_only_where_the_tensors_leave_it_open(tmp_path):
    state = Network(NetworkConfig("gsu", 1, 3, 2, 1, 2)).state_dict()
    assert imported(state, tmp_path).checkpoint.config.model == "gsu"
    state = Network(NetworkConfig("s4d", 1, 3, 2, 1, 2)).state_dict()
    with pytest.raises(ImportFailure, match="suit the models binary_s4d, s4d, tanh, sigmoid"):
        imported(state, tmp_path)
    with pytest.raises(ImportFailure, match=r"are those of binary_s4d or s4d .*, not of gsu"):
        imported(state, tmp_path, model="gsu")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s.pop("s4_layers.1.D"), "tensor s4_layers.1.D is missing"),
        (lambda s: s.update({"norms.0.bias": torch.zeros(3)}), r"norms.0.bias has the shape \(3,\)"),
        (lambda s: s.update({"norms.2.bias": torch.zeros(6)}), "norms.2.bias have no place"),
        (lambda s: s.update({"position.weight": torch.zeros(9, 6)}), "position.weight have no place"),
        (lambda s: s.update({"s4_layers.0.kernel.C": torch.zeros(2, 6, 3, 2)}), "bidirectional"),
        (lambda s: s.pop("decoder.weight"), "the decoder has the tensors bias"),
        (lambda s: [s.pop(k) for k in ("encoder.weight", "encoder.bias")], "no encoder is found"),
        (lambda s: s.update({"encoder.2.weight": torch.zeros(6, 6)}), "the encoder has the tensors"),
        (lambda s: [s.pop(k) for k in list(s) if ".0." in k and "s4_" in k], "not from 0 without a gap"),
        (lambda s: s.clear(), "holds no tensors"),
    ],
)
def test_what_is_no_such_network_is_refused(change, sentence, tmp_path):
    state = Plain().example()
    change(state)
    with pytest.raises(ImportFailure, match=sentence) as failure:
        imported(state, tmp_path)
    assert len(str(failure.value)) < 400 + len(str(tmp_path))


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["layers.0.seq.Lambda_re", "layers.0.seq.Lambda_im", "layers.0.seq.log_step"], "an S5 network"),
        (["blocks.0.nu_log", "blocks.0.theta_log"], "an LRU network"),
        (["layers.0.mixer.A_log", "layers.0.mixer.x_proj.weight"], "a Mamba network"),
        (["lif1.beta", "lif1.threshold", "fc1.weight"], "snnTorch"),
        (["rnn.weight_hh_l0", "rnn.weight_ih_l0"], "GRU or LSTM"),
        (["weight"], "no layers with diagonal state-space models are found"),
    ],
)
def test_other_families_are_named(names, sentence, tmp_path):
    with pytest.raises(ImportFailure, match=sentence):
        imported({name: torch.ones(3) for name in names}, tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.onnx", b"\x08\x09onnx", "an ONNX graph"),
        ("a.msgpack", b"\x81\xa6params", "a Flax checkpoint"),
        ("a.nir", b"\x89HDF\r\n\x1a\n" + bytes(64), "an HDF5 file, such as a NIR graph"),
        ("a.pt", b"", "the file is empty"),
        ("a.pt", b"PK\x03\x04 something else", "not a file of tensors"),
        # The end of an archive that says it has further volumes.
        ("a.pt", b"PK\x06\x07" + bytes(12) + b"\2\0\0\0PK\5\6" + bytes(18), "a broken archive"),
        ("a.safetensors", (9).to_bytes(8, "little") + b"{" + bytes(9), "not a whole safetensors file"),
    ],
)
def test_other_files_are_named(name, content, sentence, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImportFailure, match=sentence):
        import_network(tmp_path / name, "", Options(), {})


def test_a_missing_file_and_an_unknown_layout(tmp_path):
    with pytest.raises(ImportFailure, match="no such file"):
        import_network(tmp_path / "none.pt", "", Options(), {})
    with pytest.raises(StatespikeError, match="unknown layout 'jax'; choose one of s4d, statespike"):
        import_network(tmp_path / "none.pt", "jax", Options(), {})


class Hostile:
    """Would run code when unpickled."""

    def __reduce__(self):
        return (print, ("unpickled",))


def test_nothing_in_a_file_is_executed(tmp_path, capsys):
    plain = Plain()
    found = imported({"state_dict": plain.example(), "beside": Hostile()}, tmp_path)
    assert_equal(plain, found)
    with pytest.raises(ImportFailure, match="a pickled model, whose code is not run"):
        imported(Hostile(), tmp_path)
    assert "unpickled" not in capsys.readouterr().out


def test_an_author_s_logits_tell_a_wrong_assumption(tmp_path):
    plain = Plain("tanh", prenorm=True, pooling="last", seed=9)
    x = drawn_inputs(plain.features)
    found = imported(plain.example(), tmp_path)
    told = agreement(found.checkpoint, x, plain.logits(x))
    assert not told.agrees
    assert told.alternatives[0] == {"norm_position": "pre", "pooling": "last", "model": "tanh"}
    right = imported(plain.example(), tmp_path, norm_position="pre", pooling="last", model="tanh")
    assert agreement(right.checkpoint, x, plain.logits(x)).agrees
    assert agreement(right.checkpoint, x, plain.logits(x) + 1).alternatives == ()
    with pytest.raises(StatespikeError, match="do not suit the network"):
        agreement(right.checkpoint, x[:, :, :1], plain.logits(x))
