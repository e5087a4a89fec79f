"""What makes one candidate better than another: objectives, all to be small, and the front of the best."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hdl.devices.devices import Device
from quantize.errors import StatespikeError, look_up
from statespike.search.trial import Result

Thing = TypeVar("Thing")


def _cells(kind: str) -> Callable[[Result], float]:
    return lambda result: float(result.estimate[kind])


OBJECTIVES: dict[str, Callable[[Result], float]] = {
    "error": lambda result: result.error,
    "lut": _cells("lut"),
    "ff": _cells("ff"),
    "bram": _cells("bram"),
    "spram": _cells("spram"),
    "dsp": _cells("dsp"),
    "cycles": lambda result: float(result.cycles),
    "energy": lambda result: result.energy_uj["high"],
}
"""Name -> figure of a result that has not failed; the smaller, the better."""


def objectives_of(text: str, device: Device) -> tuple[str, ...]:
    """Names of objectives, with commas between them, for a search on a device.

    Raises
    ------
    StatespikeError
        If there is none, one is unknown or named twice, or the device's energy is not modelled.
    """
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise StatespikeError(f"no objective is named; choose from {', '.join(OBJECTIVES)}")
    for name in names:
        look_up(OBJECTIVES, name, "objective")
        if names.count(name) > 1:
            raise StatespikeError(f"the objective {name} is named twice; name each once")
    if "energy" in names and device.power is None:
        raise StatespikeError(
            f"the energy of {device.name} is not modelled, so it can be no objective; choose --device up5k, "
            "or other objectives"
        )
    return names


def values_of(result: Result, objectives: Sequence[str]) -> tuple[float, ...] | None:
    """The objectives' values; None of a failure."""
    return None if result.failure else tuple(OBJECTIVES[name](result) for name in objectives)


def dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether one is nowhere worse, and somewhere better."""
    return all(a <= b for a, b in zip(one, other, strict=True)) and tuple(one) != tuple(other)


def front(things: Sequence[tuple[Thing, Sequence[float]]]) -> list[Thing]:
    """Those things whose values no other's dominate, by their first value; of equal ones the first thing."""
    kept: dict[tuple[float, ...], Thing] = {}
    for thing, values in things:
        if not any(dominates(other, values) for _, other in things):
            kept.setdefault(tuple(values), thing)
    return [kept[values] for values in sorted(kept)]


def hypervolume(points: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    """Volume of what the points dominate below a reference point.

    Parameters
    ----------
    points : (n, objectives)
        Those that are not below the reference count for nothing.
    reference : (objectives,)

    Notes
    -----
    Slices along the last objective: between two neighbouring values of it, the points up to there dominate
    a volume of one dimension less. Exact, and quick enough for the fronts of a few hundred candidates.
    """
    points = points[(points < reference).all(axis=1)]
    if not len(points):
        return 0.0
    if len(reference) == 1:
        return float(reference[0] - points.min())
    points = points[np.argsort(points[:, -1], kind="stable")]
    heights = np.append(points[:, -1], reference[-1])
    volume = 0.0
    for count in range(1, len(points) + 1):
        thickness = heights[count] - heights[count - 1]
        if thickness > 0:
            volume += thickness * hypervolume(points[:count, :-1], reference[:-1])
    return volume
