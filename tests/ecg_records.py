"""PhysioNet records that tests write: format 212, header and annotations, by the formats' own description."""

from pathlib import Path

import numpy as np

CODES = {"N": 1, "L": 2, "V": 5, "F": 6, "A": 8, "/": 12}


def packed(samples) -> bytes:
    """Samples (n, 2) as three bytes a pair: two low bytes around one of both upper halves."""
    content = bytearray()
    for first, second in np.asarray(samples).tolist():
        first, second = first & 0xFFF, second & 0xFFF
        content += bytes([first & 0xFF, second >> 8 << 4 | first >> 8, second & 0xFF])
    return bytes(content)


def header(name, samples, rate=360, leads=("MLII", "V1")) -> bytes:
    """The header of `samples` (n, 2)."""
    lines = [f"{name} 2 {rate} {len(samples)}"]
    for signal, lead in enumerate(leads):
        column = samples[:, signal].astype(int)
        checksum = (int(column.sum()) + 32768) % 65536 - 32768
        lines.append(f"{name}.dat 212 200 11 1024 {column[0]} {checksum} 0 {lead}")
    return ("\n".join([*lines, "# 69 M 1085 1629 x1"]) + "\n").encode()


def word(code, value) -> bytes:
    """One annotation word: six bits of code above ten of time or value, low byte first."""
    return (code << 10 | value).to_bytes(2, "little")


def annotations(beats) -> bytes:
    """Beats (sample, symbol) in order, a rhythm with its text before them, a long gap where one is needed."""
    content, time = word(28, 2) + word(63, 3) + b"(N\0\0", 2
    for sample, symbol in beats:
        gap = sample - time
        if gap > 1023:
            content += word(59, 0) + (gap >> 16).to_bytes(2, "little") + (gap & 0xFFFF).to_bytes(2, "little")
            gap = 0
        content += word(CODES[symbol], gap) + word(62, 1)
        time = sample
    return content + b"\0\0"


def write_record(folder: Path, name, samples, beats, **options) -> None:
    """Write the three files of a record."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.hea").write_bytes(header(name, samples, **options))
    (folder / f"{name}.dat").write_bytes(packed(samples))
    (folder / f"{name}.atr").write_bytes(annotations(beats))
