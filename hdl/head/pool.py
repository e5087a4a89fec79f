"""What all pools in gates share: values of steps come in, those of an answer go out."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from amaranth.hdl import signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from hdl.primitives.component import Component
from hdl.primitives.streams import beats
from quantize.layers.head import POOLED_WIDTH, HeadSpec

SpecT = TypeVar("SpecT", bound=HeadSpec)


class PooledValue(data.StructLayout):
    """One channel of a pooled sequence.

    Members
    -------
    last : 1
        The last channel.
    overrun : 1
        The sequence was longer than `PoolSpec.max_steps`.
    value : signed(POOLED_WIDTH)
    """

    def __init__(self) -> None:
        super().__init__({"last": 1, "overrun": 1, "value": signed(POOLED_WIDTH)})


class AnswerValue(data.StructLayout):
    """One channel of what an answer is made of.

    Members
    -------
    last : 1
        The last channel.
    begins, ends : 1
        The answer is the first of its sequence; it follows the sequence's last step.
    value : signed(POOLED_WIDTH)
    """

    def __init__(self) -> None:
        super().__init__({"last": 1, "begins": 1, "ends": 1, "value": signed(POOLED_WIDTH)})


class Pool(Component, Generic[SpecT]):
    """The specification of a head in gates.

    Parameters
    ----------
    spec : HeadSpec
    values : PooledValue or AnswerValue
        Of a head that answers once a sequence, or again and again.

    Attributes
    ----------
    cycles_per_beat : int
        Cycles from one beat to the next.

    Members
    -------
    i : In(stream of Beat)
    o : Out(stream of values), H an answer
    """

    cycles_per_beat: int

    def __init__(self, spec: SpecT, values: PooledValue | AnswerValue):
        self.spec = spec
        super().__init__({"i": In(beats(spec.input.width)), "o": Out(stream.Signature(values))})

    @property
    def cycles_per_step(self) -> int:
        return self.cycles_per_beat * self.spec.channels

    @property
    @abstractmethod
    def cycles_of_last_step(self) -> int:
        """Most cycles from the last step's first beat until the last value has left."""


@dataclass(frozen=True)
class HeadKind:
    """A kind of head, as the module of its component declares it.

    Parameters
    ----------
    specification : type of HeadSpec
    make : callable
        Its component, from a specification, `streamed` and `target`.
    """

    specification: type[HeadSpec]
    make: Callable[..., Pool[Any]]
