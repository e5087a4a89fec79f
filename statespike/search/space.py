"""What a search chooses from: the networks and number formats of a task."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from hdl.planning.planner import BUILDS
from quantize.calibration import Precision
from quantize.configuration import ARRAY_NAMES, MODELS, POOLINGS
from quantize.constants import THRESHOLD_PARTS, TWENTIETHS
from quantize.errors import StatespikeError
from quantize.kinds import UNITS
from quantize.reading import read_json, reading, require_file
from statespike.models.recipe import Recipe

Choice = str | int


@dataclass(frozen=True)
class Specification:
    """A network, the formats of its integers, and what is asked of its circuit.

    How parallel the circuit is, the planner decides: as fast as fits, or the smallest of a speed. What means
    nothing is what it usually is, so that no candidate has two specifications: a ternary threshold of a unit
    that has none, and a circuit that serves all of one layer.

    Parameters
    ----------
    model, array, pooling : str
        See `quantize.configuration.NetworkConfig`.
    layers, channels, modes : int
    pole_bits, output_bits, mixer_bits, state_bits : int
        See `quantize.calibration.Precision`.
    twentieths : int
        See `quantize.configuration.NetworkConfig`.
    build : str
        One of `hdl.planning.planner.BUILDS`.
    steps_per_second : int
        The circuit is the smallest that makes so many; as fast as fits for 0.
    clock_mhz : int
        Of the circuit; the device's planning clock for 0.
    """

    model: str
    array: str
    pooling: str
    layers: int
    channels: int
    modes: int
    pole_bits: int
    output_bits: int
    mixer_bits: int
    state_bits: int
    twentieths: int = TWENTIETHS
    build: str = "any"
    steps_per_second: int = 0
    clock_mhz: int = 0

    def __post_init__(self) -> None:
        if not UNITS[self.model].ternary:
            object.__setattr__(self, "twentieths", TWENTIETHS)
        if self.layers == 1 and self.build == "folded":
            object.__setattr__(self, "build", "any")

    @property
    def precision(self) -> Precision:
        """How many bits the integers keep."""
        return Precision(self.pole_bits, self.state_bits, self.output_bits, self.mixer_bits)

    def recipe(self, **training: Any) -> Recipe:
        """How the network is trained; `training` are further entries of the recipe."""
        return Recipe(
            model=self.model,
            array=self.array,
            pooling=self.pooling,
            layers=self.layers,
            channels=self.channels,
            modes=self.modes,
            twentieths=self.twentieths,
            # Real modes have no other first poles, whatever the model's default is.
            initialisation="lin" if self.array == "s4d_real" else "",
            **training,
        )

    def __str__(self) -> str:
        bits = f"{self.pole_bits}/{self.output_bits}/{self.mixer_bits}/{self.state_bits}"
        told = f"{self.model} {self.array} {self.layers}x{self.channels}x{self.modes} {self.pooling} {bits}"
        if self.twentieths != TWENTIETHS:
            told += f" {self.twentieths}/{THRESHOLD_PARTS}"
        if self.build != "any":
            told += f" {self.build}"
        if self.steps_per_second:
            told += f" {self.steps_per_second:,}/s"
        return told + (f" {self.clock_mhz} MHz" if self.clock_mhz else "")


NAMES = tuple(field.name for field in fields(Specification))
MAY_BE_ZERO = ("steps_per_second", "clock_mhz")


@dataclass(frozen=True)
class Space:
    """The values that each entry of a specification may take, in an order that means something to numbers.

    Parameters
    ----------
    model, array, pooling, build : tuple of str
    layers, channels, modes, pole_bits, output_bits, mixer_bits, state_bits, twentieths : tuple of int
    steps_per_second, clock_mhz : tuple of int
        0 as in a `Specification`.

    Raises
    ------
    StatespikeError
        If a value is none of what the networks can be, or an entry has none.
    """

    model: tuple[str, ...] = MODELS
    array: tuple[str, ...] = ARRAY_NAMES
    pooling: tuple[str, ...] = POOLINGS
    layers: tuple[int, ...] = (1, 2, 3)
    channels: tuple[int, ...] = (4, 6, 8, 12, 16, 24, 32)
    modes: tuple[int, ...] = (1, 2, 3, 4, 6, 8)
    pole_bits: tuple[int, ...] = (3, 4, 5, 6, 7, 8)
    output_bits: tuple[int, ...] = (3, 4, 5, 6, 7, 8)
    mixer_bits: tuple[int, ...] = (3, 4, 5, 6, 7, 8)
    state_bits: tuple[int, ...] = (8, 10, 12, 14, 16)
    twentieths: tuple[int, ...] = (2, 3, 4, 6)
    build: tuple[str, ...] = ("any", "folded")
    steps_per_second: tuple[int, ...] = (0, 10_000, 1_000)
    clock_mhz: tuple[int, ...] = (0, 24)

    def __post_init__(self) -> None:
        kinds = {"model": MODELS, "array": ARRAY_NAMES, "pooling": POOLINGS, "build": tuple(BUILDS)}
        for name, values in self.choices():
            if not values:
                raise StatespikeError(f"the search space names nothing for {name}; give at least one value")
            for value in values:
                if name in kinds and value not in kinds[name]:
                    raise StatespikeError(
                        f"the search space has the {name} {value!r}; choose from {', '.join(kinds[name])}"
                    )
                least = 0 if name in MAY_BE_ZERO else 1
                if name not in kinds and (type(value) is not int or value < least):
                    raise StatespikeError(
                        f"the search space has {value!r} for {name}; give whole numbers of at least {least}"
                    )
                if name == "twentieths" and int(value) >= THRESHOLD_PARTS:
                    raise StatespikeError(
                        f"the search space has {value} for {name}; a ternary threshold is less than "
                        f"{THRESHOLD_PARTS} twentieths"
                    )
        for name in ("pole_bits", "output_bits", "mixer_bits"):
            for value in getattr(self, name):
                Precision(value)
        for value in self.state_bits:
            Precision(state=value)

    @property
    def size(self) -> int:
        """Number of specifications."""
        product = 1
        for _, values in self.choices():
            product *= len(values)
        return product

    def choices(self) -> Iterator[tuple[str, tuple[Choice, ...]]]:
        """Every entry with its values."""
        for name in NAMES:
            yield name, getattr(self, name)

    def as_json(self) -> dict[str, list[Choice]]:
        """The space as JSON values."""
        return {name: list(values) for name, values in asdict(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Space":
        """A space of JSON values; an entry that is left out has the values of the default.

        Raises
        ------
        StatespikeError
        """
        for name, found in values.items():
            if name not in NAMES:
                raise StatespikeError(
                    f"the search space has the unknown entry {name!r}; choose from {', '.join(NAMES)}"
                )
            if not isinstance(found, list):
                raise StatespikeError(f"the search space's {name} is {found!r}; give a list of values")
        return cls(**{name: tuple(found) for name, found in values.items()})


def read_space(path: Path) -> Space:
    """Read a space from a file of JSON.

    Raises
    ------
    StatespikeError
    """
    advice = "write it again"
    require_file(path, advice)
    with reading(path, "not a search space", advice):
        return Space.from_json(read_json(path.read_bytes(), path, "the search space", advice))
