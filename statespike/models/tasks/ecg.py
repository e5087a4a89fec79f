"""Heartbeats of the MIT-BIH Arrhythmia Database in the five classes of the AAMI.

48 records of half an hour, two leads at 360 Hz (Moody & Mark 2001, https://physionet.org/content/mitdb/1.0.0/,
ODC-BY 1.0). A sequence is one annotated beat: the sums of three samples (120 Hz) from 70 steps before the R
peak to 90 behind it, without the wandering baseline, which a filter in integers removes as the samples come.
A feature is a whole multiple of a power of two, so that a circuit's input is the float network's input to the
last bit.

`ecg` and `ecg-full` draw their test set from the beats of all records, as is usual for small classifiers: a
patient's beats are in both sets. `ecg-inter` trains on the patients of DS1 and tests on those of DS2 (de
Chazal, O'Dwyer & Reilly 2004). `ecg` gives the first lead alone; the others give both leads, and the
intervals between the beats.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from statespike.models.tasks.archives import find_source, read_files
from statespike.models.tasks.idx import data_location
from statespike.models.tasks.physionet import Beats, parse_beats, parse_header, parse_samples
from statespike.models.tasks.split import drawn
from statespike.models.tasks.task import CALIBRATION_SEQUENCES, Sequences, Task, TaskError

CLASSES = {"N": "NLRej", "S": "AaJS", "V": "VE", "F": "F", "Q": "/fQ"}
"""AAMI class -> symbols of its beats: normal, supraventricular, ventricular, fusion, paced or unknown."""
RATE = 360
"""Samples a second of a record."""
LEADS = 2
DECIMATION = 3
BEFORE, AFTER = 70, 90
"""Steps of a sequence before the R peak, and from it on."""
BASELINE_SHIFT = 6
"""The baseline is a running mean with a weight of 2**-6 a step: 0.53 s, a corner of 0.3 Hz."""
FULL_SCALE = 512
"""Units of a sum of three samples to 1; a millivolt is 600 units."""
LARGEST = 4 * FULL_SCALE
"""A lead saturates here, at 3.4 mV from its baseline."""
INTERVAL_STEPS = 32
"""Steps of an interval feature an octave."""
LOCAL_BEATS = 8
"""Intervals of the short mean; the long one has seen the whole record so far."""

MAIN_LEAD = "MLII"
DS1 = (
    101,
    106,
    108,
    109,
    112,
    114,
    115,
    116,
    118,
    119,
    122,
    124,
    201,
    203,
    205,
    207,
    208,
    209,
    215,
    220,
    223,
    230,
)
DS2 = (
    100,
    103,
    105,
    111,
    113,
    117,
    121,
    123,
    200,
    202,
    210,
    212,
    213,
    214,
    219,
    221,
    222,
    228,
    231,
    232,
    233,
    234,
)
PACED = (102, 104, 107, 217)
"""Records that the protocol between patients leaves out."""
VALIDATION = (114, 118, 124, 207, 223)
"""Records of DS1 that choose the epoch."""
SPLIT_SEED = 0
TEST_SHARE, VALIDATION_SHARE = 5, 10
"""Every how manieth drawn beat is in the test set, and every how manieth of the others chooses the epoch."""

FOLDERS = (".", "mit-bih-arrhythmia-database-1.0.0", "mitdb", "mitdb/1.0.0")
ARCHIVES = ("mit-bih-arrhythmia-database-1.0.0.zip", "mit-bih-arrhythmia-database-1.0.0.tar.xz")
ADVICE = (
    "get the MIT-BIH Arrhythmia Database from https://physionet.org/content/mitdb/1.0.0/ and point --data or "
    "STATESPIKE_DATA at its folder or archive"
)


class Protocol(NamedTuple):
    """Whether patients are kept apart, and whether both leads and the intervals are given."""

    between_patients: bool
    full: bool


PROTOCOLS = {
    "ecg": Protocol(between_patients=False, full=False),
    "ecg-full": Protocol(between_patients=False, full=True),
    "ecg-inter": Protocol(between_patients=True, full=True),
}
"""Name of a task -> what it is."""


class Record(NamedTuple):
    """One record: leads int64 (2, steps) at 120 Hz without baseline, the main one first, and its beats."""

    leads: NDArray[np.int64]
    beats: Beats


@dataclass(frozen=True)
class Selection:
    """Chosen beats: record and index of each."""

    records: NDArray[np.int64]
    indices: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, chosen: NDArray[np.integer] | NDArray[np.bool_]) -> "Selection":
        """Return some of the beats."""
        return Selection(self.records[chosen], self.indices[chosen])


class Split(NamedTuple):
    """Which beats train, choose the epoch, and test."""

    train: Selection
    validation: Selection
    test: Selection


def ecg_task(name: str, data: Path | None) -> Task:
    """Beats of the MIT-BIH Arrhythmia Database, 160 steps each.

    Parameters
    ----------
    name : str
        One of `PROTOCOLS`.
    data : Path, optional
        The database's folder, a zip or tar archive of it, or a folder that holds either.
    """
    location = data_location(data)
    between_patients, full = PROTOCOLS[name]

    @cache
    def records() -> dict[int, Record]:
        return read_records(location, [*DS1, *DS2] if between_patients else sorted([*DS1, *DS2, *PACED]))

    @cache
    def split() -> Split:
        return (split_by_patient if between_patients else split_at_random)(records())

    def part(choose: Callable[[Split], Selection]) -> Sequences:
        return to_sequences(records(), choose(split()), full=full)

    def calibration() -> Sequences:
        train = split().train
        chosen = drawn(len(train), CALIBRATION_SEQUENCES)
        return part(lambda split: split.train.take(chosen))

    return Task(
        name,
        features=_features(full),
        classes=len(CLASSES),
        load_train=lambda: part(lambda split: split.train),
        load_validation=lambda: part(lambda split: split.validation),
        load_test=lambda: part(lambda split: split.test),
        load_calibration=calibration,
    )


def read_records(location: Path, names: Iterable[int]) -> dict[int, Record]:
    """Read records by name.

    Raises
    ------
    TaskError
        When one is missing, damaged, or not two leads at 360 Hz.
    """
    names = list(names)
    try:
        source = find_source(location, FOLDERS, ARCHIVES, "[12][0-9][0-9].hea")
    except FileNotFoundError as error:
        raise TaskError(f"no records of heartbeats in {location}; {ADVICE}") from error
    wanted = {f"{name}{suffix}" for name in names for suffix in (".hea", ".dat", ".atr")}
    files = {path.name: content for path, content in read_files(source, lambda path: path.name in wanted)}
    if missing := sorted(wanted - set(files)):
        raise TaskError(f"{source}: no {missing[0]} (and {len(missing) - 1} more files); {ADVICE}")
    return {name: _record(name, files, source) for name in names}


def _record(name: int, files: dict[str, bytes], source: Path) -> Record:
    header = parse_header(files[f"{name}.hea"], f"{source}: {name}.hea")
    if header.rate != RATE:
        raise TaskError(f"{source}: record {name} has {header.rate:g} Hz; the database has {RATE}; {ADVICE}")
    if len(header.signals) != LEADS:
        raise TaskError(
            f"{source}: record {name} has {len(header.signals)} signals; the database has {LEADS}; {ADVICE}"
        )
    samples = parse_samples(files[f"{name}.dat"], header, f"{source}: {name}.dat")
    beats = parse_beats(files[f"{name}.atr"], header, f"{source}: {name}.atr")
    order = sorted(range(len(header.signals)), key=lambda signal: header.signals[signal] != MAIN_LEAD)
    return Record(np.stack([without_baseline(decimate(samples[:, signal])) for signal in order]), beats)


def decimate(samples: NDArray[np.int16], factor: int = DECIMATION) -> NDArray[np.int64]:
    """Return the sums of so many samples each; what is left over at the end is dropped."""
    whole = len(samples) // factor * factor
    return samples[:whole].reshape(-1, factor).sum(1, dtype=np.int64)


@numba.njit(cache=True)
def without_baseline(signal):
    """Subtract a running mean from a signal, integers (steps,) in both, as a circuit would.

    The mean m has 2**6 times the signal's resolution and begins at the first value: m <- m + s - floor(m/64);
    the result is s - floor(m/64), with m before its update.
    """
    result = np.empty_like(signal)
    mean = signal[0] << BASELINE_SHIFT if len(signal) else 0
    for step in range(len(signal)):
        result[step] = signal[step] - (mean >> BASELINE_SHIFT)
        mean += result[step]
    return result


def intervals(peaks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what a beat's distances from its neighbours say, (beats, 4), in octaves.

    The interval before the beat and the one behind it, against the mean of the last 8; the one before it
    against the mean of all so far; the mean of the last 8 against a second. The first beat has the interval
    behind it for the one before, the last one the reverse.
    """
    if len(peaks) < 2:
        return np.zeros((len(peaks), 4))
    gaps = np.maximum(np.diff(peaks), 1).astype(np.float64)
    before, after = np.concatenate([gaps[:1], gaps]), np.concatenate([gaps, gaps[-1:]])
    total = np.concatenate([[0.0], np.cumsum(before)])
    count = np.arange(1, len(before) + 1)
    first = np.maximum(count - LOCAL_BEATS, 0)
    local, long = (total[count] - total[first]) / (count - first), total[count] / count
    return np.log2(np.stack([before / local, after / local, before / long, local / RATE], axis=1))


def _features(full: bool) -> int:
    return 6 if full else 1


def to_sequences(records: dict[int, Record], chosen: Selection, full: bool) -> Sequences:
    """Cut beats out of their records.

    Parameters
    ----------
    records : dict
    chosen : Selection
        Beats whose windows lie within their records, see `whole_beats`.
    full : bool
        Both leads and the four `intervals` at every step; else the main lead alone.

    Returns
    -------
    Sequences
        x float32 (beats, 160, 6 or 1) and the index of the AAMI class.
    """
    x = np.empty((len(chosen), BEFORE + AFTER, _features(full)), np.float32)
    y = np.empty(len(chosen), np.int64)
    for name in np.unique(chosen.records):
        record, of_record = records[int(name)], chosen.records == name
        indices = chosen.indices[of_record]
        steps = record.beats.samples[indices, None] // DECIMATION + np.arange(-BEFORE, AFTER)
        leads = np.clip(record.leads[:, steps], -LARGEST, LARGEST - 1) / FULL_SCALE
        if full:
            octaves = np.round(INTERVAL_STEPS * intervals(record.beats.samples)[indices]) / INTERVAL_STEPS
            x[of_record, :, 2:] = np.clip(octaves, -4, 4)[:, None]
        x[of_record, :, :2] = np.moveaxis(leads, 0, -1)[..., : 2 if full else 1]
        y[of_record] = classes_of(record.beats.symbols[indices])
    return Sequences(x, y)


def classes_of(symbols: NDArray[np.str_]) -> NDArray[np.int64]:
    """Return the index of each symbol's AAMI class."""
    index = {symbol: number for number, members in enumerate(CLASSES.values()) for symbol in members}
    return np.array([index[symbol] for symbol in symbols.tolist()], np.int64)


def whole_beats(records: dict[int, Record], names: Iterable[int]) -> Selection:
    """Return the beats of some records whose windows lie within them."""
    chosen = []
    for name in names:
        record = records[name]
        peaks = record.beats.samples // DECIMATION
        inside = np.flatnonzero((peaks >= BEFORE) & (peaks + AFTER <= record.leads.shape[1]))
        chosen.append(Selection(np.full(len(inside), name), inside))
    return Selection(
        np.concatenate([part.records for part in chosen]), np.concatenate([part.indices for part in chosen])
    )


def split_at_random(records: dict[int, Record]) -> Split:
    """Draw a fifth of all beats for the test, and a tenth of the others to choose the epoch."""
    beats = whole_beats(records, records)
    beats = beats.take(np.random.default_rng(SPLIT_SEED).permutation(len(beats)))
    tested = len(beats) // TEST_SHARE
    chosen = tested + (len(beats) - tested) // VALIDATION_SHARE
    order = np.arange(len(beats))
    return Split(beats.take(order[chosen:]), beats.take(order[tested:chosen]), beats.take(order[:tested]))


def split_by_patient(records: dict[int, Record]) -> Split:
    """DS1 without five records, those five, and DS2."""
    trained = [name for name in DS1 if name not in VALIDATION]
    return Split(*(whole_beats(records, names) for names in (trained, VALIDATION, DS2)))
