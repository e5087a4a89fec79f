"""An electrocardiogram out of noise: records of the MIT-BIH Arrhythmia Database, a value at each step.

A sequence is 512 steps (4.3 s at 120 Hz) of a record's main lead, without its baseline, as the beats of
`statespike.models.tasks.ecg`. Drawn noise is added: white, of 0.1 mV, and the mains' 50 Hz, of an amplitude
of up to 0.2 mV and any phase. Wanted is the lead without that noise, in millivolts, 8 steps (67 ms) late:
what comes after a step helps to tell it from noise. The first 8 steps count nowhere. Patients are those of
the task `ecg-inter`: DS1 trains, five of its records choose the epoch, DS2 tests.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np

from statespike.models.tasks.ecg import FULL_SCALE, LARGEST
from statespike.models.tasks.ecg_records import DECIMATION, RATE, Record, read_records
from statespike.models.tasks.ecg_splits import DS1, DS2, VALIDATION
from statespike.models.tasks.idx import data_location
from statespike.models.tasks.split import drawn
from statespike.models.tasks.task import CALIBRATION_SEQUENCES, Sequences, Task

STEPS = 512
DELAY = 8
"""Steps by which a wanted value is late."""
EVERY = 4
"""Every how manieth stretch of a record is taken."""
UNITS_PER_MILLIVOLT = 600.0
"""Of a sum of three samples."""
WHITE, MAINS = 0.1, 0.2
"""In millivolts: deviation of the white noise, largest amplitude of the mains."""
MAINS_FREQUENCY = 50.0


def ecg_denoising_task(name: str, data: Path | None) -> Task:
    """Stretches of noisy leads, and what they were before, in millivolts.

    Parameters
    ----------
    name : str
    data : Path, optional
        As of `statespike.models.tasks.ecg.ecg_task`.
    """
    location = data_location(data)

    @cache
    def records() -> dict[int, Record]:
        return read_records(location, [*DS1, *DS2])

    @cache
    def train() -> Sequences:
        return noisy(records(), [record for record in DS1 if record not in VALIDATION], seed=0)

    return Task(
        name,
        features=1,
        classes=1,
        output="regression",
        load_train=train,
        load_validation=lambda: noisy(records(), VALIDATION, seed=1),
        load_test=lambda: noisy(records(), DS2, seed=2),
        load_calibration=lambda: train().take(drawn(len(train()), CALIBRATION_SEQUENCES)),
    )


def noisy(records: dict[int, Record], names: Iterable[int], seed: int) -> Sequences:
    """Cut records into stretches, and add noise that the seed draws.

    Returns
    -------
    Sequences
        x float32 (stretches, 512, 1) in whole multiples of 1/512; targets (stretches, 512, 1) in millivolts.
    """
    generator = np.random.default_rng(seed)
    stretches = []
    for name in names:
        lead = records[name].leads[0]
        whole = len(lead) // STEPS
        stretches.append(lead[: whole * STEPS].reshape(whole, STEPS)[::EVERY])
    clean = np.clip(np.concatenate(stretches), -LARGEST, LARGEST - 1)
    millivolts = clean / UNITS_PER_MILLIVOLT
    phase = 2 * np.pi * generator.random((len(clean), 1))
    angle = 2 * np.pi * MAINS_FREQUENCY * DECIMATION / RATE * np.arange(STEPS) + phase
    noise = WHITE * generator.standard_normal(clean.shape)
    noise += MAINS * generator.random((len(clean), 1)) * np.sin(angle)
    x = np.clip(np.round(clean + UNITS_PER_MILLIVOLT * noise), -LARGEST, LARGEST - 1) / FULL_SCALE
    targets = np.full(millivolts.shape, np.nan)
    targets[:, DELAY:] = millivolts[:, :-DELAY]
    return Sequences(x[..., None].astype(np.float32), targets=targets[..., None])
