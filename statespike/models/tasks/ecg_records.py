"""Records of the MIT-BIH Arrhythmia Database: read, decimated, without their baseline."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from statespike.models.tasks.archives import find_source, read_files
from statespike.models.tasks.physionet import Beats, parse_beats, parse_header, parse_samples
from statespike.models.tasks.task import TaskError

RATE = 360
"""Samples a second of a record."""

LEADS = 2

DECIMATION = 3

MAIN_LEAD = "MLII"

FOLDERS = (".", "mit-bih-arrhythmia-database-1.0.0", "mitdb", "mitdb/1.0.0")

ARCHIVES = ("mit-bih-arrhythmia-database-1.0.0.zip", "mit-bih-arrhythmia-database-1.0.0.tar.xz")

ADVICE = (
    "get the MIT-BIH Arrhythmia Database from https://physionet.org/content/mitdb/1.0.0/ and point --data or "
    "STATESPIKE_DATA at its folder or archive"
)


class Record(NamedTuple):
    """One record: leads int64 (2, steps) at 120 Hz without baseline, the main one first, and its beats."""

    leads: NDArray[np.int64]
    beats: Beats


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
    from statespike.models.tasks.baseline import without_baseline  # with numba: not for other tasks

    samples = parse_samples(files[f"{name}.dat"], header, f"{source}: {name}.dat")
    beats = parse_beats(files[f"{name}.atr"], header, f"{source}: {name}.atr")
    order = sorted(range(len(header.signals)), key=lambda signal: header.signals[signal] != MAIN_LEAD)
    return Record(np.stack([without_baseline(decimate(samples[:, signal])) for signal in order]), beats)


def decimate(samples: NDArray[np.int16], factor: int = DECIMATION) -> NDArray[np.int64]:
    """Return the sums of so many samples each; what is left over at the end is dropped."""
    whole = len(samples) // factor * factor
    return samples[:whole].reshape(-1, factor).sum(1, dtype=np.int64)
