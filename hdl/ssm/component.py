"""What a network and its planner ask of a kind of neuron array."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from amaranth.lib.wiring import In, Out

from hdl.devices.features import DeviceFeatures
from hdl.primitives.clips import LayerClips
from hdl.primitives.component import Component
from hdl.primitives.streams import beats
from quantize.formats import Format
from quantize.layers.array import ArraySpec
from quantize.words import count


@dataclass(frozen=True)
class ArrayFolding:
    """How parallel an array is; a kind that has more to choose has a subclass.

    Parameters
    ----------
    multipliers : int
        Of the array, or of each of its lanes.
    lanes : int
        More than one only in a streamed network.
    """

    multipliers: int
    lanes: int = 1

    def describe(self) -> str:
        """The folding in words."""
        return f"{count(self.lanes, 'lane')} of {count(self.multipliers, 'multiplier')}"


class ArrayComponent(Component):
    """The frame of all arrays: the normalised residual stream comes, y leaves.

    Parameters
    ----------
    given, output : Format
        Of x and of y.

    Members
    -------
    i : In(stream of Beat), x
    o : Out(stream of Beat), y
    """

    clips: LayerClips | None = None
    """Where it tells the values that it clips."""

    def watch(self, clips: LayerClips) -> None:
        """Tell the values that it clips from now on."""
        self.clips = clips

    def __init__(self, given: Format, output: Format):
        super().__init__({"i": In(beats(given.width)), "o": Out(beats(output.width))})

    @property
    @abstractmethod
    def multipliers(self) -> int:
        """How many it has."""

    @property
    @abstractmethod
    def cycles_per_step(self) -> int:
        """In the steady state."""

    @property
    @abstractmethod
    def cycles_per_channel(self) -> int:
        """In which one comes, and one leaves."""

    @property
    @abstractmethod
    def latency_cycles(self) -> int:
        """Most cycles from a step's last beat to its last y, when nothing else is under way."""


class ArrayKind(ABC):
    """A kind of array: its components, and the foldings that a planner may choose from.

    The module of its component declares it. `spec` is always of the kind's own specification class.
    """

    specification: type[ArraySpec]

    @abstractmethod
    def foldings(self, spec: Any, target: DeviceFeatures) -> Mapping[ArrayFolding, int]:
        """Foldings of the smallest builds and their cycles a step, the largest first, the smallest last."""

    def streamed_foldings(self, spec: Any, most: int) -> Mapping[ArrayFolding, int]:
        """The same of builds that take a channel a cycle, with up to `most` multipliers; none by default."""
        return {}

    @abstractmethod
    def make(
        self, spec: Any, folding: ArrayFolding, *, streamed: bool, target: DeviceFeatures, held: int = 0
    ) -> ArrayComponent:
        """The component of a specification and a folding.

        `held` is the number of cycles that what follows holds a y at its input before it takes it.
        """
