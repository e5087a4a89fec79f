"""A checkpoint file that is not right is told in one sentence."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from quantize.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from quantize.configuration import MODELS, CheckpointError, NetworkConfig, tensor_shapes
from quantize.errors import StatespikeError

CONFIG = NetworkConfig("gsu", features=1, channels=4, modes=2, layers=2, classes=3)


def tensors_of(config: NetworkConfig) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(4)
    tensors = {
        name: generator.normal(size=shape).astype(np.float32) for name, shape in tensor_shapes(config).items()
    }
    for name, tensor in tensors.items():
        if name.endswith("running_var"):
            np.abs(tensor, out=tensor)
    return tensors


def write_raw(path, tensors=None, **changes):
    """Write a file past all checks, with some metadata changed or (None) left out."""
    metadata = {
        "format": "statespike-checkpoint",
        "version": "1",
        "config": json.dumps(asdict(CONFIG)),
        "provenance": "{}",
    } | changes
    metadata = {key: value for key, value in metadata.items() if value is not None}
    save_file(tensors_of(CONFIG) if tensors is None else tensors, path, metadata)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.safetensors"


@pytest.mark.parametrize("model", MODELS)
def test_what_is_written_is_read(model, path):
    config = replace(CONFIG, model=model, discretisation="bilinear", initialisation="inv", pooling="last")
    written = Checkpoint(
        config, tensors_of(config), {"task": "none", "test_accuracy": {"accuracy": 1, "n": 2}}
    )
    write_checkpoint(path, written)
    found = read_checkpoint(path)
    assert (found.config, found.provenance) == (written.config, written.provenance)
    for name, tensor in written.tensors.items():
        np.testing.assert_array_equal(found.tensors[name], tensor)


def test_writing_leaves_no_temporary_file(path):
    write_checkpoint(path, Checkpoint(CONFIG, tensors_of(CONFIG)))
    assert list(path.parent.iterdir()) == [path]


def test_a_bad_checkpoint_is_not_written_and_the_old_file_stays(path):
    write_checkpoint(path, Checkpoint(CONFIG, tensors_of(CONFIG)))
    before = path.read_bytes()
    broken = tensors_of(CONFIG)
    broken["encoder.bias"][2] = np.nan
    with pytest.raises(CheckpointError, match=r"tensor encoder.bias holds nan at index \(2,\)"):
        write_checkpoint(path, Checkpoint(CONFIG, broken))
    assert path.read_bytes() == before


def test_checkpoint_errors_are_errors_of_the_user():
    assert issubclass(CheckpointError, StatespikeError)


def test_missing_file(path):
    with pytest.raises(CheckpointError, match="no such file"):
        read_checkpoint(path)


@pytest.mark.parametrize("kept", [0, 4, 100, -1])
def test_truncated_file(path, kept):
    write_checkpoint(path, Checkpoint(CONFIG, tensors_of(CONFIG)))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        read_checkpoint(path)


def test_file_of_another_kind(path):
    path.write_bytes(b"PK\x03\x04 something else entirely, and long enough for a header")
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        read_checkpoint(path)


def test_safetensors_of_another_program(path):
    save_file({"weight": np.zeros(3, np.float32)}, path)
    with pytest.raises(
        CheckpointError, match="not a statespike-checkpoint; convert it with `statespike import`"
    ):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"version": "2"}, "checkpoint version '2', and this program reads version '1'"),
        ({"version": None}, "checkpoint version None"),
        ({"config": "{"}, "the metadata's config is not JSON"),
        ({"config": None}, "the metadata's config is not JSON"),
        ({"config": "[]"}, "the metadata's config is not a JSON object"),
        ({"provenance": None}, "the metadata's provenance is not JSON"),
        (
            {"config": json.dumps(asdict(CONFIG) | {"model": "lstm"})},
            "unknown model 'lstm'; choose one of gsu",
        ),
        ({"config": json.dumps(asdict(CONFIG) | {"model": ["gsu"]})}, "unknown model"),
        ({"config": json.dumps(asdict(CONFIG) | {"pooling": "max"})}, "unknown pooling 'max'"),
        ({"config": json.dumps(asdict(CONFIG) | {"channels": 0})}, "channels is 0"),
        ({"config": json.dumps(asdict(CONFIG) | {"layers": 1.5})}, "layers is 1.5"),
        ({"config": json.dumps(asdict(CONFIG) | {"modes": True})}, "modes is True"),
        ({"config": json.dumps(asdict(CONFIG) | {"heads": 2})}, "the configuration has the unknown 'heads'"),
        ({"config": json.dumps({"model": "gsu"})}, "the configuration lacks 'features'"),
    ],
)
def test_wrong_metadata(path, changes, sentence):
    with pytest.raises(CheckpointError) as error:
        read_checkpoint(write_raw(path, **changes))
    assert sentence in str(error.value)
    assert str(path) in str(error.value)


def test_files_from_before_the_choice_of_norms_are_read(path):
    config = asdict(CONFIG)
    del config["norm"], config["norm_position"]
    assert read_checkpoint(write_raw(path, config=json.dumps(config))).config == CONFIG


def test_a_layer_norm_has_no_running_statistics(path):
    config = replace(CONFIG, norm="layer", norm_position="post")
    assert "layers.0.norm.running_mean" not in tensor_shapes(config)
    write_checkpoint(path, Checkpoint(config, tensors_of(config)))
    assert read_checkpoint(path).config == config


def test_missing_tensor(path):
    tensors = tensors_of(CONFIG)
    del tensors["layers.1.unit.weight"]
    with pytest.raises(CheckpointError, match=r"tensor layers\.1\.unit\.weight is missing"):
        read_checkpoint(write_raw(path, tensors))


def test_extra_tensor(path):
    tensors = tensors_of(CONFIG) | {"layers.2.ssm.D": np.zeros(4, np.float32)}
    with pytest.raises(CheckpointError, match=r"tensor layers\.2\.ssm\.D does not belong to a gsu network"):
        read_checkpoint(write_raw(path, tensors))


def test_wrong_shape(path):
    tensors = tensors_of(CONFIG)
    tensors["decoder.weight"] = np.zeros((4, 3), np.float32)
    with pytest.raises(CheckpointError, match=r"decoder\.weight has shape \(4, 3\).* asks for \(3, 4\)"):
        read_checkpoint(write_raw(path, tensors))


def test_wrong_type(path):
    tensors = tensors_of(CONFIG)
    tensors["decoder.bias"] = np.zeros(3, np.float64)
    with pytest.raises(CheckpointError, match=r"decoder\.bias is of type F64; store it as float32"):
        read_checkpoint(write_raw(path, tensors))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_number_that_is_not_finite_is_named_with_its_index(path, value):
    tensors = tensors_of(CONFIG)
    tensors["layers.0.ssm.C"][1, 0, 1] = value
    with pytest.raises(CheckpointError, match=r"layers\.0\.ssm\.C holds -?(nan|inf) at index \(1, 0, 1\)"):
        read_checkpoint(write_raw(path, tensors))


def test_negative_variance(path):
    tensors = tensors_of(CONFIG)
    tensors["norm.running_var"][3] = -0.5
    with pytest.raises(
        CheckpointError, match=r"norm\.running_var holds the negative variance -0\.5 at index 3"
    ):
        read_checkpoint(write_raw(path, tensors))


@pytest.mark.parametrize("discretisation", ["zoh", "bilinear"])
@pytest.mark.parametrize("value", [-100.0, -2000.0])
def test_unstable_pole_is_named(path, discretisation, value):
    """A decay so slow that |Abar| is 1 in double precision, or a real part that underflows to 0."""
    tensors = tensors_of(CONFIG)
    tensors["layers.1.ssm.log_A_real"][2, 1] = value
    config = json.dumps(asdict(replace(CONFIG, discretisation=discretisation)))
    with pytest.raises(
        CheckpointError, match=r"the pole of layer 1, channel 2, mode 1 is unstable \(\|Abar\| = 1,"
    ):
        read_checkpoint(write_raw(path, tensors, config=config))
