"""Sequences as they come: lines of numbers, and clips of recordings."""

import wave
from dataclasses import replace

import numpy as np
import pytest

from boards.host import Answer
from quantize.errors import StatespikeError
from quantize.inputs import EncoderChoice
from statespike.commands.run import Tally
from statespike.library.networks import load
from statespike.library.quantising import quantise
from statespike.live import CLIP_STEPS, clips_of_wav, pieces_of_lines, rule_of, said_of, sequences_of_lines
from tests.networks import random_network, random_samples, random_tokens


@pytest.fixture(scope="module")
def network():
    return random_network("prf", 3, 2, 1, seed=1, features=2)


@pytest.fixture(scope="module")
def listener():
    """A network of spoken digits, 16 bands."""
    drawn = random_network("prf", 3, 2, 1, seed=1, features=16)
    drawn.provenance["task"] = "spoken_digits"
    return drawn


def test_an_empty_line_ends_a_sequence(network):
    lines = ["\n", "0.5 1\n", "0.25,-1\n", "\n", " \n", "1e-1 0\n"]
    first, second = sequences_of_lines(lines, network)
    assert np.array_equal(first, [[0.5, 1], [0.25, -1]])
    assert np.array_equal(second, [[0.1, 0]])


def test_a_sequence_comes_as_soon_as_its_empty_line(network):
    def lines():
        yield from ("1 1\n", "\n")
        raise AssertionError("nothing more may be read")

    assert next(sequences_of_lines(lines(), network)).shape == (1, 2)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("1", "line 2 holds 1 number; a step of this network has 2"),
        ("1 2 3", "line 2 holds 3 numbers"),
        ("1 x", "line 2 is no line of numbers: '1 x'"),
        ("1 nan", "line 2 holds a number that is not finite"),
        ("inf 1", "line 2 holds a number that is not finite"),
    ],
)
def test_lines_that_are_no_steps_are_told(network, line, sentence):
    with pytest.raises(StatespikeError, match=sentence):
        list(sequences_of_lines(["1 2", line], network))


def test_the_rule_is_said(network):
    assert (
        rule_of(network)
        == "a step is 2 numbers, rounded to multiples of 0.00390625 and clipped to -1 to 0.996094"
    )


def test_a_network_of_tokens_takes_their_numbers():
    checkpoint = load("listops-short-gsu")
    tokens = random_tokens(4, 8, checkpoint.config.features, seed=1)
    # Such tokens are no task of its.
    lost = pytest.warns(UserWarning, match=r"some outputs have only weights that are too small.*array_2")
    with lost, pytest.warns(UserWarning, match="integers are much worse"):
        network = quantise(checkpoint, tokens, encoder=EncoderChoice.TOKEN)
    (steps,) = sequences_of_lines(["3", "0", str(network.features)], network)
    assert network.inputs(steps[None]).ravel().tolist() == [3, 0, network.features]
    assert rule_of(network).startswith("a step is the number of a token, 0 to")
    for wrong in ("1.5", "-1", "99"):
        with pytest.raises(StatespikeError, match=f"line 1: {wrong} is no token"):
            list(sequences_of_lines([wrong], network))


def test_a_recording_is_cut_into_clips(listener, tmp_path):
    path = tmp_path / "clip.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.random.default_rng(1).integers(-9999, 9999, 12_000, dtype=np.int16).tobytes())
    first, second = clips_of_wav(path, listener)
    assert first.shape == (CLIP_STEPS["spoken_digits"], 16)
    assert len(first) + len(second) == 1 + (12_000 - 256) // 128


def test_a_network_of_something_else_takes_no_recording(network, tmp_path):
    with pytest.raises(StatespikeError, match="WAV files are for networks of spoken_digits and keywords"):
        next(clips_of_wav(tmp_path / "clip.wav", network))


@pytest.mark.parametrize(
    ("options", "names", "said"),
    [
        ({}, ("no", "yes"), ["class yes", "class no"]),
        ({}, (), ["class 1", "class 0"]),
        ({"output": "multi_label"}, ("no", "yes"), ["labels no, yes", "no label"]),
        ({"output": "regression"}, (), ["0.5, 1.5", "-0.5, -1.5"]),
    ],
)
def test_an_answer_is_told_by_what_the_outputs_are(options, names, said):
    network = replace(
        random_network("prf", 2, 1, 1, seed=4, classes=2, **options), provenance={"class_names": list(names)}
    )
    logits = np.array([1, 3]) << network.decoder.fraction >> 1
    assert [said_of(network, logits), said_of(network, -logits)] == said


def test_each_of_several_answers_is_told_with_its_step():
    network = random_network("prf", 2, 1, 1, seed=4, classes=2, pooling="running", stride=3, time_constant=4)
    tally, told = Tally(network, check=True), []
    xs = random_samples(2, 7, seed=1)

    class Board:
        """In the place of a board, the reference."""

        def ask(self, x):
            return Answer(network.compute(network.inputs(x[None])).logits[0], 0.1)

    tally.play(Board(), [xs[0], xs[1, :4]], lambda answer: told.extend(tally.sentences(answer)))
    assert [line.split(":")[0] for line in told] == [
        *(f"sequence 1, step {step}" for step in (3, 6, 7)), *(f"sequence 2, step {step}" for step in (3, 4))
    ]  # fmt: skip
    assert tally.differing == 0
    lengths = np.array([7, 4])
    np.testing.assert_array_equal(tally.logits, network.compute(network.inputs(xs), lengths).logits)


def test_a_sequence_comes_in_pieces_with_what_is_behind_them():
    network = random_network("prf", 2, 1, 1, seed=4, pooling="running", stride=2, time_constant=4)
    lines = ["0.1", "0.2", "0.3", "", "0.4", "0.5", "0.6"]
    pieces = [(x[:, 0].tolist(), ended) for x, ended in pieces_of_lines(lines, network, most=2)]
    assert pieces == [([0.1, 0.2], False), ([0.3], True), ([0.4, 0.5], False), ([0.6], None)]
