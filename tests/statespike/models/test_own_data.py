"""A user's own data: every form becomes the same sequences, and what is wrong with it gets one sentence."""

import wave

import numpy as np
import pytest

from quantize.errors import StatespikeError
from statespike.models.tasks.mel import BANDS, frame_count, log_mel
from statespike.models.tasks.own import own_task
from statespike.models.tasks.readers import read_own
from statespike.models.tasks.registry import load_task
from statespike.models.tasks.task import TaskError
from tests.ecg_records import write_record
from tests.recordings import wav


def sequences(path):
    return read_own(path).sequences


# Arrays


def test_several_arrays_are_joined_in_the_order_of_their_names(tmp_path):
    path = tmp_path / "mine.npz"
    turn = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)
    move = np.array([0, 1, 1] * 4).reshape(4, 3, 1).astype(bool)
    np.savez(path, x_turn=turn, x_move=move)
    found = read_own(path)
    expected = np.concatenate([move, turn], axis=2).astype(np.float32)
    np.testing.assert_array_equal(found.sequences.x, expected)
    np.testing.assert_array_equal(found.sequences.take(np.array([2, 0])).x, expected[[2, 0]])
    assert "3 features: x_move (1), x_turn (2), in this order" in found.notes[0]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("kind", [np.uint8, np.float64, ">f4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_what_is_not_compressed_stays_in_the_file(tmp_path, save, kind, order):
    path = tmp_path / "mine.npz"
    x = np.asarray(np.arange(24).reshape(4, 3, 2).astype(kind), order=order)
    save(path, y=np.arange(4), x=x)
    found = read_own(path, limit=3).sequences
    np.testing.assert_array_equal(found.x, x[:3])
    assert found.x.dtype == np.float32


def test_a_damaged_array_is_found_though_it_is_mapped(tmp_path):
    path = tmp_path / "mine.npz"
    np.savez(path, x=np.full((3, 4, 1), 77, np.uint8))
    content = bytearray(path.read_bytes())
    content[content.rindex(77) - 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(TaskError, match=r"not an \.npz file of plain arrays .*CRC"):
        read_own(path)


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"x_a": np.zeros((3, 4, 1)), "x_b": np.zeros((3, 5, 1))}, r"x_b has shape \(3, 5, 1\) and x_a"),
        ({"x": np.zeros((3, 4, 1)), "x_b": np.zeros((2, 4, 1))}, r"x_b has shape \(2, 4, 1\) and x "),
        ({"x_a": np.zeros((3, 4, 1)), "x_b": np.full((3, 4, 1), np.inf)}, r"x_b holds inf at index"),
        ({"x_a": np.zeros((3, 4))}, r"x_a has shape \(3, 4\)"),
        (
            {"x": np.zeros((3, 4, 1)), "y": np.full((3, 4), -2)},
            "y holds -2; labels count from 0, and -1 marks",
        ),
        ({"x": np.zeros((3, 4, 1)), "y": np.zeros((3, 5, 1))}, r"y has shape \(3, 5, 1\); targets are"),
        ({"x": np.zeros((3, 4, 1)), "y": np.full((3, 4), np.inf)}, "y holds inf; keep to finite"),
    ],
)
def test_arrays_that_cannot_be_joined_are_refused(tmp_path, arrays, sentence):
    np.savez(tmp_path / "mine.npz", **arrays)
    with pytest.raises(TaskError, match=sentence):
        read_own(tmp_path / "mine.npz")


@pytest.mark.parametrize(
    ("y", "labels", "targets"),
    [
        (np.array([[0, 1, -1]] * 12), [0, 1, -1], None),
        (np.array([[True, False, True]] * 12), [1, 0, 1], None),
        (np.array([[0.5, 1.5, np.nan]] * 12), None, [[0.5], [1.5], [np.nan]]),
        (np.array([[[0.5, 2.5]] * 3] * 12), None, [[0.5, 2.5]] * 3),
        (np.array([[0.5, 2.5]] * 12), None, [0.5, 2.5]),
        (np.array([0.5] * 12), None, [0.5]),
        (np.array([[1, 0]] * 12), None, [1, 0]),
        (np.array([[[True, False]] * 3] * 12), None, [[1, 0]] * 3),
    ],
)
def test_labels_and_targets_once_or_at_each_step(tmp_path, y, labels, targets):
    np.savez(tmp_path / "mine.npz", x=np.zeros((12, 3, 1)), y=y)
    found = read_own(tmp_path / "mine.npz").sequences
    assert found.labels_steps == (y.shape[1:2] == (3,))
    for value, expected in ((found.y, labels), (found.targets, targets)):
        assert (value is None) == (expected is None)
        if value is not None:
            np.testing.assert_array_equal(value[0], expected)
    task = load_task("mine", tmp_path / "mine.npz")
    several = targets is not None and y.dtype.kind != "f"
    assert task.output == (
        "classification" if targets is None else "multi_label" if several else "regression"
    )
    assert task.classes == (2 if targets is None else np.shape(targets)[-1])
    assert (len(task.train), len(task.test)) == (11, 1)


# Tables


def table(tmp_path, text, name="mine.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_line_a_step_with_a_column_that_tells_sequences_apart(tmp_path):
    lines = [
        "time,id,ax,ay,class",
        "0,b,1,2,walk",
        "1,b,3,4,walk",
        "",
        "0,a,5,6,run",
        "1,a,7,8.5,run",
        "2,a,9,1e1,run",
    ]
    found = read_own(table(tmp_path, "\n".join(lines) + "\n"))
    assert found.class_names == ("run", "walk")
    assert found.sequences.y.tolist() == [1, 0]
    assert found.sequences.lengths.tolist() == [2, 3]
    assert found.sequences.x.tolist() == [[[1, 2], [3, 4], [0, 0]], [[5, 6], [7, 8.5], [9, 10]]]
    assert found.notes == (
        f"{tmp_path}/mine.csv: 2 sequences of 2 to 3 steps, a line a step, told apart by column 'id', with "
        "2 features (ax, ay), without time",
        f"{tmp_path}/mine.csv: 2 classes in column 'class', one for each sequence: run, walk",
    )


def test_a_line_a_sequence_of_one_feature(tmp_path):
    found = read_own(table(tmp_path, "t0;t1;t2;label\n1;2;3;10\n4;;;2\n7;8;;10\n"))
    assert found.sequences.x[:, :, 0].tolist() == [[1, 2, 3], [4, 0, 0], [7, 8, 0]]
    assert found.sequences.lengths.tolist() == [3, 1, 2]
    assert found.class_names == ("2", "10")
    assert found.sequences.y.tolist() == [1, 0, 1]
    assert "its steps in columns 't0' to 't2', separated by ';'" in found.notes[0]


@pytest.mark.parametrize(
    ("text", "y", "targets", "names", "told"),
    [
        ("s,a\ns,b\nt,b\n", [[0, 1], [1, -1]], None, ("a", "b"), "one for each step: a, b"),
        ("s,0.5\ns,2\nt,1\n", None, [[[0.5], [2]], [[1], [np.nan]]], (), "one for each step, for it has"),
        ("s,1\ns,1\nt,0\n", [1, 0], None, ("0", "1"), "one for each sequence: 0, 1"),
    ],
)
def test_lines_of_a_sequence_that_differ_are_labels_of_steps(tmp_path, text, y, targets, names, told):
    lines = [line.replace(",", ",7,") for line in text.splitlines()]
    found = read_own(table(tmp_path, "\n".join(["id,a,label", *lines])))
    for value, expected in ((found.sequences.y, y), (found.sequences.targets, targets)):
        np.testing.assert_array_equal(value, expected)
    assert found.class_names == names
    assert told in found.notes[1]


def test_several_columns_are_several_labels_or_targets(tmp_path):
    found = read_own(table(tmp_path, "label_no,a,b,label_yes\n1,5,6,0\n1,7,8,1\n"))
    assert found.output == "multi_label"
    assert found.class_names == ("no", "yes")
    assert found.sequences.targets.tolist() == [[1, 0], [1, 1]]
    assert "2 labels for each sequence, any of which may hold: no, yes" in found.notes[1]
    found = read_own(table(tmp_path, "id,a,target_p,target_q\n1,5,1,0\n1,7,1,2\n"))
    assert (found.output, found.class_names) == ("regression", ())
    assert found.sequences.targets.tolist() == [[[1, 0], [1, 2]]]


def test_numbers_with_fractions_are_targets_and_a_table_may_have_no_labels(tmp_path):
    found = read_own(table(tmp_path, "a,b,target\n1,2,0.5\n3,4,2\n"))
    assert found.sequences.y is None
    assert found.sequences.targets.tolist() == [[0.5], [2.0]]
    assert "real targets" in found.notes[1]
    found = read_own(table(tmp_path, "a,b\n1,2\n3,4\n"))
    assert found.sequences.y is found.sequences.targets is None
    assert "no labels" in found.notes[1]


STEPS = "id,a,b,label\n1,0,0,x\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty; give a first line"),
        ("\n\n", "is empty; give a first line"),
        ("id,a,label\n", "holds no line below the names"),
        ("1,2,3\n4,5,6\n", "its first line holds numbers, not names"),
        ("a,A\n1,2\n", "two columns are called 'a'"),
        ("label,class,a\nx,x,1\n", "columns 'label' and 'class' could both be the label"),
        ("id,label,time\n1,x,0\n", "no column of numbers among id, label, time"),
        (STEPS + "1,0,x\n", "line 3 has 3 fields, and the first line names 4 columns"),
        (STEPS + "1,0,nan,x\n", "line 3 has 'nan' in column 'b'; give finite numbers"),
        (STEPS + "1,1e99,0,x\n", "line 3 has '1e99' in column 'a'; give finite numbers"),
        (STEPS + "1,0,,x\n", "line 3 has '' in column 'b'; give finite numbers"),
        (STEPS + "1,0,a lot,x\n", "line 3 has 'a lot' in column 'b'; give finite numbers"),
        (STEPS + "2,0,0,y\n1,0,0,x\n", "line 4 goes on with sequence '1' after another one"),
        ("a,label,label_b\n1,0,1\n", "columns 'label' and 'label_b' could both be the label"),
        ("a,label_a,label_b\n1,0,x\n", "column 'label_b' holds names, and is one of several columns"),
        (STEPS + "2,0,0,\n", "line 3 has no label"),
        (STEPS + ",0,0,x\n", "line 3 does not say which sequence"),
        ("a,b,label\n1,,x\n,2,x\n", "line 3 has no number in column 'a'"),
        ("a,b,label\n,,x\n", "line 2 has no number in column 'a'"),
        ("a,label\n1,inf\n2,0\n", "a label is 'inf'"),
        ('a,label\n"1,2\n', "not a table of text"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(tmp_path, text, sentence):
    with pytest.raises(TaskError, match=rf"mine\.csv.*{sentence}"):
        read_own(table(tmp_path, text))


def test_too_many_classes_are_no_classes(tmp_path):
    text = "a,label\n" + "".join(f"0,{index}\n" for index in range(1001))
    with pytest.raises(TaskError, match="1,001 different labels in column 'label'"):
        read_own(table(tmp_path, text))


# Recordings


def write_words(folder, lengths=(8000, 4000), rate=8000, words=("no", "yes")):
    generator = np.random.default_rng(3)
    for word in words:
        (folder / word).mkdir(parents=True)
        for speaker in range(6):
            samples = generator.integers(-9000, 9000, lengths[speaker % 2] * rate // 8000)
            (folder / word / f"s{speaker}_nohash_0.wav").write_bytes(wav(samples, rate))
    return folder


def test_recordings_are_as_long_as_they_are(tmp_path):
    found = read_own(write_words(tmp_path / "words", rate=16000))
    assert found.name == "words/"
    assert found.class_names == ("no", "yes")
    assert found.sequences.inputs.shape == (12, frame_count(8000), BANDS)
    assert found.sequences.lengths.tolist() == [61, 30] * 6
    assert found.sets is None
    assert "12 recordings of 0.50 to 1.00 s at 16000 Hz, brought to 8000 Hz" in found.notes[0]
    assert "a speaker may be in both" in found.notes[2]


def test_frames_are_computed_when_they_are_used(tmp_path):
    folder = write_words(tmp_path / "words")
    samples = np.frombuffer((folder / "yes/s2_nohash_0.wav").read_bytes()[44:], "<i2")
    np.testing.assert_array_equal(sequences(folder).take(slice(8, 9)).x[0], log_mel(samples))


def test_lists_name_the_sets(tmp_path):
    folder = write_words(tmp_path / "words")
    for name, speaker in (("validation_list.txt", 1), ("testing_list.txt", 2)):
        (folder / name).write_text("".join(f"{word}/s{speaker}_nohash_0.wav\n" for word in ("no", "yes")))
    task = load_task(str(folder))
    assert [len(part) for part in (task.train, task.validation, task.test)] == [8, 2, 2]
    assert task.test.lengths.tolist() == [61, 61]
    tested, which = read_own(folder).to_evaluate()
    assert len(tested) == 2
    assert which.endswith("only the test set that it names")
    (folder / "testing_list.txt").write_text("no/s2_nohash_0.wav\n")
    with pytest.raises(TaskError, match="no test sequence of class 'yes'"):
        load_task(str(folder))


def damage(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def stored_24_bits(folder):
    with wave.open(str(folder / "no/s0_nohash_0.wav"), "wb") as file:
        file.setparams((1, 3, 8000, 0, "NONE", ""))
        file.writeframes(bytes(3000))


def lists(validation, testing):
    def change(folder):
        (folder / "validation_list.txt").write_text(validation)
        (folder / "testing_list.txt").write_text(testing)

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (damage("no/s0_nohash_0.wav", b""), "no/s0_nohash_0.wav: this is not a WAV file"),
        (damage("no/s0_nohash_0.wav", wav([])), "or none at all"),
        (
            damage("no/s0_nohash_0.wav", wav(range(900), channels=2)),
            "2 channels and 16 bits; give mono of 16 bits",
        ),
        (stored_24_bits, "1 channels and 24 bits; give mono of 16 bits"),
        (
            damage("no/s1_nohash_0.wav", wav(range(900), 16000)),
            "no/s0_nohash_0.wav has 8000 Hz and no/s1_nohash_0.wav 16000 Hz; bring all recordings to one",
        ),
        (damage("no/s0_nohash_0.wav", wav(range(900), 44100)), "has 44100 Hz; give 8000 Hz or a multiple"),
        (damage("loose.wav", wav(range(900))), "loose.wav lies in no folder of a class"),
        (damage("no/s0_nohash_0.wav", wav(np.zeros(80001))), "of class 'no' lasts 10.0 s; cut recordings"),
        (damage("validation_list.txt", b""), "not all lists are there, only validation_list.txt"),
        (lists("", "no/s9_nohash_0.wav"), "testing_list.txt lists 'no/s9_nohash_0.wav', which is not there"),
        (
            lists("no/s0_nohash_0.wav", "no/s0_nohash_0.wav"),
            "is listed twice, the second time in testing_list",
        ),
        (lambda folder: write_words(folder / "more"), "are two recordings of one name"),
    ],
)
def test_recordings_that_cannot_be_read_are_refused(tmp_path, change, sentence):
    folder = write_words(tmp_path / "words")
    change(folder)
    with pytest.raises(TaskError, match=sentence):
        read_own(folder)


def test_a_list_that_contradicts_a_folder_is_refused(tmp_path):
    folder = write_words(tmp_path / "words", words=("no",))
    for name in ("train", "val", "test"):
        (folder / f"{name}.csv").write_text("file,class\nno/s0_nohash_0.wav,yes\n")
    with pytest.raises(TaskError, match=r"says that 'no/s0_nohash_0.wav' is of class 'yes'"):
        read_own(folder)


# Records


BEATS = [(30, "N"), (500, "V"), (900, "N"), (1400, "A"), (1970, "N")]


def write_records(folder, names=("a", "b"), **options):
    generator = np.random.default_rng(5)
    for name in names:
        write_record(folder, name, generator.integers(-900, 900, (2000, 2)), BEATS, **options)
    return folder


def test_beats_of_a_folder_of_records(tmp_path):
    found = read_own(write_records(tmp_path / "beats", rate=250))
    assert found.class_names == ("N", "S", "V")
    assert found.sequences.y.tolist() == [2, 0, 1] * 2
    assert found.sequences.inputs.shape == (6, 73 + 94, 2)
    assert "6 beats of 2 records at 250 Hz, as 167 steps of 2 samples" in found.notes[0]
    assert "2 signals (MLII, V1)" in found.notes[0]
    assert "4 beats left out" in found.notes[-1]


def test_signals_are_found_by_their_names(tmp_path):
    folder = write_records(tmp_path / "beats", ("a",), leads=("MLII", "V1"))
    write_records(folder, ("b",), leads=("V5", "MLII"))
    found = read_own(folder)
    assert found.sequences.inputs.shape[2] == 1
    assert "1 signal (MLII)" in found.notes[0]
    write_records(folder, ("b",), leads=("V5", "V2"))
    found = read_own(folder)
    assert found.sequences.inputs.shape[2] == 2
    assert any("taken by their place" in note for note in found.notes)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda folder: (folder / "a.atr").unlink(), r"a\.atr: no such file"),
        (lambda folder: (folder / "b.dat").unlink(), r"b\.dat: no such file"),
        (lambda folder: (folder / "b.dat").write_bytes(b""), r"beats/b\.dat: holds 0 bytes"),
        (lambda folder: (folder / "a.hea").write_bytes(b""), "not the header of a PhysioNet record"),
        (lambda folder: write_records(folder, ("c",), rate=250), r"a\.hea has 360 Hz and .*c\.hea 250 Hz"),
        (lambda folder: write_records(folder / "more"), "are two records of one name"),
    ],
)
def test_records_that_cannot_be_read_are_refused(tmp_path, change, sentence):
    folder = write_records(tmp_path / "beats")
    change(folder)
    with pytest.raises(TaskError, match=sentence):
        read_own(folder)


def test_a_record_of_another_gain_is_refused(tmp_path):
    folder = write_records(tmp_path / "beats")
    header = (folder / "b.hea").read_bytes()
    (folder / "b.hea").write_bytes(header.replace(b" 212 200 ", b" 212 100(1024)/mV "))
    with pytest.raises(TaskError, match=r"a\.hea has a gain of 200 and .*b\.hea one of 100"):
        read_own(folder)


# All of them


def test_what_is_no_data_is_refused_with_what_would_be(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        TaskError, match=r"empty: not data that can be read; give an \.npz file, a \.csv file"
    ):
        read_own(tmp_path / "empty")
    with pytest.raises(TaskError, match=r"nothing: no such file or folder"):
        read_own(tmp_path / "nothing")
    with pytest.raises(StatespikeError, match="or give the path of data of your own"):
        load_task("nothing")


def test_a_class_that_only_tests_is_refused(tmp_path):
    text = "a,label\n" + "0,x\n1,x\n" * 6 + "2,y\n"
    with pytest.raises(TaskError, match="one sequence of class 'y'; give two or more"):
        own_task(read_own(table(tmp_path, text)))


def small(kind, folder):
    """Data of each form, two classes."""
    if kind == "words":
        return write_words(folder / kind, (700, 500))
    if kind == "records":
        return write_records(folder / kind, "abcde")
    path = folder / f"mine.{kind}"
    if kind == "npz":
        np.savez(path, x=np.random.default_rng(1).normal(size=(12, 6, 2)), y=np.arange(12) % 2)
    else:
        path.write_text(
            "a,b,label\n" + "".join(f"{index},{index % 5},{'xy'[index % 2]}\n" for index in range(20))
        )
    return path


def mutations(path, draw):
    """Change one file of the data in a drawn way."""
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    file = files[draw.integers(len(files))]
    content = bytearray(file.read_bytes())
    how = draw.integers(4)
    if how == 0:
        content = content[: draw.integers(len(content))]
    elif how == 1:
        content[draw.integers(len(content))] ^= 1 << draw.integers(8)
    elif how == 2:
        start = draw.integers(len(content))
        content[start : start + 4] = draw.bytes(4)
    else:
        content += draw.bytes(draw.integers(1, 40))
    file.write_bytes(content)


@pytest.mark.parametrize("kind", ["npz", "csv", "words", "records"])
def test_damaged_data_is_read_or_refused_in_a_sentence(tmp_path, kind):
    refused = 0
    for seed in range(25):
        folder = tmp_path / str(seed)
        folder.mkdir()
        path = small(kind, folder)
        mutations(path, np.random.default_rng(seed))
        try:
            assert np.isfinite(own_task(read_own(path)).train.x).all(), f"seed {seed}"
        except StatespikeError:
            refused += 1
    assert refused
