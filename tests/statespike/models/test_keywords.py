"""Spoken words: both layouts, sets that the lists decide, and training clips that vary."""

import shutil

import numpy as np
import pytest

from statespike.models.tasks.archives import read_files
from statespike.models.tasks.keywords import BANDS, SAMPLES, STEPS, read_clips, varied
from statespike.models.tasks.mel import frame_count, log_mel
from statespike.models.tasks.registry import load_task
from statespike.models.tasks.task import TaskError
from statespike.models.tasks.wav import at_feature_rate, parse_wav
from tests.recordings import wav

WORDS = ("go", "stop here")
SPEAKERS = ("ada", "alan", "grace")


def tone(frequency, samples=SAMPLES, rate=8000):
    return np.round(9000 * np.sin(2 * np.pi * frequency * np.arange(samples) / rate)).astype(np.int16)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture
def arabic(tmp_path):
    """Two words by three speakers, one for each set, two takes; and noise."""
    folder = tmp_path / "arabic-speech-commands-8k"
    tables = {name: ["file,class"] for name in ("train", "val", "test")}
    for number, word in enumerate(WORDS):
        for table, speaker in zip(tables, SPEAKERS, strict=True):
            for take in range(2):
                name = f"dataset/{word}/{speaker}_NO_{take}.wav"
                write(folder / name, wav(tone(300 + 500 * number + 10 * take)))
                tables[table].append(f"{name},{word}")
    for table, lines in tables.items():
        write(folder / f"{table}.csv", ("\n".join(lines) + "\n").encode())
    write(folder / "background_noise/boiler.wav", wav(np.random.default_rng(2).integers(-900, 900, 20000)))
    return folder


@pytest.fixture
def google(tmp_path):
    """The same words at 16 kHz, with lists of two sets, and a clip that is shorter."""
    folder = tmp_path / "speech_commands_v0.02"
    for number, word in enumerate(WORDS):
        for speaker in SPEAKERS:
            samples = 16000 - 6000 * (speaker == "ada")
            write(
                folder / word / f"{speaker}_nohash_0.wav",
                wav(tone(300 + 500 * number, samples, 16000), 16000),
            )
    for name, speaker in (("validation_list.txt", "alan"), ("testing_list.txt", "grace")):
        write(folder / name, "".join(f"{word}/{speaker}_nohash_0.wav\n" for word in WORDS).encode())
    write(folder / "_background_noise_/hum.wav", wav(tone(50, 20000, 16000), 16000))
    return folder


def test_a_network_is_trained_quantised_and_evaluated_where_the_recordings_are(run, arabic, tmp_path):
    trained, integers = tmp_path / "words.safetensors", tmp_path / "integers.safetensors"
    sizes = ("--channels", 2, "--modes", 1, "--layers", 1, "--epochs", 1)
    for arguments in (
        ("train", "keywords", "--data", arabic, *sizes, "-o", trained),
        ("quantize", trained, "--data", arabic, "-o", integers),
        ("evaluate", integers, "keywords", "--data", arabic),
        ("evaluate", trained, "keywords", "--data", arabic),
    ):
        result = run(*arguments)
        assert result.exit_code == 0, result.stderr
    assert "on 4 sequences" in result.stdout


def test_the_lists_decide_what_trains_and_what_tests(arabic):
    task = load_task("keywords", arabic)
    assert (task.features, task.classes) == (BANDS, 2)
    assert task.validation is not None
    for part in (task.train, task.validation, task.test):
        assert part.x.shape == (4, STEPS, BANDS)
        assert part.lengths is not None
        assert part.lengths.tolist() == [STEPS] * 4
        assert sorted(part.y) == [0, 0, 1, 1]
    np.testing.assert_array_equal(task.train.x[0], log_mel(tone(300), BANDS))


def test_googles_layout_at_twice_the_rate(google):
    task = load_task("keywords", google.parent)
    assert task.classes == 2
    assert [len(part) for part in (task.train, task.validation, task.test)] == [2, 2, 2]
    assert task.train.lengths.tolist() == [38, 38]
    assert task.test.lengths.tolist() == [61, 61]
    np.testing.assert_allclose(task.test.x[0], log_mel(tone(300), BANDS), atol=0.1)


def test_an_archive_is_read_like_its_folder(arabic, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "words"), "xztar", tmp_path, arabic.name)
    found, expected = load_task("keywords", archive).test, load_task("keywords", arabic).test
    order = [np.lexsort(part.x.reshape(4, -1).T) for part in (found, expected)]
    np.testing.assert_array_equal(found.x[order[0]], expected.x[order[1]])
    np.testing.assert_array_equal(found.y[order[0]], expected.y[order[1]])


def drop(name):
    return lambda folder: (folder / name).unlink()


def append(name, content):
    def change(folder):
        (folder / name).write_bytes((folder / name).read_bytes() + content)

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (drop("val.csv"), "not all lists are there, only train.csv, test.csv"),
        (drop("dataset/go/alan_NO_1.wav"), "val.csv lists 'dataset/go/alan_NO_1.wav', which is not there"),
        (append("test.csv", b"\xff\xff"), "test.csv is no list of recordings"),
        (lambda folder: (folder / "test.csv").write_bytes(b"path\nx\n"), "test.csv is no list of recordings"),
        (lambda folder: (folder / "test.csv").write_bytes(b"file,class\n"), "ada_NO_0|is in no list"),
        (
            lambda folder: write(folder / "dataset/new/eve_NO_0.wav", wav(tone(9))),
            "dataset/new/eve_NO_0.wav is in no list",
        ),
        (lambda folder: shutil.rmtree(folder / "dataset"), "no recordings in folders of classes"),
    ],
)
def test_lists_and_recordings_must_agree(arabic, change, sentence):
    change(arabic)
    with pytest.raises(TaskError, match=sentence):
        read_clips(arabic)


def test_a_word_that_nobody_tests_is_refused(google):
    (google / "testing_list.txt").write_text("go/grace_nohash_0.wav\n")
    with pytest.raises(TaskError, match="no test recording of 'stop here'"):
        read_clips(google)


def test_without_data_the_error_says_what_is_needed(tmp_path):
    with pytest.raises(TaskError, match=r"no recordings of words .*Google's Speech Commands"):
        load_task("keywords", tmp_path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "this is not a WAV file"),
        (wav(tone(9))[:30], "this is not a WAV file"),
        (wav(tone(9))[:-1], "holds 15999 bytes of samples where its header promises 16000"),
        (wav(tone(9))[:36] + b"junk\xff\xff\xff\x7f", "this is not a WAV file"),
        (wav([]), "or none at all"),
        (wav(tone(9), channels=2), "2 channels and 16 bits; give mono"),
    ],
)
def test_a_damaged_recording_is_refused(content, sentence):
    with pytest.raises(TaskError, match=f"word.wav:? .*{sentence}"):
        parse_wav(content, "word.wav")


@pytest.mark.parametrize("rate", [0, 4000, 11025, 8000 * 500_000])
def test_a_rate_that_is_no_multiple_is_refused(rate):
    with pytest.raises(TaskError, match=f"word.wav has {rate} Hz; give 8000 Hz or a multiple"):
        at_feature_rate(tone(300), rate, "word.wav")


def test_a_lower_rate_keeps_what_it_can_hold_and_nothing_else():
    kept = at_feature_rate(tone(1000, 16000, 16000), 16000, "")
    assert len(kept) == 8000
    np.testing.assert_allclose(kept[50:-50], tone(1000)[50:-50], atol=60)
    gone = at_feature_rate(tone(5000, 16000, 16000), 16000, "")
    assert np.abs(gone[50:-50]).max() < 90


def test_training_clips_vary_and_the_generator_alone_decides_how():
    samples = np.stack([tone(500), tone(900)])
    clips = samples, np.array([SAMPLES, 4000]), np.array([0, 1])
    noise = np.random.default_rng(5).integers(-3000, 3000, 20000).astype(np.int16)
    first, second = (varied(*clips, noise, np.random.default_rng(seed)) for seed in (7, 8))
    assert first.x.shape == (2, STEPS, BANDS)
    np.testing.assert_array_equal(first.x, varied(*clips, noise, np.random.default_rng(7)).x)
    assert not np.array_equal(first.x, second.x)
    np.testing.assert_array_equal(first.y, [0, 1])
    assert first.lengths[0] == STEPS
    assert first.lengths[1] == pytest.approx(frame_count(4000), abs=6)
    assert (first.x * 128 == np.round(first.x * 128)).all(), "features stay whole multiples of 1/128"


def test_a_small_step_of_the_variation_is_the_clip_itself(monkeypatch):
    for name in ("SHIFT", "STRETCH", "LOUDNESS", "NOISE_SHARE"):
        monkeypatch.setattr(f"statespike.models.tasks.keywords.{name}", 0)
    for name in ("MASKED_BANDS", "MASKED_STEPS"):
        monkeypatch.setattr(f"statespike.models.tasks.keywords.{name}", 0)
    clips = np.stack([tone(500)])
    noise = np.ones(20000, np.int16)
    found = varied(clips, np.array([SAMPLES]), np.array([0]), noise, np.random.default_rng(0))
    np.testing.assert_array_equal(found.x, log_mel(clips, BANDS))


def test_the_clips_are_no_part_of_the_memory(arabic):
    words, _ = read_clips(arabic)
    assert isinstance(words.clips.values, np.memmap)
    assert words.clips.values.shape == (12 * SAMPLES,)
    assert len(list(read_files(arabic, lambda path: path.suffix == ".wav"))) == 13
