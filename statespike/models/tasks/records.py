"""A user's own heartbeats: a folder of PhysioNet records with annotated beats, a sequence a beat.

Signals are prepared as those of the `ecg` tasks are: samples are summed to about 120 steps a second, a
running mean is subtracted as they come, and a window around each annotated beat is cut out. Its class is that
of the annotation, one of the five of the AAMI.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quantize.reading import require_file
from quantize.words import count
from statespike.models.tasks.computed import Computed
from statespike.models.tasks.ecg import CLASSES, classes_of
from statespike.models.tasks.ecg_records import DECIMATION, RATE, decimate
from statespike.models.tasks.ecg_splits import AFTER, BEFORE
from statespike.models.tasks.own import OwnData
from statespike.models.tasks.packed import Packer
from statespike.models.tasks.physionet import Header, parse_beats, parse_header, parse_samples
from statespike.models.tasks.task import Sequences, TaskError

STEP_RATE = RATE / DECIMATION
"""Steps a second that are aimed at."""
LARGEST = 4
"""A signal saturates at so many times its full scale."""
LARGEST_FILE = 1 << 28
ADVICE = "give for each record its .hea, its .dat of format 212 and its .atr"


class _Timing(NamedTuple):
    """How a rate becomes steps: samples of a step, steps before a beat and from it on."""

    factor: int
    before: int
    after: int

    @classmethod
    def of(cls, rate: float) -> "_Timing":
        factor = max(1, round(rate / STEP_RATE))
        scale = rate / factor / STEP_RATE
        return cls(factor, round(BEFORE * scale), round(AFTER * scale))


def read_folder_of_records(path: Path) -> OwnData:
    """Read all records below a folder.

    Raises
    ------
    TaskError
        When a record is damaged or of another format, lacks its annotations, or differs in rate from another.
    """
    from statespike.models.tasks.baseline import without_baseline  # with numba: not for other tasks

    headers = {file: parse_header(_content(file), str(file)) for file in _files(path)}
    rate, timing = _common_rate(headers)
    names, by_name = _signals(headers)
    windows: list[NDArray[np.int64]] = []
    symbols: list[NDArray[np.str_]] = []
    scales = np.array([_full_scale(gain, timing) for gain in _gains(headers, names, by_name)])
    passed, lost = 0, 0
    with Packer(np.int32, (len(names),)) as leads:
        for file, header in headers.items():
            signals, annotations = file.with_name(header.file), file.with_suffix(".atr")
            samples = parse_samples(_content(signals), header, str(signals))
            beats = parse_beats(_content(annotations), header, str(annotations))
            order = [header.signals.index(name) for name in names] if by_name else list(range(len(names)))
            steps = np.stack(
                [without_baseline(decimate(samples[:, signal], timing.factor)) for signal in order], 1
            )
            leads.add(np.clip(steps, -LARGEST * scales, LARGEST * scales - 1))
            peaks = beats.samples // timing.factor
            inside = (peaks >= timing.before) & (peaks + timing.after <= len(steps))
            windows.append(passed + peaks[inside] - timing.before)
            symbols.append(beats.symbols[inside])
            passed, lost = passed + len(steps), lost + int((~inside).sum())
        values = leads.packed().values
    starts = np.concatenate(windows)
    if not len(starts):
        raise TaskError(f"{path}: no annotated beat has its whole window within a record; {ADVICE}")
    labels, class_names = _classes(np.concatenate(symbols))
    length = timing.before + timing.after

    def compute(chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        cut = values[starts[chosen, None] + np.arange(length)]
        return (cut / scales).astype(np.float32)

    inputs = Computed(compute, len(starts), length, len(names))
    notes = [
        f"{path}: {count(len(starts), 'beat')} of {count(len(headers), 'record')} at {rate:g} Hz, as "
        f"{length} steps of {timing.factor} samples, {timing.before} before the beat, of "
        f"{count(len(names), 'signal')} ({', '.join(names)}), without their running mean",
        f"{path}: the classes are those of the AAMI that occur: {', '.join(class_names)}",
        f"{path}: a record's beats may be in both the training and the test set",
    ]
    if not by_name:
        notes.append(f"{path}: no signal's name is in all records, so signals are taken by their place")
    if lost:
        notes.append(f"{path}: {count(lost, 'beat')} left out whose window reaches beyond the record")
    return OwnData(str(path), f"{path.name}/", Sequences(inputs, labels), class_names, notes=tuple(notes))


def _files(path: Path) -> list[Path]:
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() == ".hea" and file.is_file())
    known: dict[str, Path] = {}
    for file in files:
        first = known.setdefault(file.stem, file)
        if first != file:
            raise TaskError(f"{path}: {first} and {file} are two records of one name; leave one out")
    return files


def _content(file: Path) -> bytes:
    require_file(file, ADVICE, TaskError)
    if file.stat().st_size > LARGEST_FILE:
        raise TaskError(
            f"{file} takes {file.stat().st_size:,} bytes, more than {LARGEST_FILE:,}; leave it out"
        )
    return file.read_bytes()


def _common_rate(headers: dict[Path, Header]) -> tuple[float, _Timing]:
    (first, known), *others = headers.items()
    for file, header in others:
        if header.rate != known.rate:
            raise TaskError(
                f"{first} has {known.rate:g} Hz and {file} {header.rate:g} Hz; bring all records to one rate"
            )
    timing = _Timing.of(known.rate)
    if timing.before + timing.after < 2:
        raise TaskError(f"{first} has {known.rate:g} Hz, too few samples for a heartbeat; {ADVICE}")
    return known.rate, timing


def _signals(headers: dict[Path, Header]) -> tuple[tuple[str, ...], bool]:
    """Return the signals to take, and whether they are found by their names: those that all records have."""
    first = next(iter(headers.values()))
    names = first.signals
    common = [name for name in names if all(header.signals.count(name) == 1 for header in headers.values())]
    if common:
        return tuple(common), True
    counts = {len(header.signals) for header in headers.values()}
    if len(counts) > 1:
        raise TaskError(
            f"the records have {min(counts)} to {max(counts)} signals and none in common; give records of "
            "the same signals"
        )
    return names, False


def _gains(headers: dict[Path, Header], names: tuple[str, ...], by_name: bool) -> list[float]:
    """Return the gain of each signal, the same in all records."""
    found: list[float] = []
    for place, name in enumerate(names):
        gains = {
            header.gains[header.signals.index(name) if by_name else place]: file
            for file, header in headers.items()
        }
        if len(gains) > 1:
            (one, first), (other, second) = list(gains.items())[:2]
            raise TaskError(
                f"{first} has a gain of {one:g} and {second} one of {other:g} for {name!r}; bring them to "
                "one gain"
            )
        found.append(next(iter(gains)))
    return found


def _full_scale(gain: float, timing: _Timing) -> int:
    """Units of a step to 1: the power of two at or below those of a millivolt."""
    return 1 << max(0, int(np.floor(np.log2(gain * timing.factor))))


def _classes(symbols: NDArray[np.str_]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return labels, and the names of the classes that occur."""
    found, labels = np.unique(classes_of(symbols), return_inverse=True)
    return labels.astype(np.int64), tuple(list(CLASSES)[index] for index in found)
