"""Points of a study that differ by their seed alone, and what they say together."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from hdl.primitives.drafts import drafts
from hdl.units.event_mixer import EventMixer
from quantize.configuration import MODELS
from statespike.models.recipe import model_defaults


@dataclass(frozen=True)
class Group:
    """Trainings of one size in one way.

    Parameters
    ----------
    rows : list of dict
        Of the seeds, see `benchmarks.study_points.measured`.
    first : dict
        The row whose circuits stand for the size; none of its circuits are there yet if it is empty.
    """

    rows: list[dict[str, Any]]
    first: dict[str, Any]

    @property
    def task(self) -> str:
        return str(self.rows[0]["task"])

    @property
    def model(self) -> str:
        return str(self.rows[0]["model"])

    @property
    def channels(self) -> int:
        return int(self.rows[0]["channels"])

    @property
    def surrogate(self) -> str:
        return str(self.rows[0]["surrogate"])

    @property
    def penalty(self) -> float:
        return float(self.rows[0]["activity_penalty"])

    @property
    def own_surrogate(self) -> bool:
        """Whether it was trained with the surrogate that is the model's by default."""
        return self.surrogate == model_defaults(self.model).surrogate

    @property
    def size(self) -> tuple[str, str, int]:
        """What decides the circuit but for the contents of its tables."""
        return self.task, self.model, self.channels

    @property
    def order(self) -> tuple[str, int, int]:
        """Tasks, kinds and widths in the order in which they are told."""
        return self.task, list(MODELS).index(self.model), self.channels

    @property
    def seeds(self) -> int:
        return len(self.rows)

    @property
    def accuracies(self) -> list[float]:
        """Of the seeds, in integers, 0 to 1, from the lowest to the highest."""
        return sorted(float(row["accuracy"]) for row in self.rows)

    @property
    def median(self) -> float:
        return median(self.accuracies)

    @property
    def accuracy_text(self) -> str:
        """Median, and the lowest to the highest of several seeds, in per cent."""
        low, high = self.accuracies[0], self.accuracies[-1]
        spread = f" ({100 * low:.1f}..{100 * high:.1f})" if self.seeds > 1 else ""
        return f"{100 * self.median:.1f}{spread}"

    @property
    def activity(self) -> list[float]:
        """Of each layer, the median of the seeds, 0 to 1."""
        return [median(shares) for shares in zip(*(row["activity"] for row in self.rows), strict=True)]

    @property
    def activity_text(self) -> str:
        return ", ".join(f"{share:.0%}" for share in self.activity)

    def priced(self, way: str) -> float:
        """Microjoules of a mean sequence by an accounting, the median of the seeds."""
        return median(float(row["accountings"][way]) for row in self.rows)

    @property
    def steps(self) -> float:
        """Of a mean test sequence."""
        return float(self.rows[0]["steps"])

    @property
    def devices(self) -> list[str]:
        return list(self.first["circuits"])

    def circuit(self, device: str) -> dict[str, Any]:
        """What its size takes of a device."""
        found: dict[str, Any] = self.first["circuits"][device]
        return found


def groups_of(rows: Sequence[dict[str, Any]]) -> list[Group]:
    """All groups whose circuits are there, in order."""
    first = {
        (row["task"], row["model"], row["channels"]): row
        for row in sorted(rows, key=lambda row: row["seed"], reverse=True)
        if row["circuits"]
    }
    together: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        size = row["task"], row["model"], row["channels"]
        if size in first:
            together.setdefault((*size, row["surrogate"], row["activity_penalty"]), []).append(row)
    found = [Group(members, first[key[:3]]) for key, members in together.items()]
    return sorted(found, key=lambda group: group.order)


def event_cycles(group: Group, circuit: dict[str, Any]) -> list[str]:
    """Cycles of the slowest layer: its event mixer at a group's activity, its whole table, its array.

    Dashes for mixers that do not list what is not zero.
    """
    if not circuit["event_mixers"]:
        return ["-"] * 3
    with drafts():
        cycles = [
            mixer_like(layer, group.channels).cycles(round(share * group.channels))
            for layer, share in zip(circuit["event_mixers"], group.activity, strict=True)
        ]
    most, array = (
        max(layer[kind] for layer in circuit["event_mixers"]) for kind in ("table_cycles", "array_cycles")
    )
    return [f"{max(cycles):,}", f"{most:,}", f"{array:,}"]


def mixer_like(layer: dict[str, Any], channels: int) -> EventMixer:
    """An event mixer of a layer's size; what its weights are has no influence on its cycles."""
    weight = np.ones((channels, layer["outputs"]), np.int64)
    bias = np.zeros(layer["outputs"], np.int64)
    return EventMixer(weight, bias, layer["lanes"], layer["activation_width"])
