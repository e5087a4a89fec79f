"""Which beats of the MIT-BIH Arrhythmia Database train, choose the epoch, and test."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from statespike.models.tasks.ecg_records import DECIMATION, Record

BEFORE, AFTER = 70, 90
"""Steps of a sequence before the R peak, and from it on."""

DS1 = (
    101, 106, 108, 109, 112, 114, 115, 116, 118, 119, 122, 124, 201, 203, 205,
    207, 208, 209, 215, 220, 223, 230,
)  # fmt: skip

DS2 = (
    100, 103, 105, 111, 113, 117, 121, 123, 200, 202, 210, 212, 213, 214, 219,
    221, 222, 228, 231, 232, 233, 234,
)  # fmt: skip

"""Records of the protocol between patients: DS1 trains, DS2 tests."""
PACED = (102, 104, 107, 217)
"""Records that the protocol between patients leaves out."""

VALIDATION = (114, 118, 124, 207, 223)
"""Records of DS1 that choose the epoch."""

SPLIT_SEED = 0

TEST_SHARE, VALIDATION_SHARE = 5, 10
"""Every how manieth drawn beat is in the test set, and every how manieth of the others chooses the epoch."""


@dataclass(frozen=True)
class Selection:
    """Chosen beats: record and index of each."""

    records: NDArray[np.int64]
    indices: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, chosen: NDArray[np.integer] | NDArray[np.bool_]) -> "Selection":
        """Return some of the beats."""
        return Selection(self.records[chosen], self.indices[chosen])


class Split(NamedTuple):
    """Which beats train, choose the epoch, and test."""

    train: Selection
    validation: Selection
    test: Selection


def whole_beats(records: dict[int, Record], names: Iterable[int]) -> Selection:
    """Return the beats of some records whose windows lie within them."""
    chosen = []
    for name in names:
        record = records[name]
        peaks = record.beats.samples // DECIMATION
        inside = np.flatnonzero((peaks >= BEFORE) & (peaks + AFTER <= record.leads.shape[1]))
        chosen.append(Selection(np.full(len(inside), name), inside))
    return Selection(
        np.concatenate([part.records for part in chosen]), np.concatenate([part.indices for part in chosen])
    )


def split_at_random(records: dict[int, Record]) -> Split:
    """Draw a fifth of all beats for the test, and a tenth of the others to choose the epoch."""
    beats = whole_beats(records, records)
    beats = beats.take(np.random.default_rng(SPLIT_SEED).permutation(len(beats)))
    tested = len(beats) // TEST_SHARE
    chosen = tested + (len(beats) - tested) // VALIDATION_SHARE
    order = np.arange(len(beats))
    return Split(beats.take(order[chosen:]), beats.take(order[tested:chosen]), beats.take(order[:tested]))


def split_by_patient(records: dict[int, Record]) -> Split:
    """DS1 without five records, those five, and DS2."""
    trained = [name for name in DS1 if name not in VALIDATION]
    return Split(*(whole_beats(records, names) for names in (trained, VALIDATION, DS2)))
