"""Spoken digits in a stream: digits with pauses between them, in noise that comes and goes.

The recordings are those of `spoken_digits`. A step is a log-mel frame of 16 ms. Each step has a label: a
digit around the end of a spoken one, `NONE` in pauses, and none while a digit is being spoken or just over.
The speakers of the test set train nothing.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from statespike.models.tasks.idx import data_location
from statespike.models.tasks.mel import BANDS, HOP, RATE, WINDOW, log_mel
from statespike.models.tasks.spoken_digits import ADVICE, TEST_TAKES, Recording, read_recordings
from statespike.models.tasks.task import CALIBRATION_SEQUENCES, UNLABELLED, Sequences, Task, TaskError

DIGITS = 10
NONE = DIGITS
"""Label of a step in a pause."""
CLASS_NAMES = (*(str(digit) for digit in range(DIGITS)), "none")
TEST_SPEAKERS = 2
"""Speakers that are held out: the last ones in alphabetical order."""
STEPS = 512
"""Of a sequence, 8.2 s."""
SAMPLES = HOP * (STEPS - 1) + WINDOW
TRAINING_STREAMS, VALIDATION_STREAMS, TEST_STREAMS = 256, 48, 74
"""Sequences of the sets; the test set lasts ten minutes."""

BEFORE_END, BEHIND_END, UNTIL_NONE = 0.10, 0.25, 0.40
"""Seconds before and behind the end of a digit between which a step has its label; and when `NONE` begins."""
PAUSES = 0.5, 2.5
"""Seconds between two digits."""
LEVEL = -24.0
"""Of a digit, in decibels below full scale: the root mean square of its samples."""
FLOOR_LEVEL = -72.0
"""Of the white noise that is always there."""
NOISE_SHARE = 2 / 3
"""Share of the stretches of a stream that have noise; the others are silent but for digits."""
STRETCH_SECONDS = 3.0, 15.0
"""How long noise stays as it is."""
COLOURS = 0.0, 2.0
"""Exponents of the frequency by which the power of noise falls: white to brown."""


class Spoken(NamedTuple):
    """A digit in a stream: its first sample, and the one behind its last."""

    digit: int
    start: int
    end: int


@dataclass(frozen=True)
class Variation:
    """What differs from digit to digit and from stretch to stretch.

    Parameters
    ----------
    snr : (float, float)
        Decibels of a digit of `LEVEL` above the noise, drawn for each stretch.
    loudness : float
        Decibels by which a digit is louder or quieter than `LEVEL` at most.
    speed : float
        Share by which it is faster or slower at most, and its voice higher or lower.
    """

    snr: tuple[float, float] = (10.0, 10.0)
    loudness: float = 0.0
    speed: float = 0.0


TRAINING = Variation((3.0, 30.0), loudness=8.0, speed=0.2)
AS_SPOKEN = Variation()
"""Of validation and test sequences."""


def spoken_stream_task(name: str, data: Path | None) -> Task:
    """Streams of 8.2 s with a label for each step: ten digits, or none.

    Parameters
    ----------
    name : str
    data : Path, optional
        As of `spoken_digits.spoken_digits_task`.
    """
    location = data_location(data)

    @cache
    def chosen(part: int) -> tuple[Recording, ...]:
        return recordings_of(read_recordings(location), part, location)

    def drawn(part: int, streams: int, first: int = 0) -> Sequences:
        # The seed of a stream is its set and its number, so none is in two sets.
        seeds = [(part, first + number) for number in range(streams)]
        return sequences(chosen(part), [np.random.default_rng(seed) for seed in seeds], AS_SPOKEN)

    def augment(given: Sequences, generator: np.random.Generator) -> Sequences:
        return sequences(chosen(0), generator.spawn(len(given)), TRAINING)

    return Task(
        name,
        features=BANDS,
        classes=len(CLASS_NAMES),
        load_train=lambda: drawn(0, TRAINING_STREAMS),
        load_validation=lambda: drawn(1, VALIDATION_STREAMS),
        load_test=lambda: drawn(2, TEST_STREAMS),
        load_calibration=lambda: drawn(0, CALIBRATION_SEQUENCES // 2, TRAINING_STREAMS),
        augment=augment,
        class_names=CLASS_NAMES,
    )


def recordings_of(recordings: list[Recording], part: int, location: Path) -> tuple[Recording, ...]:
    """Return the recordings of a set: 0 trains, 1 chooses the epoch, 2 tests.

    The first takes of the speakers that train choose the epoch.

    Raises
    ------
    TaskError
        When there are none.
    """
    held_out = sorted({recording.speaker for recording in recordings})[-TEST_SPEAKERS:]
    parts = [2 if r.speaker in held_out else int(r.take < TEST_TAKES) for r in recordings]
    found = tuple(r for r, of in zip(recordings, parts, strict=True) if of == part)
    if not found:
        raise TaskError(
            f"{location}: too few recordings; streams need takes from {TEST_TAKES} on and below of more "
            f"than {TEST_SPEAKERS} speakers; {ADVICE}"
        )
    return found


def stream_of(
    data: Path | None, minutes: float, variation: Variation, seed: int, *, trained: bool = False
) -> tuple[NDArray[np.int16], list[Spoken]]:
    """Draw a stream of the speakers that are held out, or of those that trained in recordings that did not.

    Parameters
    ----------
    data : Path, optional
        As of `spoken_digits.spoken_digits_task`.
    minutes : float
    variation : Variation
    seed : int
    trained : bool

    Returns
    -------
    As of `draw_stream`.
    """
    location = data_location(data)
    part = 1 if trained else 2
    chosen = recordings_of(read_recordings(location), part, location)
    # Three numbers: no seed of a sequence of the sets, which has two.
    generator = np.random.default_rng((part, seed, 0))
    return draw_stream(chosen, round(60 * minutes * RATE), variation, generator)


def sequences(
    recordings: tuple[Recording, ...], generators: list[np.random.Generator], variation: Variation
) -> Sequences:
    """Draw a stream of 512 steps with each generator.

    Returns
    -------
    Sequences
        x (streams, 512, 16) and y (streams, 512).
    """
    x = np.empty((len(generators), STEPS, BANDS), np.float32)
    y = np.empty((len(generators), STEPS), np.int64)
    for row, generator in enumerate(generators):
        samples, spoken = draw_stream(recordings, SAMPLES, variation, generator)
        x[row], y[row] = log_mel(samples), labels_of(spoken, STEPS)
    return Sequences(x, y)


def draw_stream(
    recordings: tuple[Recording, ...], length: int, variation: Variation, generator: np.random.Generator
) -> tuple[NDArray[np.int16], list[Spoken]]:
    """Draw a stream: recordings in an order that repeats none before all were there, and noise.

    Parameters
    ----------
    recordings : tuple of Recording
    length : int
        Samples.
    variation : Variation
    generator : numpy.random.Generator

    Returns
    -------
    samples : int16 (length,)
    spoken : list of Spoken
        In the order of time; all end before the stream does.
    """
    samples = _strength(FLOOR_LEVEL) * generator.standard_normal(length)
    start = 0
    while start < length:
        end = min(start + round(RATE * generator.uniform(*STRETCH_SECONDS)), length)
        if generator.random() < NOISE_SHARE:
            level = LEVEL - generator.uniform(*variation.snr)
            samples[start:end] += _strength(level) * _noise(end - start, generator)
        start = end
    spoken: list[Spoken] = []
    order: list[int] = []
    place = round(RATE * generator.uniform(0, PAUSES[1]))
    while True:
        if not order:
            order = list(generator.permutation(len(recordings)))
        recording = recordings[order.pop()]
        clip = _varied(recording.samples, variation, generator)
        end = place + len(clip)
        if end > length:
            break
        samples[place:end] += clip
        spoken.append(Spoken(recording.digit, place, end))
        place = end + round(RATE * generator.uniform(*PAUSES))
    return np.clip(np.round(samples), -(2**15), 2**15 - 1).astype(np.int16), spoken


def labels_of(spoken: list[Spoken], steps: int) -> NDArray[np.int64]:
    """Return the label of each step, (steps,): by the time at which its frame ends."""
    times = (HOP * np.arange(steps) + WINDOW) / RATE
    labels = np.full(steps, NONE)
    for digit, start, end in spoken:
        begin, over = start / RATE, end / RATE
        labels[(times > begin) & (times < over + UNTIL_NONE)] = UNLABELLED
        labels[(times >= over - BEFORE_END) & (times < over + BEHIND_END)] = digit
    return labels


def _varied(
    samples: NDArray[np.int16], variation: Variation, generator: np.random.Generator
) -> NDArray[np.float64]:
    """A recording at its level, faster or slower, louder or quieter; (n,)."""
    clip = samples.astype(np.float64)
    if variation.speed:
        rate = generator.uniform(1 - variation.speed, 1 + variation.speed)
        clip = np.interp(np.arange(0, len(clip) - 1, rate), np.arange(len(clip)), clip)
    level = LEVEL + generator.uniform(-variation.loudness, variation.loudness)
    return clip * (_strength(level) / max(np.sqrt((clip**2).mean()), 1.0))


def _noise(count: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Noise of a drawn colour with a root mean square of 1, (count,)."""
    size = 1 << (count - 1).bit_length()  # whose transform is fast
    spectrum = np.fft.rfft(generator.standard_normal(size))
    # White below 50 Hz, where bands hear nothing.
    frequency = np.maximum(np.fft.rfftfreq(size, 1 / RATE), 50.0)
    noise = np.fft.irfft(spectrum * frequency ** (-generator.uniform(*COLOURS) / 2), size)[:count]
    return noise / np.sqrt((noise**2).mean())


def _strength(level: float) -> float:
    """Root mean square of samples of a level in decibels below full scale."""
    return float(2.0**15 * 10 ** (level / 20))
