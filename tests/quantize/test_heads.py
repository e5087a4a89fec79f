"""Heads that answer again and again, in integers: what they say, when, and that nothing overflows."""

import numpy as np
import pytest

from quantize import float_reference
from quantize.answers import answer_counts, answer_steps
from quantize.calibration import Precision
from quantize.configuration import CheckpointError, NetworkConfig
from quantize.convert import quantise
from quantize.describe import describe_head, when_answered
from quantize.file import load_network, save_network
from quantize.formats import Format
from quantize.layers.repeated import EveryStepSpec, RunningSpec
from quantize.scores import real_outputs
from tests.networks import INPUT, random_checkpoint, random_network, random_samples

STREAM = Format(16, 8)
RUNNING = {"pooling": "running", "stride": 3, "time_constant": 8}


def test_answers_come_at_every_stride_and_at_the_end():
    lengths = np.array([7, 6, 1, 3])
    np.testing.assert_array_equal(answer_counts(lengths, 3), [3, 2, 1, 1])
    np.testing.assert_array_equal(answer_steps(lengths, 7, 3), [[2, 5, 6], [2, 5, 5], [0, 0, 0], [2, 2, 2]])
    np.testing.assert_array_equal(answer_steps(lengths, 7, None), [[6], [5], [0], [2]])
    np.testing.assert_array_equal(answer_steps(np.array([3]), 4, 1), [[0, 1, 2, 2]])


def slow_mean(x: np.ndarray, spec: RunningSpec) -> tuple[np.ndarray, int, int]:
    """The recurrence in Python's integers: what is read, and the extremes of the sum."""
    total, read, low, high = int(x[0]) << spec.time_shift, [], 0, 0
    for value in x:
        total += int(value) - ((total + (1 << spec.time_shift - 1)) >> spec.time_shift)
        low, high = min(low, total), max(high, total)
        read.append((total + (1 << spec.time_shift - 1)) >> spec.time_shift)
    return np.array(read), low, high


@pytest.mark.parametrize("shift", [1, 2, 5, 16])
@pytest.mark.parametrize("extreme", [STREAM.minimum, STREAM.maximum, 0])
def test_a_running_mean_stays_in_its_bits(shift, extreme):
    spec = RunningSpec(STREAM, 1, shift, 1)
    generator = np.random.default_rng(shift)
    x = generator.integers(STREAM.minimum, STREAM.maximum + 1, 3000)
    x[500:2000] = extreme
    # As near to the ends of the range as a sum comes.
    expected, low, high = slow_mean(np.concatenate([x, np.full(2000, extreme)]), spec)
    found = spec.compute(np.concatenate([x, np.full(2000, extreme)])[None, :, None], np.array([5000]))
    np.testing.assert_array_equal(found[0, :, 0], expected)
    assert -(1 << spec.sum_width - 1) <= low
    assert high < 1 << spec.sum_width - 1
    assert STREAM.minimum <= expected.min()
    assert expected.max() <= STREAM.maximum


@pytest.mark.parametrize("shift", [1, 4, 9])
@pytest.mark.parametrize("total", [STREAM.minimum, STREAM.maximum])
def test_no_step_leads_out_of_the_range_of_the_sums(shift, total):
    """The ends of the range that `RunningSpec` tells, moved on by the largest inputs."""
    half = 1 << shift - 1
    low, high = -(1 << 15 + shift), STREAM.maximum * (1 << shift) + half - 1
    for start in (low, low + 1, high - 1, high):
        for value in (STREAM.minimum, STREAM.maximum):
            assert low <= start + value - ((start + half) >> shift) <= high


@pytest.mark.parametrize("shift", [1, 3, 8])
@pytest.mark.parametrize("constant", [-700, -1, 1, 3, 12345])
def test_a_constant_is_reached_to_within_a_unit(shift, constant):
    spec = RunningSpec(STREAM, 1, shift, 1)
    x = np.full((1, 30 << shift, 1), constant)
    assert abs(spec.compute(x, np.array([x.shape[1]]))[0, -1, 0] - constant) <= 1


def test_the_answers_of_a_sequence_do_not_depend_on_what_follows_it():
    x = np.random.default_rng(0).integers(-3000, 3000, (2, 9, 2))
    lengths = np.array([9, 4])
    for spec in (RunningSpec(STREAM, 2, 3, 3), EveryStepSpec(STREAM, 2)):
        whole = spec.compute(x, lengths)
        alone = spec.compute(x[1:, :4], lengths[1:])
        np.testing.assert_array_equal(whole[1, : alone.shape[1]], alone[0])
        np.testing.assert_array_equal(
            whole[1, alone.shape[1] :], np.broadcast_to(alone[0, -1], (whole.shape[1] - alone.shape[1], 2))
        )


@pytest.mark.parametrize("head", [{"pooling": "every_step"}, RUNNING])
@pytest.mark.parametrize("output", ["classification", "multi_label", "regression"])
def test_integers_follow_real_numbers_and_the_file_keeps_all_of_it(head, output, tmp_path):
    checkpoint = random_checkpoint("s4d", 8, 3, 1, seed=6, classes=2, output=output, **head)
    network = quantise(checkpoint, random_samples(4, 32, seed=1), INPUT, Precision())
    x, lengths = random_samples(5, 20, seed=2), np.array([20, 19, 7, 3, 1])
    trace = network.compute(network.inputs(x), lengths)
    exact = float_reference.forward(checkpoint, x, lengths)["logits"]
    assert trace.logits.shape == exact.shape == (5, answer_counts(20, network.answer_stride), 2)
    assert np.abs(real_outputs(network, trace.logits) - exact).max() < 0.03 * np.abs(exact).max()
    save_network(network, tmp_path / "network")
    again = load_network(tmp_path / "network")
    assert describe_head(again) == describe_head(network)
    assert again.output == output
    np.testing.assert_array_equal(again.compute(again.inputs(x), lengths).logits, trace.logits)


def test_a_value_has_finer_words_than_a_score():
    checkpoint = {
        output: random_checkpoint("s4d", 8, 3, 1, seed=6, output=output)
        for output in ("classification", "regression")
    }
    x = random_samples(4, 32, seed=1)
    errors = {}
    for output, given in checkpoint.items():
        network = quantise(given, x, INPUT, Precision())
        exact = float_reference.forward(given, x)["logits"]
        pooled = network.pool.input.real(
            network.pool.compute(network.compute(network.inputs(x)).taps["layer_0"], np.full(4, 32))
        )
        weight, bias = float_reference.decoder(given)
        found = real_outputs(network, network.compute(network.inputs(x)).logits)
        errors[output] = np.abs(found - (pooled @ weight.T + bias)).max() / np.abs(exact).max()
    assert errors["regression"] < errors["classification"] / 8


def test_what_a_network_says_is_told():
    network = random_network("s4d", 3, 2, 1, seed=1, output="regression", **RUNNING)
    assert describe_head(network) == {
        "kind": "running", "output": "regression", "scale": 2.0**-network.decoder.fraction, "stride": 3,
        "time_constant": 8, "answers_per_sequence": "ceil(steps / 3)",
    }  # fmt: skip
    assert when_answered(network) == "after every 3 steps and at the end of each sequence"
    assert network.max_steps is None
    once = random_network("s4d", 3, 2, 1, seed=1)
    assert describe_head(once)["answers_per_sequence"] == "1"
    step = random_network("s4d", 3, 2, 1, seed=1, pooling="every_step")
    # Each step pays for an answer, or for a part of it.
    answer = step.decoder.multiplications
    assert step.multiplications_per_step == once.multiplications_per_step + answer
    assert network.multiplications_per_step == once.multiplications_per_step + -(-answer // 3)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"pooling": "max"}, "unknown pooling 'max'"),
        ({"output": "ranking"}, "unknown output 'ranking'"),
        ({"stride": 4}, "stride is 4, but only a running mean has one, and the head is mean"),
        ({"pooling": "every_step", "time_constant": 4}, "time_constant is 4, but only a running mean"),
        ({"pooling": "running", "time_constant": 8}, "stride is 0; a running mean answers every 1 to"),
        ({"pooling": "running", "stride": 2}, "time_constant is 0; choose a power of two from 2 to 65536"),
        ({"pooling": "running", "stride": 2, "time_constant": 12}, "time_constant is 12; choose a power of"),
        ({"pooling": "running", "stride": True, "time_constant": 8}, "stride is True; it must be a whole"),
    ],
)  # fmt: skip
def test_a_head_that_makes_no_sense_is_refused(changes, sentence):
    with pytest.raises(CheckpointError, match=sentence):
        NetworkConfig("s4d", 1, 2, 2, 1, 2, **changes)
