"""What a search chooses from: the networks and number formats of a task."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from quantize.calibration import Precision
from quantize.configuration import ARRAY_NAMES, MODELS, POOLINGS
from quantize.errors import StatespikeError
from quantize.reading import read_json, reading, require_file
from statespike.models.recipe import Recipe

Choice = str | int


@dataclass(frozen=True)
class Specification:
    """A network and the formats of its integers. How parallel its circuit is, the planner decides.

    Parameters
    ----------
    model, array, pooling : str
        See `quantize.configuration.NetworkConfig`.
    layers, channels, modes : int
    pole_bits, output_bits, mixer_bits, state_bits : int
        See `quantize.calibration.Precision`.
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
            # Real modes have no other first poles, whatever the model's default is.
            initialisation="lin" if self.array == "s4d_real" else "",
            **training,
        )

    def __str__(self) -> str:
        bits = f"{self.pole_bits}/{self.output_bits}/{self.mixer_bits}/{self.state_bits}"
        return f"{self.model} {self.array} {self.layers}x{self.channels}x{self.modes} {self.pooling} {bits}"


NAMES = tuple(field.name for field in fields(Specification))


@dataclass(frozen=True)
class Space:
    """The values that each entry of a specification may take, in an order that means something to numbers.

    Parameters
    ----------
    model, array, pooling : tuple of str
    layers, channels, modes, pole_bits, output_bits, mixer_bits, state_bits : tuple of int

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

    def __post_init__(self) -> None:
        kinds = {"model": MODELS, "array": ARRAY_NAMES, "pooling": POOLINGS}
        for name, values in self.choices():
            if not values:
                raise StatespikeError(f"the search space names nothing for {name}; give at least one value")
            for value in values:
                if name in kinds and value not in kinds[name]:
                    raise StatespikeError(
                        f"the search space has the {name} {value!r}; choose from {', '.join(kinds[name])}"
                    )
                if name not in kinds and (type(value) is not int or value < 1):
                    raise StatespikeError(
                        f"the search space has {value!r} for {name}; give whole numbers of at least 1"
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
