"""Hits and false alarms of a network that listens: the rule, the stream, the command."""

import json
from itertools import pairwise

import numpy as np
import pytest

from quantize.file import save_network
from statespike.listening import Detection, Rule, detect, judge
from statespike.models.tasks.registry import load_task
from statespike.models.tasks.spoken_digits import Recording
from statespike.models.tasks.spoken_stream import (
    BEHIND_END,
    FLOOR_LEVEL,
    LEVEL,
    NONE,
    PAUSES,
    Spoken,
    Variation,
    draw_stream,
    labels_of,
    recordings_of,
)
from statespike.models.tasks.task import TaskError
from tests.networks import random_network
from tests.recordings import wav, write_recordings

RULE = Rule(threshold=1.0, agree=2, refractory=0.5, margin=0.2)
SPEAKERS = ("ada", "bob", "eve", "zoe")


def logits_of(*said):
    """Answers of two words and none: each is a word and its lead over none."""
    logits = np.full((len(said), 3), -9.0)
    logits[:, 2] = 0.0
    for row, (word, lead) in zip(logits, said, strict=True):
        row[word] = lead
    return logits


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([(0, 2), (0, 2), (0, 2)], [(0.1, 0)]),  # again within the refractory time
        ([(0, 2), (0, 1), (0, 2)], []),  # at the threshold is not above it
        ([(0, 2), (1, 2), (1, 2)], [(0.2, 1)]),  # two in a row must say the same
        ([(0, 2)] * 8, [(0.1, 0), (0.6, 0)]),
    ],
)
def test_a_detection_is_clear_agreed_and_rested(said, expected):
    times = np.round(0.1 * np.arange(len(said)), 1)
    assert detect(times, logits_of(*said), RULE) == [Detection(*one) for one in expected]


def test_a_word_is_hit_once_within_its_margin():
    spoken = [Spoken(3, 1000, 2000), Spoken(4, 5000, 6000)]  # at 1 kHz
    said = [(0.9, 3), (1.5, 4), (1.6, 3), (2.1, 3), (2.3, 3), (6.2, 4)]
    outcome = judge(spoken, [Detection(*one) for one in said], RULE, 1000, seconds=36.0)
    figures = outcome.figures()
    assert outcome.hit.tolist() == [True, True]
    assert (figures["false_alarms_in_words"], figures["false_alarms_in_pauses"]) == (2, 2)
    assert figures["false_alarms_per_hour"] == 400.0
    late = judge(spoken, [Detection(2.21, 3)], RULE, 1000, seconds=36.0)
    assert (late.hits, late.alone) == (0, 1)


def tones(speakers=SPEAKERS, takes=7):
    """A recording of a tone for each of three digits."""
    return [
        Recording(take, digit, speaker, (8000 * np.sin(np.arange(2400) * (digit + 1) / 4)).astype(np.int16))
        for take in range(takes) for digit in (0, 1, 2) for speaker in speakers
    ]  # fmt: skip


def test_a_stream_has_the_stated_levels_and_pauses(tmp_path):
    recordings = recordings_of(tones(), 2, tmp_path)
    assert {recording.speaker for recording in recordings} == {"eve", "zoe"}
    samples, spoken = draw_stream(recordings, 8000 * 60, Variation((10, 10)), np.random.default_rng(1))
    pauses = [(after.start - before.end) / 8000 for before, after in pairwise(spoken)]
    assert PAUSES[0] <= min(pauses) <= max(pauses) <= PAUSES[1]

    def level(part):
        return 20 * np.log10(np.sqrt((part.astype(float) ** 2).mean()) / 2**15)

    silence = np.concatenate([samples[a.end : b.start] for a, b in pairwise(spoken)])
    levels = np.array([level(part) for part in np.array_split(silence, 60)])
    np.testing.assert_allclose(levels[levels > -50].mean(), LEVEL - 10, atol=1.5)
    np.testing.assert_allclose(levels.min(), FLOOR_LEVEL, atol=1.5)
    again, _ = draw_stream(recordings, 8000 * 60, Variation((10, 10)), np.random.default_rng(1))
    np.testing.assert_array_equal(again, samples)


def test_steps_around_the_end_of_a_digit_have_its_label():
    labels = labels_of([Spoken(7, 8000, 12000)], 200)
    times = (128 * np.arange(200) + 256) / 8000
    assert set(labels) == {NONE, 7, -1}
    assert times[labels == 7].min() == pytest.approx(1.4, abs=0.016)
    assert times[labels == 7].max() == pytest.approx(1.5 + BEHIND_END, abs=0.016)
    assert (labels[times < 1.0] == NONE).all()


def test_too_few_speakers_are_refused(tmp_path):
    with pytest.raises(TaskError, match="more than 2 speakers"):
        recordings_of(tones(("ada", "bob")), 0, tmp_path)


@pytest.fixture
def folder(tmp_path):
    files = {f"{r.digit}_{r.speaker}_{r.take}.wav": wav(r.samples) for r in tones()}
    return write_recordings(tmp_path / "recordings", files)


def test_a_task_of_streams_has_labels_of_steps(folder):
    task = load_task("spoken-stream", folder)
    assert (task.features, task.classes, task.class_names[-1]) == (16, 11, "none")
    validation = task.validation
    assert validation.labels_steps
    varied = task.augment(validation.take(slice(2)), np.random.default_rng(0))
    assert varied.x.shape == (2, 512, 16)
    assert not np.array_equal(varied.y, validation.y[:2])


def test_a_short_stream_is_listened_to(run, refuse, folder, tmp_path):
    network = random_network(
        "prf", 3, 2, 1, seed=1, features=16, classes=11, pooling="running", stride=4, time_constant=8
    )
    path, written = tmp_path / "network.safetensors", tmp_path / "figures.json"
    save_network(network, path)
    arguments = ["listen", path, "--data", folder, "--minutes", 0.2, "--json", written]
    result = run(
        *arguments, "--threshold", 0, "--picture", tmp_path / "stream.svg", "--logits", tmp_path / "y"
    )
    assert result.exit_code == 0, result.output
    figures = json.loads(written.read_text())
    assert figures["hits"] + figures["misses"] == figures["words"] > 2
    assert figures["seconds"] == 12.0
    assert figures["answers"] == -(-figures["steps"] // 4) == len(np.load(tmp_path / "y"))
    assert figures["rule"]["threshold"] == 0
    assert (tmp_path / "stream.svg").read_text().count("<rect") >= figures["words"]
    save_network(random_network("prf", 3, 2, 1, seed=1, features=16, classes=11), path)
    assert "answers once, at the end of a sequence" in refuse(*arguments)


@pytest.mark.parametrize("option", ["snr", "threshold", "refractory", "margin"])
def test_numbers_that_are_not_finite_are_refused(refuse, option):
    said = refuse("listen", "spoken-stream-gsu_lean", f"--{option}", "inf")
    assert f"--{option} is inf; give a finite number" in said
