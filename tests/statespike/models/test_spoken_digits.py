"""Spoken digits: recordings as people keep them, and frames that a circuit could stream."""

import io
import tarfile

import numpy as np
import pytest

from statespike.models.tasks.mel import BANDS, FULL_SCALE, HOP, RATE, WINDOW, log_mel, mel_bands
from statespike.models.tasks.registry import load_task
from statespike.models.tasks.spoken_digits import STEPS, digest_of, read_recordings
from statespike.models.tasks.task import TaskError
from tests.recordings import noise_recordings, wav, write_recordings


@pytest.fixture
def recordings():
    return noise_recordings()


def write_archive(path, recordings):
    with tarfile.open(path, "w:xz") as package:
        for name, content in {"README.md": b"not sound", **recordings}.items():
            member = tarfile.TarInfo(f"free-spoken-digit-dataset/recordings/{name}")
            member.size = len(content)
            package.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("below", [".", "recordings", "free-spoken-digit-dataset/recordings"])
def test_a_folder_of_recordings_becomes_two_sets(recordings, tmp_path, below):
    write_recordings(tmp_path / below, recordings)
    task = load_task("spoken_digits", tmp_path)
    assert (task.features, task.classes) == (BANDS, 10)
    train, test = task.train, task.test
    assert (train.x.shape, test.x.shape) == ((8, STEPS, BANDS), (20, STEPS, BANDS))
    assert test.x.dtype == np.float32
    assert test.y is not None
    assert test.lengths is not None
    assert test.y[:4].tolist() == [3, 3, 8, 8]
    assert test.lengths[:8].tolist() == [1, 1, 1, 1, 5, 5, 5, 5]
    np.testing.assert_array_equal(task.calibration.x, train.x)


def test_steps_behind_a_recordings_end_are_zero(recordings, tmp_path):
    test = load_task("spoken_digits", write_recordings(tmp_path, recordings)).test
    assert test.lengths is not None
    behind = np.arange(STEPS) >= test.lengths[:, None]
    assert not test.x[behind].any()
    assert test.x[~behind].any()


def test_long_recordings_are_cut(recordings, tmp_path):
    recordings["0_ada_0.wav"] = wav(np.zeros(3 * RATE))
    test = load_task("spoken_digits", write_recordings(tmp_path, recordings)).test
    assert test.lengths is not None
    assert test.lengths.max() == STEPS


def test_an_archive_gives_what_its_folder_gives(recordings, tmp_path):
    from_folder = read_recordings(write_recordings(tmp_path / "recordings", recordings))
    archive = write_archive(tmp_path / "free-spoken-digits.tar.xz", recordings)
    from_archive = read_recordings(archive, digest_of(from_folder))
    assert [recording[:3] for recording in from_archive] == [recording[:3] for recording in from_folder]
    assert digest_of(from_archive) == digest_of(from_folder)


def test_an_archive_of_other_recordings_is_refused(recordings, tmp_path):
    write_archive(tmp_path / "free-spoken-digits.tar.xz", recordings)
    with pytest.raises(TaskError, match=r"its 28 recordings have SHA-256 [0-9a-f]+ instead of 665bc36b"):
        _ = load_task("spoken_digits", tmp_path).test


def test_a_truncated_archive_is_refused(recordings, tmp_path):
    archive = write_archive(tmp_path / "mine.tar.xz", recordings)
    archive.write_bytes(archive.read_bytes()[:3000])
    with pytest.raises(TaskError, match="not a whole zip or tar archive"):
        _ = load_task("spoken_digits", archive).test


def test_without_recordings_the_error_says_how_to_get_them(tmp_path):
    task = load_task("spoken_digits", tmp_path)
    with pytest.raises(TaskError, match=r"no recordings of spoken digits .* run `git clone"):
        _ = task.train


def test_a_folder_without_a_test_set_is_refused(recordings, tmp_path):
    late = {name: content for name, content in recordings.items() if name.endswith(("5.wav", "6.wav"))}
    task = load_task("spoken_digits", write_recordings(tmp_path, late))
    assert len(task.train) == 8
    with pytest.raises(TaskError, match=r"no recording of the test set \(takes below 5\)"):
        _ = task.test


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"RIFF", "1_ada_0.wav: this is not a WAV file"),
        (wav(np.zeros(900), rate=16000), "has 16000 Hz; spoken digits are 8000 Hz"),
        (wav(np.zeros(900), channels=2), "has 2 channels and 16 bits; give mono"),
    ],
)
def test_sound_of_another_kind_is_refused(tmp_path, content, sentence):
    write_recordings(tmp_path, {"1_ada_0.wav": content})
    with pytest.raises(TaskError, match=sentence):
        _ = load_task("spoken_digits", tmp_path).test


def test_a_tone_lies_in_the_band_of_its_frequency():
    band = 9
    centre = mel_bands()[band].argmax() * RATE / WINDOW
    time = np.arange(WINDOW + 5 * HOP) / RATE
    frames = log_mel((8000 * np.sin(2 * np.pi * centre * time)).astype(np.int16))
    assert frames.shape == (6, BANDS)
    assert (frames.argmax(1) == band).all()


def test_twice_the_amplitude_is_two_octaves_of_power():
    samples = np.random.default_rng(1).integers(-4000, 4000, WINDOW)
    quiet, loud = log_mel(samples), log_mel(2 * samples)
    np.testing.assert_array_equal(FULL_SCALE * (loud - quiet), 16)


def test_frames_are_eight_bit_words_whatever_the_sound():
    for samples in (np.zeros(10), np.full(900, -32768), np.tile([32767, -32768], 450)):
        frames = log_mel(samples.astype(np.int16)) * FULL_SCALE
        np.testing.assert_array_equal(frames, np.round(frames))
        assert frames.min() >= -128
        assert frames.max() <= 127


def test_a_frame_depends_on_its_own_samples_only():
    samples = np.random.default_rng(2).integers(-4000, 4000, 2000).astype(np.int16)
    later = log_mel(samples[3 * HOP :])
    np.testing.assert_array_equal(log_mel(samples)[3:], later)
