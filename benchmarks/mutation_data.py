"""Kinds of files of data: sequences, tables, recordings, records, images, matrices, logs."""

import gzip
import io
import shutil
import struct
import tempfile
import wave
from pathlib import Path
from random import Random

import numpy as np

from benchmarks.mutation_kind import Kind
from benchmarks.mutators import BYTES, edit_archive, edit_npy, edit_words
from quantize.mixing.weights import read_weights
from statespike.current_log import read_log
from statespike.models.tasks.idx import ImageFiles, read_images
from statespike.models.tasks.mel import RATE, log_mel
from statespike.models.tasks.own import own_task
from statespike.models.tasks.readers import read_own
from statespike.models.tasks.records import read_folder_of_records
from statespike.models.tasks.wav import at_feature_rate, parse_wav
from statespike.models.tasks.words import read_words

_IMAGES = ImageFiles("drawn", {}, ("",), "draw them again", own_folder=True)


def _make_npz(path: Path) -> None:
    draw = np.random.default_rng(2)
    np.savez(path, x=draw.normal(size=(12, 6, 2)), y=np.arange(12) % 3, lengths=np.full(12, 4))


def _read_sequences(path: Path) -> None:
    read_own(path, 1)
    own_task(read_own(path))


def _make_table(path: Path) -> None:
    draw = np.random.default_rng(3)
    rows = [
        f"{sequence},{step / 10:g},{draw.normal():.3f},{draw.normal():.3f},{'ab'[sequence % 2]}"
        for sequence in range(12)
        for step in range(4)
    ]
    path.write_text("\n".join(["sequence,time,first,second,label", *rows]) + "\n")


def _make_recording(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(2 * RATE)
        file.writeframes(np.random.default_rng(4).integers(-9000, 9000, 3000).astype("<i2").tobytes())


def _make_archive(path: Path) -> None:
    """A zip of a recording of each of two words, or a tar, by the suffix."""
    with tempfile.TemporaryDirectory(prefix="statespike-") as folder:
        below = Path(folder) / "words"
        for word in ("no", "yes"):
            (below / word).mkdir(parents=True)
            _make_recording(below / word / "1.wav")
        kind = "zip" if path.suffix == ".zip" else "gztar"
        path.write_bytes(Path(shutil.make_archive(str(below), kind, below)).read_bytes())


def _read_recording(path: Path) -> None:
    rate, samples = parse_wav(path.read_bytes(), str(path))
    log_mel(at_feature_rate(samples, rate, str(path)), 8)


def _make_record(path: Path) -> None:
    """A PhysioNet record of five seconds of two leads in format 212, with a beat in its middle."""
    samples = np.random.default_rng(5).integers(-200, 200, (1800, 2))
    columns = [
        f"r.dat 212 200 11 1024 {column[0]} {(int(column.sum()) + 32768) % 65536 - 32768} 0 {lead}"
        for lead, column in zip(("MLII", "V1"), samples.T, strict=True)
    ]
    path.write_text("\n".join([f"r 2 360 {len(samples)}", *columns]) + "\n")
    low, high = samples.T & 0xFFF
    packed = np.stack([low & 0xFF, high >> 8 << 4 | low >> 8, high & 0xFF], 1).astype(np.uint8)
    path.with_suffix(".dat").write_bytes(packed.tobytes())
    path.with_suffix(".atr").write_bytes(struct.pack("<3H", 1 << 10 | 900, 5 << 10 | 40, 0))


def _make_samples(path: Path) -> None:
    _make_record(path.with_suffix(".hea"))


def _read_record(path: Path) -> None:
    read_folder_of_records(path.parent)


def _make_images(path: Path) -> None:
    pixels = np.random.default_rng(6).integers(0, 256, (3, 4, 5)).astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(struct.pack(">4BIII", 0, 0, 8, 3, 3, 4, 5) + pixels, mtime=0))
    labels = path.with_name("train-labels-idx1-ubyte")
    labels.write_bytes(struct.pack(">4BI", 0, 0, 8, 1, 3) + bytes([0, 1, 0]))


def _make_matrix(path: Path) -> None:
    np.save(path, np.random.default_rng(7).integers(-1, 2, (6, 5)).astype(np.int8))


def _edit_matrix(content: bytes, draw: Random) -> bytes:
    """A matrix with another header, as `edit_npy` writes it."""
    archive = io.BytesIO()
    np.savez(archive, only=np.zeros(1))
    with np.load(io.BytesIO(edit_npy(archive.getvalue(), draw))) as edited:
        return edited.zip.read("only.npy")[:128] + content[128:]


def _make_log(path: Path) -> None:
    path.write_text(
        "time,current\n" + "".join(f"{step / 10:g},{0.01 + step / 1e4:g}\n" for step in range(20))
    )


DATA = {
    "sequences": Kind(
        "file.npz",
        _make_npz,
        _read_sequences,
        (*BYTES, edit_archive, edit_archive, edit_npy, edit_npy, edit_npy),
    ),
    "table": Kind("file.csv", _make_table, _read_sequences, (*BYTES, edit_words, edit_words, edit_words)),
    "recording": Kind("file.wav", _make_recording, _read_recording, BYTES),
    "zip of recordings": Kind("file.zip", _make_archive, read_words, (*BYTES, edit_archive, edit_archive)),
    "tar of recordings": Kind("file.tar.gz", _make_archive, read_words, BYTES),
    "header of a record": Kind("r.hea", _make_record, _read_record, (*BYTES, edit_words, edit_words)),
    "beats of a record": Kind("r.atr", _make_samples, _read_record, BYTES),
    "images": Kind(
        "train-images-idx3-ubyte.gz",
        _make_images,
        lambda path: read_images(path.parent, "train", _IMAGES),
        BYTES,
    ),
    "matrix": Kind("file.npy", _make_matrix, read_weights, (*BYTES, _edit_matrix, _edit_matrix)),
    "current log": Kind("file.csv", _make_log, read_log, (*BYTES, edit_words, edit_words)),
}
