"""PhysioNet records: what was written is read, and a damaged file gets one sentence."""

import numpy as np
import pytest

from statespike.models.tasks.physionet import SYMBOLS, parse_beats, parse_header, parse_samples
from statespike.models.tasks.task import TaskError
from tests.ecg_records import CODES, annotations, header, packed, word

SAMPLES = np.random.default_rng(3).integers(-2048, 2048, (3000, 2))
BEATS = [(5, "N"), (400, "V"), (1300, "A"), (2999, "/")]


@pytest.fixture
def record():
    return parse_header(header("7", SAMPLES), "7.hea")


def test_the_header_tells_what_the_samples_are(record):
    assert (record.name, record.rate, record.samples) == ("7", 360.0, 3000)
    assert record.signals == ("MLII", "V1")


def test_samples_are_twelve_bits_with_a_sign(record):
    np.testing.assert_array_equal(parse_samples(packed(SAMPLES), record, "7.dat"), SAMPLES)


def test_beats_are_told_apart_from_other_annotations(record):
    beats = parse_beats(annotations(BEATS), record, "7.atr")
    assert list(zip(beats.samples.tolist(), beats.symbols.tolist(), strict=True)) == BEATS
    assert all(SYMBOLS[code] == symbol for symbol, code in CODES.items())


def test_a_record_may_hold_no_beat(record):
    assert len(parse_beats(annotations([]), record, "7.atr").samples) == 0


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not the header of a PhysioNet record"),
        (b"\xff\xfe\x00", "not the header of a PhysioNet record"),
        (b"7 2 360\n", "not the header of a PhysioNet record"),
        (header("7", SAMPLES).replace(b" 2 360", b" two 360"), "not the header of a PhysioNet record"),
        (header("7", SAMPLES).replace(b" 2 360", b" 3 360"), "promises 3 signals and describes 2"),
        (header("7", SAMPLES).replace(b"212", b"16"), "not a record of signals in one file of format 212"),
        (header("7", SAMPLES, rate="nan"), "no record"),
        (header("7", SAMPLES).replace(b"3000", b"-1"), "no record"),
    ],
)
def test_a_bad_header_is_refused(content, sentence):
    with pytest.raises(TaskError, match=f"7.hea: .*{sentence}"):
        parse_header(content, "7.hea")


def test_damaged_samples_are_refused(record):
    content = packed(SAMPLES)
    with pytest.raises(TaskError, match=r"holds 8999 bytes where its header promises 9000"):
        parse_samples(content[:-1], record, "7.dat")
    flipped = content[:-3] + bytes([content[-3] ^ 1]) + content[-2:]
    with pytest.raises(TaskError, match=r"signal 'MLII' are not those of the header's checksum"):
        parse_samples(flipped, record, "7.dat")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (annotations(BEATS)[:-2], "break off without an end"),
        (annotations(BEATS)[:-3], "break off without an end"),
        (b"", "break off without an end"),
        (word(59, 0), "break off without an end"),
        (word(1, 900) * 4 + b"\0\0", "an annotation at sample 3600 of 3000"),
        (word(59, 0) + b"\xff\xff\x00\x00" + word(1, 0) + b"\0\0", "an annotation at sample -65536 of 3000"),
    ],
)
def test_damaged_annotations_are_refused(record, content, sentence):
    with pytest.raises(TaskError, match=sentence):
        parse_beats(content, record, "7.atr")


@pytest.mark.parametrize("signals", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 4, 5])
def test_any_number_of_signals_and_a_header_that_tells_only_what_it_must(signals, count):
    samples = np.random.default_rng(signals + count).integers(-2048, 2048, (count, signals))
    lines = [f"8 {signals} 250/60(0) {count}"] + ["8.dat 212 100(1024)/mV"] * (signals - 1) + ["8.dat 212"]
    record = parse_header("\n".join(lines).encode(), "8.hea")
    assert (record.rate, record.file) == (250, "8.dat")
    assert record.gains == (100,) * (signals - 1) + (200,)
    stream = samples.ravel()
    pairs = np.pad(stream, (0, len(stream) % 2)).reshape(-1, 2)
    content = packed(pairs)[: (3 * len(stream) + 1) // 2]
    np.testing.assert_array_equal(parse_samples(content, record, "8.dat"), samples)
