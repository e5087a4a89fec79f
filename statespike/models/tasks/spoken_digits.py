"""Spoken digits: the Free Spoken Digit Dataset as log-mel frames, each recording of its own length.

3,000 recordings of ten English digits by six speakers, 8 kHz, 16 bits (Jackson et al., CC BY-SA 4.0,
https://github.com/Jakobovski/free-spoken-digit-dataset). The official test set is what each speaker recorded
first of each digit: takes 0 to 4.
"""

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from statespike.models.tasks.archives import find_source, read_files
from statespike.models.tasks.idx import data_location
from statespike.models.tasks.mel import BANDS, RATE, log_mel
from statespike.models.tasks.task import CALIBRATION_SEQUENCES, Sequences, Task, TaskError
from statespike.models.tasks.wav import parse_wav

TEST_TAKES = 5
STEPS = 64
"""Frames that are kept, 1.04 s: all of 99.4 % of the recordings."""
ARCHIVES = ("free-spoken-digits.tar.xz", "free-spoken-digit-dataset-1.0.10.tar.gz")
FOLDERS = (".", "recordings", "free-spoken-digit-dataset/recordings")
SHA256 = "665bc36bd5feccbd233c60b18beb5c77dfb904926b56222ab41e67abe00b6b01"
"""Of all 3,000 recordings, see `digest_of`."""
ADVICE = (
    "run `git clone --depth 1 https://github.com/Jakobovski/free-spoken-digit-dataset` there, or point "
    "--data or STATESPIKE_DATA at its recordings or at an archive of them"
)

_NAME = re.compile(r"(?P<digit>\d)_(?P<speaker>[^_/]+)_(?P<take>\d+)\.wav")


class Recording(NamedTuple):
    """One spoken digit: the how manieth take of a speaker, and its samples int16 (n,)."""

    take: int
    digit: int
    speaker: str
    samples: NDArray[np.int16]


def spoken_digits_task(name: str, data: Path | None) -> Task:
    """2,700 training and 300 test recordings; up to 64 steps of 16 log-mel bands.

    Parameters
    ----------
    name : str
    data : Path, optional
        A folder of the recordings or a tar archive of them, or a folder that holds either.
    """
    location = data_location(data)

    @cache
    def recordings() -> list[Recording]:
        return read_recordings(location)

    def part(test: bool) -> Sequences:
        chosen = [recording for recording in recordings() if (recording.take < TEST_TAKES) == test]
        if not chosen:
            raise TaskError(
                f"{location}: no recording of the {'test' if test else 'training'} set (takes "
                f"{'below' if test else 'from'} {TEST_TAKES}); {ADVICE}"
            )
        return to_sequences(chosen)

    return Task(
        name,
        features=BANDS,
        classes=10,
        load_train=lambda: part(test=False),
        load_test=lambda: part(test=True),
        # In the order of the recordings, so every digit of every speaker comes before a second one.
        load_calibration=lambda: part(test=False).take(slice(CALIBRATION_SEQUENCES)),
    )


def to_sequences(recordings: list[Recording]) -> Sequences:
    """Turn recordings into x float32 (recordings, 64, 16), zero behind their ends, with lengths."""
    x = np.zeros((len(recordings), STEPS, BANDS), np.float32)
    lengths = np.empty(len(recordings), np.int64)
    for position, recording in enumerate(recordings):
        frames = log_mel(recording.samples)[:STEPS]
        x[position, : len(frames)] = frames
        lengths[position] = len(frames)
    return Sequences(x, np.array([recording.digit for recording in recordings]), lengths)


def read_recordings(location: Path, digest: str = SHA256) -> list[Recording]:
    """Read all recordings, in the order of take, digit, speaker.

    Parameters
    ----------
    location : Path
        See `spoken_digits_task`.
    digest : str
        What an archive must hold, see `digest_of`; a folder is the user's own and is taken as it is.
    """
    try:
        source = find_source(location, FOLDERS, ARCHIVES, "[0-9]_*_*.wav")
    except FileNotFoundError as error:
        raise TaskError(f"no recordings of spoken digits in {location}; {ADVICE}") from error
    found = [
        _parse(match, content, source)
        for path, content in read_files(source, lambda path: _NAME.fullmatch(path.name) is not None)
        if (match := _NAME.fullmatch(path.name))
    ]
    found.sort(key=lambda recording: recording[:3])
    if source.is_file() and digest_of(found) != digest:
        raise TaskError(
            f"{source}: its {len(found)} recordings have SHA-256 {digest_of(found)} instead of {digest}; "
            f"{ADVICE}"
        )
    return found


def digest_of(recordings: list[Recording]) -> str:
    """Return the SHA-256 of the names and samples in order, whatever they were packed in."""
    digest = hashlib.sha256()
    for recording in recordings:
        digest.update(f"{recording.digit}_{recording.speaker}_{recording.take}".encode())
        digest.update(recording.samples.astype("<i2").tobytes())
    return digest.hexdigest()


def _parse(match: re.Match[str], content: bytes, source: Path) -> Recording:
    title = f"{source}: {match[0]}"
    rate, samples = parse_wav(content, title)
    if rate != RATE:
        raise TaskError(f"{title} has {rate} Hz; spoken digits are {RATE} Hz; {ADVICE}")
    return Recording(int(match["take"]), int(match["digit"]), match["speaker"], samples)
