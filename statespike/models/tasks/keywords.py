"""Spoken words: WAV files in a folder for each word, as log-mel frames, with disjoint speakers in the sets.

Two layouts are read. That of the Arabic Speech Commands (Ghandoura, Hjabo & Al Dakkak 2021, CC BY 4.0,
https://github.com/abdulkaderghandoura/arabic-speech-commands-dataset) lists the files of each set in
`train.csv`, `val.csv` and `test.csv`, with the columns `file` and `class`. That of Google's Speech Commands
(Warden 2018, CC BY 4.0) lists those of two sets in `validation_list.txt` and `testing_list.txt`; all others
train. A clip is one second: shorter ones are shorter sequences, longer ones are cut.
"""

import csv
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from statespike.models.tasks.archives import find_source, read_files
from statespike.models.tasks.idx import data_location
from statespike.models.tasks.mel import RATE, frame_count, log_mel
from statespike.models.tasks.split import drawn
from statespike.models.tasks.task import CALIBRATION_SEQUENCES, Sequences, Task, TaskError
from statespike.models.tasks.wav import at_feature_rate, parse_wav

BANDS = 32
SAMPLES = RATE
"""Of a clip, one second."""
STEPS = int(frame_count(SAMPLES))
TABLES = {"train.csv": 0, "val.csv": 1, "test.csv": 2}
LISTS = {"validation_list.txt": 1, "testing_list.txt": 2}
"""File that lists a set -> the set: 0 trains, 1 chooses the epoch, 2 tests."""
SETS = ("training", "validation", "test")
NOISES = ("background_noise", "_background_noise_")
"""Folders of noise, which no word is named after."""
FOLDERS = (".", "arabic-speech-commands-8k", "arabic-speech-commands-dataset", "speech_commands_v0.02")
ARCHIVES = ("arabic-speech-commands-8k.tar.xz", "speech_commands_v0.02.tar.gz")
ADVICE = (
    "point --data or STATESPIKE_DATA at a folder or an archive of Google's Speech Commands or of the Arabic "
    "Speech Commands, with the lists that divide them into sets"
)

SHIFT = 0.1
"""Seconds that a training clip moves at most, to either side."""
STRETCH = 0.15
"""Share by which it becomes faster or slower at most, and its voice higher or lower."""
LOUDNESS = 6.0
"""Decibels that it becomes louder or quieter at most."""
NOISE_SHARE = 0.5
"""Share of training clips that noise is added to."""
NOISE_LEVELS = (5.0, 30.0)
"""Decibels of a clip above its noise."""
MASKED_BANDS, MASKED_STEPS = 6, 10
"""Most neighbouring bands, and most neighbouring steps, that are put to the middle of the scale."""


class Clips(NamedTuple):
    """Clips of all words.

    Parameters
    ----------
    samples : int16 array (clips, 8000)
        Memory-mapped; zero behind a clip's end.
    counts : int64 array (clips,)
        Samples of each clip.
    labels : int64 array (clips,)
        Index of the word, in alphabetic order.
    sets : int64 array (clips,)
        0 trains, 1 chooses the epoch, 2 tests.
    words : tuple of str
    noise : int16 array (n,)
        All noise in one piece; empty if there is none.
    """

    samples: NDArray[np.int16]
    counts: NDArray[np.int64]
    labels: NDArray[np.int64]
    sets: NDArray[np.int64]
    words: tuple[str, ...]
    noise: NDArray[np.int16]


class ClipSequences(Sequences):
    """Sequences of log-mel frames, held as the samples that they are computed from.

    Parameters
    ----------
    samples : int16 array (sequences, 8000)
    counts, y : int64 arrays (sequences,)
    """

    def __init__(self, samples: NDArray[np.int16], counts: NDArray[np.int64], y: NDArray[np.int64]) -> None:
        # The base is frozen, and its x is computed here, so its own initialisation cannot be used.
        values = {
            "samples": samples,
            "counts": counts,
            "y": y,
            "lengths": frame_count(counts),
            "targets": None,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    samples: NDArray[np.int16]
    counts: NDArray[np.int64]

    @property
    def x(self) -> NDArray[np.float32]:
        """The frames, (sequences, 61, 32)."""
        return log_mel(self.samples, BANDS)

    def __len__(self) -> int:
        return len(self.samples)

    def take(self, chosen: slice | NDArray[np.intp]) -> "ClipSequences":
        """Return the chosen sequences: a slice or an array of indices."""
        assert self.y is not None
        return ClipSequences(self.samples[chosen], self.counts[chosen], self.y[chosen])


def keywords_task(name: str, data: Path | None) -> Task:
    """Spoken words of one second: up to 61 steps of 32 log-mel bands.

    Parameters
    ----------
    name : str
    data : Path
        A folder or an archive of recordings, or a folder that holds either.

    Notes
    -----
    How many words there are stands in the data, so they are read at once.
    """
    clips = read_clips(data_location(data))

    @cache
    def part(number: int) -> ClipSequences:
        chosen = np.flatnonzero(clips.sets == number)
        return ClipSequences(clips.samples[chosen], clips.counts[chosen], clips.labels[chosen])

    def augment(sequences: Sequences, generator: np.random.Generator) -> Sequences:
        assert isinstance(sequences, ClipSequences)
        return varied(sequences, clips.noise, generator)

    return Task(
        name,
        features=BANDS,
        classes=len(clips.words),
        load_train=lambda: part(0),
        load_validation=lambda: part(1),
        load_test=lambda: part(2),
        load_calibration=lambda: part(0).take(drawn(len(part(0)), CALIBRATION_SEQUENCES)),
        augment=augment,
    )


def read_clips(location: Path) -> Clips:
    """Read the recordings of either layout.

    Raises
    ------
    TaskError
        When there are none, a list or a file is damaged or missing, or a word lacks training clips.
    """
    source = _find(location)
    lists: dict[str, bytes] = {}
    paths: list[PurePosixPath] = []
    counts: list[int] = []
    noise: list[NDArray[np.int16]] = []
    # A data set of words may be larger than the memory: the samples go through an unnamed file.
    with tempfile.TemporaryFile() as file:
        for path, content in read_files(source, _is_wanted):
            if path.suffix != ".wav":
                lists[path.name] = content
                continue
            title = f"{source}: {path}"
            rate, samples = parse_wav(content, title)
            samples = at_feature_rate(samples, rate, title)
            if path.parent.name in NOISES:
                noise.append(samples)
                continue
            clip = np.zeros(SAMPLES, "<i2")
            clip[: len(samples)] = samples[:SAMPLES]
            file.write(clip.tobytes())
            paths.append(path)
            counts.append(min(len(samples), SAMPLES))
        file.flush()
        if not paths:
            raise TaskError(f"{source}: no recordings in folders of words; {ADVICE}")
        clips = np.memmap(file, "<i2", "r", shape=(len(paths), SAMPLES))
    words = tuple(sorted({path.parent.name for path in paths}))
    return Clips(
        clips,
        np.array(counts),
        np.array([words.index(path.parent.name) for path in paths]),
        _sets_of(paths, lists, source),
        words,
        np.concatenate([np.zeros(0, np.int16), *noise]),
    )


def _find(location: Path) -> Path:
    for probe in (*TABLES, *LISTS):
        try:
            return find_source(location, FOLDERS, ARCHIVES, probe)
        except FileNotFoundError:
            continue
    raise TaskError(f"no recordings of words with lists of their sets in {location}; {ADVICE}")


def _is_wanted(path: PurePosixPath) -> bool:
    return path.suffix == ".wav" or path.name in TABLES or path.name in LISTS


def _sets_of(paths: list[PurePosixPath], lists: dict[str, bytes], source: Path) -> NDArray[np.int64]:
    """Return the set of each file, as the lists say."""
    # A file is known by its word and its name: lists and archives put different folders before them.
    index = {(path.parent.name, path.name): number for number, path in enumerate(paths)}
    tables = {name: number for name, number in TABLES.items() if name in lists}
    chosen = tables or {name: number for name, number in LISTS.items() if name in lists}
    if len(chosen) not in (len(TABLES), len(LISTS)) or (tables and len(tables) < len(TABLES)):
        raise TaskError(f"{source}: not all lists are there, only {', '.join(chosen) or 'none'}; {ADVICE}")
    sets = np.full(len(paths), -1 if tables else 0)
    for name, number in chosen.items():
        for listed in _listed(lists[name], name in TABLES, f"{source}: {name}"):
            path = PurePosixPath(listed)
            if (path.parent.name, path.name) not in index:
                raise TaskError(f"{source}: {name} lists {listed!r}, which is not there; {ADVICE}")
            sets[index[path.parent.name, path.name]] = number
    if len(left_out := np.flatnonzero(sets < 0)):
        raise TaskError(f"{source}: {paths[left_out[0]]} is in no list; {ADVICE}")
    for number, title in enumerate(SETS):
        if missing := {path.parent.name for path in paths} - {
            path.parent.name for path, found in zip(paths, sets, strict=True) if found == number
        }:
            raise TaskError(f"{source}: no {title} recording of {min(missing)!r}; {ADVICE}")
    return sets


def _listed(content: bytes, table: bool, title: str) -> Iterable[str]:
    try:
        lines = content.decode().splitlines()
        if not table:
            return [line.strip() for line in lines if line.strip()]
        return [row["file"] for row in csv.DictReader(lines)]
    except (UnicodeDecodeError, csv.Error, KeyError) as error:
        raise TaskError(f"{title} is no list of recordings ({error}); {ADVICE}") from error


def varied(clips: ClipSequences, noise: NDArray[np.int16], generator: np.random.Generator) -> Sequences:
    """Vary training clips: moved, faster or slower, louder or quieter, in noise, with parts left out."""
    count = len(clips)
    positions = np.arange(SAMPLES) - SAMPLES / 2
    rates = generator.uniform(1 - STRETCH, 1 + STRETCH, (count, 1))
    shifts = generator.uniform(-SHIFT, SHIFT, (count, 1)) * RATE
    samples = _read_between(clips.samples, positions * rates + SAMPLES / 2 + shifts, clips.counts)
    samples *= 10 ** (generator.uniform(-LOUDNESS, LOUDNESS, (count, 1)) / 20)
    if len(noise) > SAMPLES:
        starts = generator.integers(0, len(noise) - SAMPLES, count)
        added = noise[starts[:, None] + np.arange(SAMPLES)].astype(np.float64)
        levels = generator.uniform(*NOISE_LEVELS, (count, 1))
        gains = 10 ** (-levels / 20) * _strength(samples) / np.maximum(_strength(added), 1.0)
        samples += np.where(generator.random((count, 1)) < NOISE_SHARE, gains, 0) * added
    frames = log_mel(np.clip(np.round(samples), -32768, 32767), BANDS)
    for axis, most in ((1, MASKED_STEPS), (2, MASKED_BANDS)):
        _mask(frames, axis, most, generator)
    assert clips.y is not None
    # A slower clip may be longer; its end is then the last frame's.
    counts = np.clip(np.ceil(clips.counts / rates[:, 0]).astype(np.int64), 1, SAMPLES)
    return Sequences(frames, clips.y, frame_count(np.where(clips.counts == SAMPLES, SAMPLES, counts)))


def _read_between(
    samples: NDArray[np.int16], positions: NDArray[np.float64], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Samples (B, n) at fractional positions (B, n), linearly interpolated; mirrored at a clip's ends."""
    last = np.maximum(counts[:, None] - 1, 1)
    folded = np.abs(positions) % (2 * last)
    folded = np.where(folded > last, 2 * last - folded, folded)
    below = np.minimum(folded.astype(np.int64), last - 1)
    share = folded - below
    left = np.take_along_axis(samples, below, 1)
    right = np.take_along_axis(samples, below + 1, 1)
    return left * (1 - share) + right * share


def _strength(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Root mean square of each clip, (clips, 1)."""
    return np.sqrt((samples**2).mean(1, keepdims=True))


def _mask(frames: NDArray[np.float32], axis: int, most: int, generator: np.random.Generator) -> None:
    """Put up to `most` neighbours along an axis to 0, others for each clip."""
    length = frames.shape[axis]
    widths = generator.integers(0, most + 1, (len(frames), 1))
    starts = generator.integers(0, length - widths + 1)
    positions = np.arange(length)
    masked = (positions >= starts) & (positions < starts + widths)
    frames[np.broadcast_to(np.expand_dims(masked, 3 - axis), frames.shape)] = 0
