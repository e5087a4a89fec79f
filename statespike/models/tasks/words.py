"""Recordings of words or sounds: WAV files in a folder for each class, as log-mel frames.

The files of the sets may be listed in two ways. The Arabic Speech Commands (Ghandoura, Hjabo & Al Dakkak
2021, CC BY 4.0, https://github.com/abdulkaderghandoura/arabic-speech-commands-dataset) have `train.csv`,
`val.csv` and `test.csv`, with the columns `file` and `class`. Google's Speech Commands (Warden 2018, CC BY
4.0) list two sets in `validation_list.txt` and `testing_list.txt`; all other files train.
"""

import csv
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quantize.words import count
from statespike.models.tasks.archives import read_files
from statespike.models.tasks.computed import Computed
from statespike.models.tasks.mel import BANDS, RATE, frame_count, log_mel
from statespike.models.tasks.own import OwnData
from statespike.models.tasks.packed import Packed, Packer
from statespike.models.tasks.task import Sequences, TaskError
from statespike.models.tasks.wav import at_feature_rate, parse_wav

TABLES = {"train.csv": 0, "val.csv": 1, "test.csv": 2}
LISTS = {"validation_list.txt": 1, "testing_list.txt": 2}
"""File that lists a set -> the set: 0 trains, 1 chooses the epoch, 2 tests."""
NOISES = ("background_noise", "_background_noise_")
"""Folders of noise, which no class is named after."""
LONGEST = 10
"""Seconds of a recording of a user's own."""
ADVICE = (
    "put the recordings of each class into a folder of its name, with the lists of Google's or of the Arabic "
    "Speech Commands if they divide them into sets"
)


class Words(NamedTuple):
    """Recordings of all classes.

    Parameters
    ----------
    clips : Packed
        Samples at 8 kHz, int16.
    labels : int64 array (clips,)
        Index of the class, in alphabetic order.
    sets : int64 array (clips,) or None
        0 trains, 1 chooses the epoch, 2 tests; None without lists.
    words : tuple of str
        Names of the classes.
    noise : int16 array (n,)
        All noise in one piece; empty if there is none.
    rate : int
        Samples a second of the files.
    """

    clips: Packed
    labels: NDArray[np.int64]
    sets: NDArray[np.int64] | None
    words: tuple[str, ...]
    noise: NDArray[np.int16]
    rate: int


def read_words(source: Path, advice: str = ADVICE) -> Words:
    """Read the recordings of a folder or an archive.

    Raises
    ------
    TaskError
        When there are none, a list or a file is damaged or missing, or the sampling rates differ.
    """
    lists: dict[str, bytes] = {}
    paths: list[PurePosixPath] = []
    noise: list[NDArray[np.int16]] = []
    rates: dict[int, str] = {}
    with Packer("<i2") as packer:
        for path, content in read_files(source, _is_wanted):
            if path.suffix.lower() != ".wav":
                lists[path.name] = content
                continue
            title = f"{source}: {path}"
            if not path.parent.name:
                raise TaskError(f"{title} lies in no folder of a class; {advice}")
            rate, samples = parse_wav(content, title)
            samples = at_feature_rate(samples, rate, title)
            if path.parent.name in NOISES:
                noise.append(samples)
                continue
            rates.setdefault(rate, str(path))
            if len(rates) > 1:
                (first, known), (other, found) = rates.items()
                raise TaskError(
                    f"{source}: {known} has {first} Hz and {found} {other} Hz; "
                    "bring all recordings to one rate"
                )
            packer.add(samples)
            paths.append(path)
        if not paths:
            raise TaskError(f"{source}: no recordings in folders of classes; {advice}")
        clips = packer.packed()
    names = tuple(sorted({path.parent.name for path in paths}))
    index = {name: label for label, name in enumerate(names)}
    return Words(
        clips,
        np.array([index[path.parent.name] for path in paths], np.int64),
        _sets_of(paths, lists, source, advice),
        names,
        np.concatenate([np.zeros(0, np.int16), *noise]),
        next(iter(rates)),
    )


def mel_frames(clips: Packed, samples: int, bands: int) -> Computed:
    """Return the log-mel frames (clips, steps, bands) of clips, cut or filled up to so many samples."""
    steps = int(frame_count(samples))
    return Computed(lambda chosen: log_mel(clips.padded(chosen, samples), bands), len(clips), steps, bands)


def read_recordings(path: Path) -> OwnData:
    """Read a user's own recordings, each as long as it is.

    Raises
    ------
    TaskError
        See `read_words`; and when a recording is too long.
    """
    words = read_words(path)
    seconds = words.clips.counts / RATE
    if seconds.max() > LONGEST:
        raise TaskError(
            f"{path}: a recording of class {words.words[words.labels[seconds.argmax()]]!r} lasts "
            f"{seconds.max():.1f} s; cut recordings to {LONGEST} s or less"
        )
    inputs = mel_frames(words.clips, int(words.clips.counts.max()), BANDS)
    notes = [
        f"{path}: {count(len(words.clips), 'recording')} of {seconds.min():.2f} to {seconds.max():.2f} s at "
        f"{words.rate} Hz{f', brought to {RATE} Hz' if words.rate != RATE else ''}, as {BANDS} log-mel bands "
        f"in up to {count(inputs.shape[1], 'step')} of 16 ms",
        f"{path}: {count(len(words.words), 'class')}, the folders' names in alphabetic order",
    ]
    if words.sets is None:
        notes.append(f"{path}: no lists of sets, so a speaker may be in both the training and the test set")
    sequences = Sequences(inputs, words.labels, frame_count(words.clips.counts))
    return OwnData(str(path), f"{path.name}/", sequences, words.words, words.sets, tuple(notes))


def _is_wanted(path: PurePosixPath) -> bool:
    return path.suffix.lower() == ".wav" or path.name in TABLES or path.name in LISTS


def _sets_of(
    paths: list[PurePosixPath], lists: dict[str, bytes], source: Path, advice: str
) -> NDArray[np.int64] | None:
    """Return the set of each file, as the lists say; None without lists."""
    # A file is known by its class and its name: lists and archives put different folders before them.
    index: dict[tuple[str, str], int] = {}
    for number, path in enumerate(paths):
        if index.setdefault((path.parent.name, path.name), number) != number:
            first = paths[index[path.parent.name, path.name]]
            raise TaskError(f"{source}: {first} and {path} are two recordings of one name; rename one")
    tables = {name: number for name, number in TABLES.items() if name in lists}
    chosen = tables or {name: number for name, number in LISTS.items() if name in lists}
    if not chosen:
        return None
    if len(chosen) < len(TABLES if tables else LISTS):
        raise TaskError(f"{source}: not all lists are there, only {', '.join(chosen)}; {advice}")
    sets = np.full(len(paths), -1)
    for name, number in chosen.items():
        for listed, word in _listed(lists[name], name in TABLES, f"{source}: {name}", advice):
            path = PurePosixPath(listed)
            place = index.get((path.parent.name, path.name))
            if place is None:
                raise TaskError(f"{source}: {name} lists {listed!r}, which is not there; {advice}")
            if word is not None and word != path.parent.name:
                raise TaskError(
                    f"{source}: {name} says that {listed!r} is of class {word!r}, and its folder is another; "
                    "correct the list"
                )
            if sets[place] >= 0:
                raise TaskError(f"{source}: {listed!r} is listed twice, the second time in {name}; keep one")
            sets[place] = number
    if tables and len(left_out := np.flatnonzero(sets < 0)):
        raise TaskError(f"{source}: {paths[left_out[0]]} is in no list; {advice}")
    return np.where(sets < 0, 0, sets)


def _listed(content: bytes, table: bool, title: str, advice: str) -> Iterable[tuple[str, str | None]]:
    """Return path and class of each file of a list; the class is None where a list does not tell it."""
    try:
        lines = content.decode().splitlines()
        if not table:
            return [(line.strip(), None) for line in lines if line.strip()]
        return [(row["file"], row["class"]) for row in csv.DictReader(lines, strict=True)]
    except (UnicodeDecodeError, csv.Error, KeyError) as error:
        raise TaskError(f"{title} is no list of recordings ({error}); {advice}") from error
