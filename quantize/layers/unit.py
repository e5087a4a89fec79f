"""What all kinds of units share: the part of a block between its array and its residual sum."""

from abc import abstractmethod

from quantize.formats import Format, Integers
from quantize.specification import Specification


class UnitSpec(Specification):
    """A unit: from the array's outputs of a step to what is added to the block's inputs.

    Its kinds are frozen dataclasses, which have `input` and `output` where they stand in their files.
    """

    input: Format
    output: Format

    @property
    @abstractmethod
    def channels(self) -> int:
        """Channels H."""

    @property
    @abstractmethod
    def multiplications(self) -> int:
        """Products of a step."""

    @abstractmethod
    def activations(self, y: Integers) -> Integers | tuple[Integers, Integers]:
        """What its mixer takes, made of its inputs y (..., steps, H); maybe two values of each."""

    @abstractmethod
    def compute(self, y: Integers, states: Integers | None = None) -> Integers:
        """Its outputs from its inputs y, both (..., steps, H).

        Parameters
        ----------
        states : (sequences, H), optional
            Of a unit that has them: those before the first step; they move on.
        """
