"""Spoken words of one second as log-mel frames, with disjoint speakers in the sets.

The recordings lie in a folder for each word, and lists divide them into sets, see `words`. A clip is one
second: shorter ones are shorter sequences, longer ones are cut.
"""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from statespike.models.tasks.archives import find_source
from statespike.models.tasks.computed import Computed
from statespike.models.tasks.idx import data_location
from statespike.models.tasks.mel import RATE, frame_count, log_mel
from statespike.models.tasks.own import SETS
from statespike.models.tasks.split import drawn
from statespike.models.tasks.task import CALIBRATION_SEQUENCES, Sequences, Task, TaskError
from statespike.models.tasks.words import LISTS, TABLES, Words, mel_frames, read_words

BANDS = 32
SAMPLES = RATE
"""Of a clip, one second."""
STEPS = int(frame_count(SAMPLES))
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
    words, sets = read_clips(data_location(data))
    frames = mel_frames(words.clips, SAMPLES, BANDS)
    counts = np.minimum(words.clips.counts, SAMPLES)
    whole = Sequences(frames, words.labels, frame_count(counts))

    @cache
    def part(number: int) -> Sequences:
        return whole.take(np.flatnonzero(sets == number))

    def augment(sequences: Sequences, generator: np.random.Generator) -> Sequences:
        assert isinstance(sequences.inputs, Computed)
        assert sequences.y is not None
        chosen = sequences.inputs.chosen
        samples = words.clips.padded(chosen, SAMPLES)
        return varied(samples, counts[chosen], sequences.y, words.noise, generator)

    return Task(
        name,
        features=BANDS,
        classes=len(words.words),
        load_train=lambda: part(0),
        load_validation=lambda: part(1),
        load_test=lambda: part(2),
        load_calibration=lambda: part(0).take(drawn(len(part(0)), CALIBRATION_SEQUENCES)),
        augment=augment,
        class_names=words.words,
    )


def read_clips(location: Path) -> tuple[Words, NDArray[np.int64]]:
    """Read the recordings of either layout, and the set of each.

    Raises
    ------
    TaskError
        When there are none, a list or a file is damaged or missing, or a word lacks clips of a set.
    """
    source = _find(location)
    words = read_words(source, ADVICE)
    if words.sets is None:
        raise TaskError(f"{source}: no lists divide the recordings into sets; {ADVICE}")
    for number, title in enumerate(SETS):
        missing = np.setdiff1d(words.labels, words.labels[words.sets == number])
        if len(missing):
            raise TaskError(f"{source}: no {title} recording of {words.words[missing[0]]!r}; {ADVICE}")
    return words, words.sets


def _find(location: Path) -> Path:
    for probe in (*TABLES, *LISTS):
        try:
            return find_source(location, FOLDERS, ARCHIVES, probe)
        except FileNotFoundError:
            continue
    raise TaskError(f"no recordings of words with lists of their sets in {location}; {ADVICE}")


def varied(
    clips: NDArray[np.int16],
    clip_counts: NDArray[np.int64],
    y: NDArray[np.int64],
    noise: NDArray[np.int16],
    generator: np.random.Generator,
) -> Sequences:
    """Vary training clips: moved, faster or slower, louder or quieter, in noise, with parts left out.

    Parameters
    ----------
    clips : (clips, 8000)
    clip_counts, y : (clips,)
        Samples and label of each.
    noise : (n,)
    """
    count = len(clips)
    positions = np.arange(SAMPLES) - SAMPLES / 2
    rates = generator.uniform(1 - STRETCH, 1 + STRETCH, (count, 1))
    shifts = generator.uniform(-SHIFT, SHIFT, (count, 1)) * RATE
    samples = _read_between(clips, positions * rates + SAMPLES / 2 + shifts, clip_counts)
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
    # A slower clip may be longer; its end is then the last frame's.
    counts = np.clip(np.ceil(clip_counts / rates[:, 0]).astype(np.int64), 1, SAMPLES)
    return Sequences(frames, y, frame_count(np.where(clip_counts == SAMPLES, SAMPLES, counts)))


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
