"""Networks that read tokens: recognised by their samples, and the same function as a linear encoder."""

import numpy as np
import pytest

from quantize import float_reference
from quantize.convert import Precision, quantise
from quantize.errors import StatespikeError
from quantize.file import load_network, save_network
from quantize.formats import Format
from quantize.inputs import EncoderChoice
from quantize.layers.embedding import EmbeddingSpec, tokens_of
from quantize.layers.ends import EncoderSpec
from quantize.specification import QuantizedNetworkError
from tests.networks import INPUT, random_checkpoint, random_samples, random_tokens

CHECKPOINT = random_checkpoint("gsu", 5, 2, 2, seed=3, features=7)


def reader():
    return quantise(CHECKPOINT, random_tokens(4, 30, 7, seed=1), INPUT, Precision())


def test_tokens_are_told_from_other_steps():
    x = random_tokens(3, 20, 4, seed=2)
    tokens = tokens_of(x)
    assert set(np.unique(tokens)) == {0, 1, 2, 3, 4}
    np.testing.assert_array_equal(np.eye(5, 4)[tokens], x)
    for wrong in (0.5, -1.0, 1.0):
        other = x.copy()
        other[1, 2] = [1.0, 0.0, wrong, 0.0]
        assert tokens_of(other) is None


def test_the_table_holds_what_a_linear_encoder_would_give():
    network = reader()
    assert isinstance(network.encoder, EmbeddingSpec)
    assert (network.features, network.beats_per_step, network.input) == (7, 1, Format(4, 0))
    x = random_tokens(2, 9, 7, seed=4)
    exact = float_reference.forward(CHECKPOINT, x)["encoder"]
    got = network.encoder.output.real(network.encoder.compute(network.inputs(x)))
    assert np.abs(got - exact).max() <= 2.0 ** -(network.encoder.output.fraction + 1)


def test_samples_that_are_no_tokens_give_a_linear_encoder():
    network = quantise(CHECKPOINT, random_samples(4, 30, 7, seed=1), INPUT, Precision())
    assert not isinstance(network.encoder, EmbeddingSpec)
    one = random_checkpoint("gsu", 5, 2, 1, seed=3)
    binary = np.random.default_rng(0).integers(0, 2, (3, 10, 1)).astype(float)
    assert not isinstance(quantise(one, binary, INPUT, Precision()).encoder, EmbeddingSpec)


def test_the_encoder_can_be_forced_either_way():
    tokens, others = random_tokens(4, 30, 7, seed=1), random_samples(4, 30, 7, seed=1)
    linear = quantise(CHECKPOINT, tokens, INPUT, Precision(), encoder=EncoderChoice.LINEAR)
    assert isinstance(linear.encoder, EncoderSpec)
    linear.compute(linear.inputs(others))
    forced = quantise(CHECKPOINT, tokens, INPUT, Precision(), encoder=EncoderChoice.TOKEN)
    np.testing.assert_array_equal(forced.encoder.table, reader().encoder.table)
    with pytest.raises(StatespikeError, match="not every step of the 7 features is one-hot"):
        quantise(CHECKPOINT, others, INPUT, Precision(), encoder=EncoderChoice.TOKEN)


def test_a_network_that_reads_tokens_goes_to_a_file_and_back(tmp_path):
    network = reader()
    save_network(network, tmp_path / "network.safetensors")
    loaded = load_network(tmp_path / "network.safetensors")
    u = network.inputs(random_tokens(3, 12, 7, seed=5))
    np.testing.assert_array_equal(loaded.compute(u).logits, network.compute(u).logits)


def test_what_is_no_token_is_refused():
    network = reader()
    with pytest.raises(StatespikeError, match="not every step of the data is one of its 7 one-hot vectors"):
        network.inputs(random_samples(1, 4, 7, seed=1))
    with pytest.raises(QuantizedNetworkError, match="input leaves its range, 0 to 7"):
        network.compute(np.full((1, 2, 1), 8))
    with pytest.raises(QuantizedNetworkError, match=r"expected integers \(sequences, steps, 1\)"):
        network.compute(np.zeros((1, 2, 7), dtype=np.int64))
    with pytest.raises(QuantizedNetworkError, match="embedding needs at least two tokens and one channel"):
        EmbeddingSpec(Format(16, 8), np.zeros((2, 3)))
