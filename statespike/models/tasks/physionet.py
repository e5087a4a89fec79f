"""PhysioNet records: signals of format 212 with their header and their annotations (the WFDB formats).

A record is three files: `NAME.hea`, text that tells the sampling rate, the length and each signal's gain;
`NAME.dat`, the samples; `NAME.atr`, the annotations of the reference annotators. The formats are described in
header(5), signal(5) and annot(5) of the WFDB Applications Guide (Moody, Pollard & Moody 2022).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from statespike.models.tasks.task import TaskError

SIGNALS = 2
"""Signals of a record of format 212 as it is read here."""
BYTES_PER_PAIR = 3
"""Two samples of 12 bits."""

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
    initial, checksums : tuple of int
        First sample of each signal, and the sum of its samples modulo 65,536.
    """

    name: str
    rate: float
    samples: int
    signals: tuple[str, ...]
    initial: tuple[int, ...]
    checksums: tuple[int, ...]


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
    """Read a header of two signals that lie together in one file of format 212.

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
        record, signals = lines[0], lines[1 : 1 + SIGNALS]
        name, count = record[0], int(record[1])
        rate, samples = float(record[2].partition("/")[0]), int(record[3])
        formats = {(fields[0], fields[1]) for fields in signals}
        initial = tuple(int(fields[5]) for fields in signals)
        checksums = tuple(int(fields[6]) for fields in signals)
        descriptions = tuple(" ".join(fields[8:]) for fields in signals)
    except (IndexError, ValueError) as error:
        raise TaskError(
            f"{source}: not the header of a PhysioNet record ({error}); get the file again"
        ) from error
    if (count, len(signals), len(formats)) != (SIGNALS, SIGNALS, 1) or next(iter(formats))[1] != "212":
        raise TaskError(f"{source}: not a record of {SIGNALS} signals in one file of format 212")
    if not 0 < rate < 1e6 or samples < 1:
        raise TaskError(f"{source}: {samples} samples at {rate:g} Hz are no record; get the file again")
    return Header(name, rate, samples, descriptions, initial, checksums)


def parse_samples(content: bytes, header: Header, source: str) -> NDArray[np.int16]:
    """Read the samples of a record, int16 (samples, 2), and prove them by the header's checksums.

    Raises
    ------
    TaskError
        When the file is too short or long, or holds other samples than the header says.
    """
    expected = BYTES_PER_PAIR * header.samples
    if len(content) != expected:
        raise TaskError(
            f"{source}: holds {len(content)} bytes where its header promises {expected}; get the file again"
        )
    low, middle, high = np.frombuffer(content, np.uint8).reshape(-1, BYTES_PER_PAIR).astype(np.int16).T
    # The middle byte holds the upper four bits of both samples, the first one's in its lower half.
    pairs = np.stack([low | (middle & 0x0F) << 8, high | (middle & 0xF0) << 4], axis=1)
    samples = ((pairs ^ 0x800) - 0x800).astype(np.int16)
    for signal, title in enumerate(header.signals):
        found = int(samples[:, signal].sum(dtype=np.int64))
        if (found - header.checksums[signal]) % 65536 or samples[0, signal] != header.initial[signal]:
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
