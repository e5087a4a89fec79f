"""A quantised network's file: whole round trips, and one sentence for whatever can be wrong with it."""

import json
from dataclasses import fields

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save

from quantize.checkpoint import write_checkpoint
from quantize.configuration import MODELS
from quantize.file import VERSION, load_network, save_network
from quantize.specification import QuantizedNetworkError
from tests.networks import random_checkpoint, random_network


@pytest.fixture(scope="module")
def network():
    return random_network("gsu", 5, 2, 2, seed=4)


@pytest.fixture
def damaged(tmp_path, network):
    """Saves the network, lets a function change its descriptions, tensors and metadata: the file."""

    def damage(change):
        path = tmp_path / "network.safetensors"
        save_network(network, path)
        with safe_open(path, framework="numpy") as stored:
            metadata = stored.metadata()
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 (not a mapping)
        layers = json.loads(metadata["layers"])
        change(layers, tensors, metadata)
        path.write_bytes(save(tensors, {"layers": json.dumps(layers)} | metadata))
        return path

    def damage_all(change):
        def changed(layers, tensors, metadata):
            del metadata["layers"]
            change(layers, tensors, metadata)

        return damage(changed)

    return damage_all


def assert_refused(path, pattern: str):
    with pytest.raises(QuantizedNetworkError, match=pattern) as refusal:
        load_network(path)
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize("twentieths", [3, 7])
def test_only_an_unusual_ternary_threshold_is_written(twentieths, tmp_path):
    """Files of networks from before it was a choice stay as they are."""
    path = tmp_path / "network.safetensors"
    save_network(random_network("gsu", 5, 2, 1, seed=4, twentieths=twentieths), path)
    with safe_open(path, framework="numpy") as stored:
        unit = json.loads(stored.metadata()["layers"])["unit_0"]
    assert unit.get("twentieths") == (None if twentieths == 3 else 7)
    assert load_network(path).blocks[0].unit.twentieths == twentieths


def rename(layers, tensors, old: str, new: str):
    """Move a layer to another name, in the descriptions and in the tensors."""
    layers[new] = layers.pop(old)
    for key in [key for key in tensors if key.split(".", 1)[0] == old]:
        tensors[new + key[len(old) :]] = tensors.pop(key)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("channels", "pooling"), [(1, "mean"), (9, "last")])
def test_round_trip(model, channels, pooling, tmp_path):
    network = random_network(model, channels, 3, 2, seed=2, features=2, pooling=pooling)
    network.provenance["task"] = "drawn"
    path = tmp_path / "network.safetensors"
    save_network(network, path)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    restored = load_network(path)
    assert restored.provenance == network.provenance
    assert len(restored.blocks) == len(network.blocks)
    for (name, layer), (restored_name, twin) in zip(network.layers(), restored.layers(), strict=True):
        assert (name, type(layer)) == (restored_name, type(twin))
        for item in fields(layer):
            np.testing.assert_array_equal(getattr(layer, item.name), getattr(twin, item.name), strict=True)


@pytest.mark.parametrize("position", ["pre", "post"])
@pytest.mark.parametrize("final", ["batch", "layer"])
def test_round_trip_with_layer_norms(position, final, tmp_path):
    network = random_network("s4d", 5, 3, 2, seed=2, norm="layer", norm_position=position, final_norm=final)
    save_network(network, tmp_path / "network.safetensors")
    restored = load_network(tmp_path / "network.safetensors")
    u = np.random.default_rng(1).integers(0, 256, (2, 9, 1))
    np.testing.assert_array_equal(restored.compute(u).logits, network.compute(u).logits)
    assert [name for name, _ in restored.layers()] == [name for name, _ in network.layers()]
    assert [name for name, _ in network.layers()][1:4] == (
        ["norm_0", "array_0", "unit_0"] if position == "pre" else ["array_0", "unit_0", "norm_0"]
    )
    assert ("norm" in dict(network.layers())) == (final == "layer")


def test_missing_file(tmp_path):
    assert_refused(tmp_path / "nowhere.safetensors", "no such file")


@pytest.mark.parametrize("length", [0, 7, 100, 2000, -1])
def test_truncated_file(length, tmp_path, network):
    path = tmp_path / "network.safetensors"
    save_network(network, path)
    path.write_bytes(path.read_bytes()[:length])
    assert_refused(path, r"not a whole safetensors file")


def test_folder(tmp_path):
    assert_refused(tmp_path, "a folder, not a file")


def test_checkpoint_is_not_a_quantised_network(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    write_checkpoint(path, random_checkpoint("gsu", 3, 2, 1, seed=1))
    assert_refused(path, "is not a quantised network of statespike; make one with `statespike quantize`")


@pytest.mark.parametrize("pooling", ["mean", "last"])
def test_a_file_of_version_2_is_read(pooling, damaged, tmp_path):
    """There the bias was the weight of a constant channel, and the pool divided by a power of two."""

    def age(layers, tensors, metadata):
        layers["pool"] |= {"length_bits": 5, "one_bits": layers["decoder"].pop("bias_shift")}
        del layers["pool"]["max_steps"]
        layers["decoder"]["channels"] = tensors["decoder.weight"].shape[1]
        bias = tensors.pop("decoder.bias")
        tensors["decoder.weight"] = np.concatenate([tensors["decoder.weight"], bias[:, None]], axis=1)
        layers["pool"]["mean"] = int(pooling == "mean")
        metadata["version"] = "2"

    renewed, network = load_network(damaged(age)), load_network(damaged(lambda *_: None))
    assert (renewed.verified, network.verified) == (False, True), "that version had no checksum"
    assert renewed.max_steps == (32 if pooling == "mean" else None)
    assert renewed.decoder.bias_shift == network.decoder.bias_shift
    np.testing.assert_array_equal(renewed.decoder.rows, network.decoder.rows)


def test_a_damaged_file_of_version_2(damaged):
    def age(layers, tensors, metadata):
        metadata["version"] = "2"

    assert_refused(damaged(age), "a damaged description")


def test_other_version(damaged):
    path = damaged(lambda layers, tensors, metadata: metadata.update(version="7"))
    assert_refused(path, f"has version '7' of the format, this statespike reads '{VERSION}'")


@pytest.mark.parametrize(
    ("description", "pattern"),
    [
        ("{", "the metadata's layers is not JSON"),
        ("[" * 100_000, "the metadata's layers is not JSON"),
        ('{"encoder": ' * 100_000, "the metadata's layers is not JSON"),
        ("9" * 5000, "the metadata's layers is not JSON"),
        ("[]", "is not a JSON object"),
        ("3", "is not a JSON object"),
        ('{"encoder": 3}', "a damaged description"),
        ('{"encoder": {}}', "a damaged description"),
        ('{"encoder": {"kind": []}}', "a damaged description"),
    ],
)
def test_damaged_description(description, pattern, damaged):
    path = damaged(lambda layers, tensors, metadata: metadata.update(layers=description))
    assert_refused(path, pattern)


def test_damaged_provenance(damaged):
    path = damaged(lambda layers, tensors, metadata: metadata.update(provenance="{"))
    assert_refused(path, "the metadata's provenance is not JSON")


def test_numbers_that_are_not_those_written(damaged):
    def change(layers, tensors, metadata):
        tensors["encoder.bias"] = tensors["encoder.bias"] ^ 1

    assert_refused(damaged(change), "not those that were written, by their checksum")
    assert_refused(damaged(lambda layers, tensors, metadata: metadata.pop("checksum")), "checksum")


@pytest.mark.parametrize("width", ["1e999", "NaN", "true", "16.0", '"16"', "[]", "0", "1" + "0" * 400])
def test_a_width_that_is_no_width(width, damaged):
    def change(layers, tensors, metadata):
        layers["pool"]["input"]["width"] = "WIDTH"
        metadata["layers"] = json.dumps(layers).replace('"WIDTH"', width)

    assert_refused(damaged(change), r"pool\.input is not a format")


def test_description_is_missing(tmp_path):
    path = tmp_path / "network.safetensors"
    metadata = {"format": "statespike-quantized-network", "version": VERSION}
    path.write_bytes(save({"a.b": np.zeros(1)}, metadata))
    assert_refused(path, "the metadata's layers is not JSON")


def lose_pool_entry(layers, tensors, metadata):
    del layers["pool"]["mean"]


def add_pool_entry(layers, tensors, metadata):
    layers["pool"]["median"] = 1


def lose_tensor(layers, tensors, metadata):
    del tensors["unit_1.gain"]


def add_tensor(layers, tensors, metadata):
    tensors["unit_1.other"] = np.zeros(2, np.int8)


def add_layer(layers, tensors, metadata):
    layers["another"] = dict(layers["pool"])


def add_undescribed_tensor(layers, tensors, metadata):
    tensors["another.weight"] = np.zeros(2, np.int8)


def swap_kinds(layers, tensors, metadata):
    rename(layers, tensors, "unit_0", "kept")
    rename(layers, tensors, "array_0", "unit_0")
    rename(layers, tensors, "kept", "array_0")


def lose_classes(layers, tensors, metadata):
    for name in ("decoder.weight", "decoder.bias"):
        tensors[name] = tensors[name][:0]


def decoder_for_unit(layers, tensors, metadata):
    rename(layers, tensors, "unit_0", "kept")
    layers["unit_0"] = dict(layers["decoder"])
    tensors |= {f"unit_0.{name}": tensors[f"decoder.{name}"] for name in ("weight", "bias")}
    for key in [key for key in tensors if key.startswith("kept.")]:
        del tensors[key]
    del layers["kept"]


def lose_all_blocks(layers, tensors, metadata):
    for name in ("array_0", "unit_0", "array_1", "unit_1"):
        del layers[name]
        for key in [key for key in tensors if key.startswith(f"{name}.")]:
            del tensors[key]


def emptied(name: str, tensor: np.ndarray) -> np.ndarray:
    """The tensor of a layer without channels: a table of trits keeps its two planes."""
    return tensor[:, :0, :0] if name.endswith(".table") else tensor[(slice(0),) * tensor.ndim]


def lose_modes(layers, tensors, metadata):
    for name, tensor in list(tensors.items()):
        if name.startswith("array_0.") and tensor.ndim == 2:
            tensors[name] = tensor[:, :0]


def lose_channels(layers, tensors, metadata):
    for name, tensor in list(tensors.items()):
        if name.startswith("unit_0."):
            tensors[name] = emptied(name, tensor)


def set_entry(layer: str, entry: str, value):
    def change(layers, tensors, metadata):
        layers[layer][entry] = value

    return change


def set_tensor(name: str, change_values):
    def change(layers, tensors, metadata):
        tensors[name] = change_values(tensors[name].copy())

    return change


def first_set_to(value: int):
    def change(values):
        values = values.astype(np.int32)
        values.flat[0] = value
        return values

    return change


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        (lose_pool_entry, "the pool layer lacks entry 'mean'"),
        (add_pool_entry, "the pool layer has an unknown entry 'median'"),
        (lose_tensor, "the gsu layer lacks entry 'gain'"),
        (add_tensor, "the gsu layer has an unknown entry 'other'"),
        (add_layer, "layer 'another' has no place in a network"),
        (add_undescribed_tensor, "tensors of an undescribed layer 'another'"),
        (lambda layers, tensors, _: rename(layers, tensors, "pool", "pond"), "layer 'pool' is missing"),
        (swap_kinds, "layer 'array_0' is of kind 'gsu'"),
        (decoder_for_unit, "layer 'unit_0' is not a unit"),
        (lose_all_blocks, "the network has no layers"),
        (
            set_entry("pool", "kind", "lake"),
            "unknown layer kind 'lake', known are array, decoder, embedding, encoder",
        ),
        (set_entry("pool", "mean", 2), r"pool\.mean holds 2, outside 0\.\.1"),
        (set_entry("pool", "mean", True), r"pool\.mean must be an integer, not True"),
        (set_entry("pool", "channels", "5"), r"pool\.channels must be an integer, not '5'"),
        (set_entry("pool", "channels", 6), "pool has 6 channels, the encoder has 5"),
        (set_entry("pool", "input", {"width": 16, "fraction": -40}), "the pool's input is .*, but it is"),
        (set_entry("pool", "input", 3), r"pool\.input is not a format: 3"),
        (set_entry("pool", "input", {"width": 99, "fraction": 0}), r"pool\.input is not a format"),
        (set_entry("encoder", "input", {"width": 17, "fraction": 0}), r"encoder\.input has 17 bits"),
        (set_entry("encoder", "output", {"width": 15, "fraction": 0}), "the residual stream has 15 bits"),
        (set_entry("unit_0", "output", {"width": 16, "fraction": -9}), "layer 0 leaves the residual"),
        (set_entry("unit_1", "input", {"width": 16, "fraction": -9}), "the unit of layer 1 disagree"),
        (set_entry("unit_0", "output", {"width": 16, "fraction": 12}), "more fraction bits than its GELU"),
        (set_entry("unit_0", "gain_fraction", -16), "gsu.gain_fraction is -16: the gains are too large"),
        (set_entry("array_0", "accumulator_fraction", -32), "array.output has more fraction bits"),
        (set_tensor("encoder.weight", first_set_to(1 << 11)), r"encoder\.weight holds 2048, outside -2048"),
        (set_tensor("encoder.weight", lambda values: values[1:]), r"encoder\.weight has shape \(4, 1\)"),
        (set_tensor("encoder.weight", lambda values: values[:, :0]), "at least one feature and one channel"),
        (set_tensor("encoder.bias", lambda values: values / 2.0), r"encoder\.bias holds float64, expected"),
        (set_tensor("decoder.weight", lambda values: values[:0]), r"decoder\.weight has shape \(0, 5\)"),
        (lose_classes, "decoder needs at least one class and one channel"),
        (set_tensor("array_0.damping", first_set_to(0)), "unstable pole at channel 0, mode 0"),
        (set_tensor("array_0.input_shift", first_set_to(3)), "must be even"),
        (lose_modes, "array needs at least one channel and one mode"),
        (lose_channels, "gsu needs at least one channel"),
        (set_tensor("unit_0.bias", first_set_to(-(1 << 15))), r"gsu\.weight and gsu\.bias sum to 17 bits"),
        (set_tensor("unit_0.table", lambda values: values[0]), r"gsu\.table is not a pair of bit planes"),
        (set_tensor("unit_0.table", lambda values: values[:, :, [0, 0]]), "has 2 bytes a row, not a square"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(change, pattern, damaged):
    assert_refused(damaged(change), pattern)


@pytest.mark.parametrize("model", MODELS)
def test_no_truncation_of_any_tensor_goes_unnoticed(model, tmp_path):
    """Each tensor in turn cut to nothing: refused in a sentence, never with a traceback of another kind."""
    path = tmp_path / "network.safetensors"
    save_network(random_network(model, 3, 2, 1, seed=1), path)
    with safe_open(path, framework="numpy") as stored:
        metadata = stored.metadata()
        tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 (not a mapping)
    for name in tensors:
        path.write_bytes(save(tensors | {name: tensors[name][:0]}, metadata))
        assert_refused(path, "network.safetensors")
    unit = {name: emptied(name, value) for name, value in tensors.items() if name.startswith("unit_0.")}
    path.write_bytes(save(tensors | unit, metadata))
    assert_refused(path, "network.safetensors")
