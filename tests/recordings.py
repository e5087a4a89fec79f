"""Recordings that tests share: noise in the form of spoken digits."""

import io
import wave
from pathlib import Path

import numpy as np

from statespike.models.tasks.mel import RATE


def wav(samples, rate: int = RATE, channels: int = 1) -> bytes:
    """A WAV file of 16-bit samples."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.asarray(samples, "<i2").tobytes())
    return content.getvalue()


def noise_recordings() -> dict[str, bytes]:
    """Name -> content of 28 recordings: two digits, two speakers, takes 0 to 6, of several lengths."""
    generator = np.random.default_rng(4)
    return {
        f"{digit}_{speaker}_{take}.wav": wav(generator.integers(-9000, 9000, 300 + 500 * take + 7 * digit))
        for take in range(7)
        for speaker in ("ada", "alan")
        for digit in (3, 8)
    }


def write_recordings(folder: Path, recordings: dict[str, bytes]) -> Path:
    """Write the files into a folder, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in recordings.items():
        (folder / name).write_bytes(content)
    return folder
