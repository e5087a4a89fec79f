"""A trial: from a specification to figures, by a short training, rounding and an estimate.

The outcome depends on the trial alone, so it may run anywhere, again, and more than once.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from statespike.search.space import Specification

VERSION = 3
"""Of what a trial does; another one makes earlier results those of other trials."""
SHOWN = 8
"""Digits of a trial's key that tell it from the others of a study."""


@dataclass(frozen=True)
class Effort:
    """How much a trial costs.

    Parameters
    ----------
    epochs : int
        Of the training.
    sequences : int
        The first so many of the training set; all for 0.
    validation : int
        Most sequences that measure the error; all for 0.
    batch : int
        Sequences an update.
    test : bool
        Measure the test set too: of finalists alone, so that nothing is chosen by it.
    """

    epochs: int = 4
    sequences: int = 1000
    validation: int = 500
    batch: int = 32
    test: bool = False


@dataclass(frozen=True)
class Trial:
    """Everything that decides an outcome.

    Parameters
    ----------
    specification : Specification
    seed : int
        Of the training.
    task : str
    device : str
    effort : Effort
    rate : float or None
        Steps a second that the circuit must make.
    data : str
        Where the task's files are, or data of one's own; empty for the task's own place.
    data_sha256 : str
        Of a file of one's own. Of a folder there is none: it is taken to stay as it is.
    start : str
        Key of the trial whose weights the training begins with; random weights if empty.
    weights : bytes
        That trial's checkpoint as its file, which follows from its key.
    """

    specification: Specification
    seed: int
    task: str
    device: str
    effort: Effort = field(default_factory=Effort)
    rate: float | None = None
    data: str = ""
    data_sha256: str = ""
    start: str = ""
    weights: bytes = field(default=b"", repr=False, compare=False)

    @property
    def key(self) -> str:
        """Name of the trial by its content, 64 hexadecimal digits; where its files lie is none of it."""
        content = self.as_json() | {"version": VERSION}
        del content["data"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def least_steps_per_second(self) -> float:
        """What its circuit must make: the search's rate, or more if the specification asks for it; or 0."""
        return max(self.rate or 0.0, float(self.specification.steps_per_second))

    def as_json(self) -> dict[str, Any]:
        """The trial as JSON values, without the weights that it starts with."""
        return {name: value for name, value in asdict(self).items() if name != "weights"}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Trial":
        """A trial of JSON values."""
        parts = {
            "specification": Specification(**values["specification"]),
            "effort": Effort(**values["effort"]),
        }
        return cls(**dict(values) | parts)


@dataclass(frozen=True)
class Result:
    """What became of a trial.

    Parameters
    ----------
    failure : str
        Why there are no figures, in a sentence; empty otherwise.
    error : float
        Share of the validation sequences that the integers take for another class.
    validation : int
        How many those were.
    test_error, tested : float and int
        The same of the test set; nothing is tested unless the trial's effort says so.
    estimate : dict
        Cells of the device by kind, see `hdl.devices.resources.Resources`; empty of a failure.
    cycles, steps_per_second : int, float
        A step's cycles, and the speed at the planned clock.
    energy_uj : dict
        Microjoules of a step, "low" and "high", at the planned clock or at the trial's rate; empty where the
        device's energy is not modelled. See `hdl.energy.step`.
    lacks : tuple of str
        What the device is short of, or the speed, in words; nothing if the candidate can be built.
    excess : float
        How far the worst shortage goes, as a share of what there is; 0 if nothing is short.
    versions : str
        Of what trained it.
    """

    failure: str = ""
    error: float = 1.0
    validation: int = 0
    test_error: float | None = None
    tested: int = 0
    estimate: Mapping[str, int] = field(default_factory=dict)
    cycles: int = 0
    steps_per_second: float = 0.0
    energy_uj: Mapping[str, float] = field(default_factory=dict)
    lacks: tuple[str, ...] = ()
    excess: float = 0.0
    versions: str = ""

    @property
    def feasible(self) -> bool:
        """Whether it has figures, fits the device and meets the rate."""
        return not (self.failure or self.lacks)

    def as_json(self) -> dict[str, Any]:
        """The result as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Result":
        """A result of JSON values."""
        return cls(**dict(values) | {"lacks": tuple(values["lacks"])})


@dataclass(frozen=True)
class Candidate:
    """A trial and its result."""

    trial: Trial
    result: Result

    @property
    def identifier(self) -> str:
        """What a user calls it."""
        return self.trial.key[:SHOWN]

    def as_json(self) -> dict[str, Any]:
        """The candidate as JSON values."""
        return {
            "id": self.identifier,
            "key": self.trial.key,
            "trial": self.trial.as_json(),
            "result": self.result.as_json(),
        }


@dataclass(frozen=True)
class Outcome:
    """A result, and the trained checkpoint as the bytes of its file; empty if there is none."""

    result: Result
    checkpoint: bytes = b""
