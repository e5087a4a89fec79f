"""What follows the neuron array of a layer."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from amaranth.lib.wiring import In, Out

from hdl.devices.family import Family
from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.primitives.blocks import block_sizes
from hdl.primitives.component import Component
from hdl.primitives.streams import beats


class Unit(Component):
    """The frame of all units: y comes, what is added to the residual stream leaves.

    Parameters
    ----------
    spec : specification of `quantize.layers`
        With `input` and `output` formats and a number of `channels`.
    lanes : int
        Of the mixer: outputs computed at a time.
    target : DeviceFeatures

    Members
    -------
    i : In(stream of Beat), y
    o : Out(stream of Beat), in the residual format
    """

    SEQUENTIAL_PART: str | None = None
    """What it does one after the other with `waits`, a form smaller and slower; None if there is none."""

    @staticmethod
    def mixer_size(spec: Any, lanes: int, sequential: bool, family: Family) -> float:
        """What a mixer takes of a part, to be compared with that of other lanes."""
        return lanes

    def __init__(self, spec: Any, lanes: int, target: DeviceFeatures = MULTIPLIER_BLOCKS):
        self.spec, self.lanes, self.target = spec, lanes, target
        super().__init__({"i": In(beats(spec.input.width)), "o": Out(beats(spec.output.width))})

    @staticmethod
    def lane_choices(spec: Any) -> list[int]:
        """Numbers of lanes of the mixer worth choosing from."""
        return block_sizes(spec.channels)

    @property
    def holds(self) -> int:
        """Cycles that each y stands at the input before it is taken."""
        return 0

    @property
    @abstractmethod
    def multipliers(self) -> int:
        """How many it has."""

    @property
    @abstractmethod
    def cycles_per_step(self) -> int:
        """In the steady state; the worst case where they follow the data."""

    def cycles_taken_in(self, cycles: int) -> int:
        """As `cycles_per_step`, where an output is taken in every so many cycles at most."""
        return max(self.cycles_per_step, cycles * self.spec.channels)

    @abstractmethod
    def latency_taken_in(self, cycles: int) -> int:
        """Most cycles from a step's last y to its last output, when nothing else is under way.

        All y may have come at once, and an output is taken in every so many cycles at most.
        """

    @property
    def least_cycles_per_step(self) -> int:
        """In the steady state, whatever the data."""
        return self.cycles_per_step


class LayeredUnit(Unit):
    """A unit that can serve several layers in turn; its argument `others` has those behind the first."""

    @staticmethod
    def obstacle(specs: Sequence[Any]) -> str | None:
        """Why it cannot serve these layers of its kind, in words; None if it can."""
        return None

    @abstractmethod
    def output_delays(self, cycles: int) -> list[int]:
        """Most cycles from a step's last y until each output stands at the end, with nothing else under way.

        An output is taken in every so many cycles at most.
        """

    def least_output_delays(self, cycles: int) -> list[int]:
        """As `output_delays`, whatever the data."""
        return self.output_delays(cycles)


@dataclass(frozen=True)
class UnitKind:
    """A kind of unit, as the module of its component declares it.

    Parameters
    ----------
    specification : type of UnitSpec
        Maybe an abstract one: what the component builds, subclasses included.
    component : type of Unit
    streamed : type of Unit, optional
        The build that takes a channel a cycle, where there is one.
    """

    specification: type[Any]
    component: type[Unit]
    streamed: type[Unit] | None = None
