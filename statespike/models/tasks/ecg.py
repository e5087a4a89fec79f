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

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from statespike.models.tasks.ecg_records import DECIMATION, RATE, Record, read_records
from statespike.models.tasks.ecg_splits import (
    AFTER,
    BEFORE,
    DS1,
    DS2,
    PACED,
    Selection,
    Split,
    split_at_random,
    split_by_patient,
)
from statespike.models.tasks.idx import data_location
from statespike.models.tasks.split import drawn
from statespike.models.tasks.task import CALIBRATION_SEQUENCES, Sequences, Task

CLASSES = {"N": "NLRej", "S": "AaJS", "V": "VE", "F": "F", "Q": "/fQ"}
"""AAMI class -> symbols of its beats: normal, supraventricular, ventricular, fusion, paced or unknown."""
FULL_SCALE = 512
"""Units of a sum of three samples to 1; a millivolt is 600 units."""
LARGEST = 4 * FULL_SCALE
"""A lead saturates here, at 3.4 mV from its baseline."""
INTERVAL_STEPS = 32
"""Steps of an interval feature an octave."""
LOCAL_BEATS = 8
"""Intervals of the short mean; the long one has seen the whole record so far."""


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
