"""PhysioNet records: signals of format 212 with their header and their annotations (the WFDB formats).

A record is three files: `NAME.hea`, text that tells the sampling rate, the length and each signal's gain;
`NAME.dat`, the samples; `NAME.atr`, the annotations of the reference annotators. The formats are described in
header(5), signal(5) and annot(5) of the WFDB Applications Guide (Moody, Pollard & Moody 2022).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from statespike.models.tasks.task import TaskError

BYTES_PER_PAIR = 3
"""Two samples of 12 bits."""
USUAL_GAIN = 200.0
"""Units a millivolt of a signal whose header does not tell."""
MOST_SIGNALS = 64

SYMBOLS = {
    1: "N", 2: "L", 3: "R", 4: "a", 5: "V", 6: "F", 7: "J", 8: "A", 9: "S", 10: "E",
    11: "j", 12: "/", 13: "Q", 34: "e", 38: "f",
}  # fmt: skip
"""Annotation code of a beat -> its usual symbol; all other codes mark something else."""

SKIP, NUMBER, SUBTYPE, CHANNEL, AUXILIARY = 59, 60, 61, 62, 63
"""Annotation codes that carry no time of their own: long intervals, fields of the one before, text."""


@dataclass(frozen=True)
class Header:
    """What a header tells of a record.

    Parameters
    ----------
    name : str
    rate : float
        Samples a second of each signal.
    samples : int
        Of each signal.
    signals : tuple of str
        Description of each signal, "MLII" for instance.
    gains : tuple of float
        Units of a sample to the signal's physical unit.
    initial, checksums : tuple of int, or None
        First sample of each signal, and the sum of its samples modulo 65,536, where the header tells them.
    file : str
        Name of the file of samples.
    """

    name: str
    rate: float
    samples: int
    signals: tuple[str, ...]
    gains: tuple[float, ...]
    initial: tuple[int | None, ...]
    checksums: tuple[int | None, ...]
    file: str


@dataclass(frozen=True)
class Beats:
    """The annotated beats of a record, in the order of time.

    Parameters
    ----------
    samples : int64 array (beats,)
        Sample of each beat's R peak.
    symbols : str array (beats,)
        One character each, see `SYMBOLS`.
    """

    samples: NDArray[np.int64]
    symbols: NDArray[np.str_]


def parse_header(content: bytes, source: str) -> Header:
    """Read a header of signals that lie together in one file of format 212.

    Raises
    ------
    TaskError
        When it is damaged or of another kind.
    """
    lines = [
        line.split()
        for line in content.decode("latin-1").splitlines()
        if line.strip() and not line.startswith("#")
    ]
    try:
        record, signals = lines[0], lines[1:]
        name, number = record[0], int(record[1])
        rate, samples = float(record[2].partition("/")[0].partition("(")[0]), int(record[3])
        formats = {(fields[0], fields[1]) for fields in signals}
        gains = tuple(_gain(fields) for fields in signals)
        initial = tuple(int(fields[5]) if len(fields) > 5 else None for fields in signals)
        checksums = tuple(int(fields[6]) if len(fields) > 6 else None for fields in signals)
        descriptions = tuple(" ".join(fields[8:]) for fields in signals)
    except (IndexError, ValueError) as error:
        raise TaskError(
            f"{source}: not the header of a PhysioNet record ({error}); get the file again"
        ) from error
    if number != len(signals) or not 1 <= number <= MOST_SIGNALS:
        raise TaskError(
            f"{source}: promises {number} signals and describes {len(signals)}; get the file again"
        )
    if len(formats) != 1 or next(iter(formats))[1] != "212":
        raise TaskError(f"{source}: not a record of signals in one file of format 212; convert it with xform")
    if not 0 < rate < 1e6 or samples < 1 or not all(0 < gain < 1e9 for gain in gains):
        raise TaskError(
            f"{source}: {samples} samples at {rate:g} Hz with gains {gains} are no record; get the file again"
        )
    return Header(name, rate, samples, descriptions, gains, initial, checksums, signals[0][0])


def _gain(fields: list[str]) -> float:
    """Gain of a signal: "200", "200/mV", "200(1024)/mV"; left out or 0, it is the usual one."""
    return (
        float(fields[2].partition("/")[0].partition("(")[0]) or USUAL_GAIN if len(fields) > 2 else USUAL_GAIN
    )


def parse_samples(content: bytes, header: Header, source: str) -> NDArray[np.int16]:
    """Read the samples of a record, int16 (samples, signals), and prove them by the header's checksums.

    Raises
    ------
    TaskError
        When the file is too short or long, or holds other samples than the header says.
    """
    signals = len(header.signals)
    expected = (BYTES_PER_PAIR * header.samples * signals + 1) // 2
    if len(content) != expected:
        raise TaskError(
            f"{source}: holds {len(content)} bytes where its header promises {expected}; get the file again"
        )
    # Behind an odd number of samples the last pair lacks its second low byte.
    whole = content + bytes(len(content) % BYTES_PER_PAIR and 1)
    low, middle, high = np.frombuffer(whole, np.uint8).reshape(-1, BYTES_PER_PAIR).astype(np.int16).T
    # The middle byte holds the upper four bits of both samples, the first one's in its lower half.
    pairs = np.stack([low | (middle & 0x0F) << 8, high | (middle & 0xF0) << 4], axis=1)
    unsigned = pairs.reshape(-1)[: header.samples * signals].reshape(-1, signals)
    samples = ((unsigned ^ 0x800) - 0x800).astype(np.int16)
    for signal, title in enumerate(header.signals):
        checksum, initial = header.checksums[signal], header.initial[signal]
        found = int(samples[:, signal].sum(dtype=np.int64))
        if (checksum is not None and (found - checksum) % 65536) or (
            initial is not None and samples[0, signal] != initial
        ):
            raise TaskError(
                f"{source}: the samples of signal {title!r} are not those of the header's checksum; "
                "get the file again"
            )
    return samples


def parse_beats(content: bytes, header: Header, source: str) -> Beats:
    """Read the beats among the annotations of a record.

    Raises
    ------
    TaskError
        When the file breaks off, or an annotation lies outside the record.
    """
    times, symbols = [], []
    time, position = 0, 0
    while True:
        word = content[position : position + 2]
        if len(word) < 2:
            raise TaskError(f"{source}: the annotations break off without an end; get the file again")
        code, value = word[1] >> 2, word[0] | (word[1] & 3) << 8
        position += 2
        if code == 0 and value == 0:
            break
        if code == SKIP:
            # A signed 32-bit interval, its upper half first, each half with its low byte first.
            low, high = content[position + 2 : position + 4], content[position : position + 2]
            time += int.from_bytes(low + high, "little", signed=True)
            position += 4
        elif code == AUXILIARY:
            position += value + value % 2
        elif code not in (NUMBER, SUBTYPE, CHANNEL):
            time += value
            if not 0 <= time < header.samples:
                raise TaskError(
                    f"{source}: an annotation at sample {time} of {header.samples}; get the file again"
                )
            if code in SYMBOLS:
                times.append(time)
                symbols.append(SYMBOLS[code])
    return Beats(np.array(times, np.int64), np.array(symbols, "<U1"))
