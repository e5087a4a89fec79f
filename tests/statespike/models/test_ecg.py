"""Heartbeats: windows around the R peaks, no baseline, classes, and three sets that do not mix."""

import shutil

import numpy as np
import pytest

from quantize.inputs import input_format
from statespike.models.tasks.baseline import without_baseline
from statespike.models.tasks.ecg import CLASSES, classes_of, intervals
from statespike.models.tasks.ecg_records import decimate
from statespike.models.tasks.ecg_splits import AFTER, BEFORE, DS1, DS2, PACED, VALIDATION
from statespike.models.tasks.idx import data_location
from statespike.models.tasks.registry import load_task
from statespike.models.tasks.task import TaskError
from tests.ecg_records import write_record

STEPS = 1600
SYMBOLS = "NNVNAN/NFL"


def write_database(folder):
    """All 48 records, of 13 seconds and ten beats each, the first and the last too near to the ends."""
    generator = np.random.default_rng(6)
    for name in (*DS1, *DS2, *PACED):
        samples = generator.integers(-200, 200, (3 * STEPS, 2)) + 500
        peaks = np.sort(generator.choice(np.arange(300, 4500, 3), 8, replace=False)).tolist()
        beats = zip((100, *peaks, 4700), SYMBOLS, strict=True)
        write_record(folder, name, samples, beats, leads=("V5", "MLII") if name == 114 else ("MLII", "V1"))
    return folder


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    return write_database(tmp_path_factory.mktemp("ecg") / "mitdb")


def test_a_beat_is_one_sequence_of_the_lead_alone(database):
    task = load_task("ecg", database)
    assert (task.features, task.classes) == (1, len(CLASSES))
    assert task.validation is not None
    sets = (task.train, task.validation, task.test)
    assert sum(len(part) for part in sets) == 48 * 8
    assert len(task.test) == 48 * 8 // 5
    assert task.train.x.shape[1:] == (BEFORE + AFTER, 1)
    whole = np.concatenate([part.x for part in sets])[:, :, 0]
    assert len(np.unique(whole, axis=0)) == 48 * 8, "a beat stands in two sets"
    assert input_format(whole).width <= 12


def test_patients_of_the_test_train_nothing(database):
    task = load_task("ecg-inter", database)
    assert task.validation is not None
    assert [len(part) for part in (task.train, task.validation, task.test)] == [17 * 8, 5 * 8, 22 * 8]
    assert set(VALIDATION) < set(DS1)
    assert len({*DS1, *DS2, *PACED}) == 48
    assert task.train.x.shape[2] == task.features == 6
    assert (task.train.x[:, :, 2:] == task.train.x[:, :1, 2:]).all(), "intervals are the same at every step"


def test_the_full_features_split_as_the_lead_alone_does(database):
    full, alone = load_task("ecg-full", database), load_task("ecg", database)
    assert full.test.x.shape[2] == full.features == 6
    np.testing.assert_array_equal(full.test.x[:, :, :1], alone.test.x)
    np.testing.assert_array_equal(full.train.y, alone.train.y)


def test_the_main_lead_comes_first(database):
    both, alone = load_task("ecg-inter", database), load_task("ecg", database)
    whole = np.concatenate([alone.train.x, alone.test.x, alone.validation.x])[:, :, 0]
    known = {beat.tobytes() for beat in whole}
    assert all(beat.tobytes() in known for beat in np.ascontiguousarray(both.validation.x[:, :, 0]))


def test_an_archive_is_read_like_its_folder(database, tmp_path):
    expected = load_task("ecg", database).test
    for form in ("zip", "xztar"):
        archive = shutil.make_archive(str(tmp_path / "mitdb"), form, database.parent, "mitdb")
        found = load_task("ecg", archive).test
        np.testing.assert_array_equal(found.x, expected.x)
        np.testing.assert_array_equal(found.y, expected.y)


def test_every_symbol_has_its_class():
    names = np.array(list(CLASSES))
    assert "".join(names[classes_of(np.array(list("NLRejAaJSVEF/fQ")))]) == "NNNNNSSSSVVFQQQ"


def test_three_samples_are_summed():
    np.testing.assert_array_equal(decimate(np.array([2047, 2047, 2047, -1, -2, -3, 9], np.int16)), [6141, -6])


def test_the_baseline_goes_and_a_beat_stays():
    steps = np.arange(2000)
    drift = np.round(300 * np.sin(2 * np.pi * steps / 4000)).astype(np.int64)
    beat = np.where(steps % 100 == 50, 600, 0)
    found = without_baseline(drift + beat)
    quiet = found[(steps % 100 < 45) & (steps > 200)]
    assert np.abs(quiet).max() < 100
    assert found[50::100].min() > 450


def test_the_baseline_is_causal():
    signal = np.random.default_rng(2).integers(-900, 900, 300)
    np.testing.assert_array_equal(without_baseline(signal)[:200], without_baseline(signal[:200]))


def test_intervals_tell_a_premature_beat_and_its_pause():
    found = intervals(np.cumsum([0, 360, 360, 360, 180, 540, 360]))
    assert found.shape == (7, 4)
    assert found[2] == pytest.approx([0, 0, 0, 0])
    assert found[4, 0] < -0.7 < 0.7 < found[4, 1]
    assert intervals(np.array([5])).tolist() == [[0, 0, 0, 0]]


def test_without_data_the_error_says_where_it_is(tmp_path):
    with pytest.raises(TaskError, match=r"no records of heartbeats .*physionet\.org"):
        _ = load_task("ecg", tmp_path).test


def test_a_missing_record_is_named(database, tmp_path):
    folder = shutil.copytree(database, tmp_path / "part")
    (folder / "232.atr").unlink()
    for name in ("ecg", "ecg-inter"):
        with pytest.raises(TaskError, match=r"no 232\.atr \(and 0 more files\)"):
            _ = load_task(name, folder).test


def test_another_rate_is_refused(database, tmp_path):
    folder = shutil.copytree(database, tmp_path / "slow")
    header = folder / "100.hea"
    header.write_bytes(header.read_bytes().replace(b"100 2 360", b"100 2 250"))
    with pytest.raises(TaskError, match="record 100 has 250 Hz; the database has 360"):
        _ = load_task("ecg", folder).test


@pytest.mark.skipif(
    not (data_location(None) / "mit-bih-arrhythmia-database-1.0.0.tar.xz").is_file(),
    reason="no MIT-BIH Arrhythmia Database in STATESPIKE_DATA",
)
def test_the_real_database_has_the_beats_it_is_known_for():
    task = load_task("ecg")
    assert len(task.test) == 21882
