"""How the values of a step come to a `hdl.norm.step_norm.StepNorm`.

What arrives takes a cycle of the norm's datapath (multiplier, shift, rounding, clipping) from the walk under
way. A source says what of that datapath it uses: values only the part behind the multiplier, while a stage in
front that makes its values by a product may use the multiplier too.
"""

from dataclasses import dataclass
from typing import Protocol

from amaranth.hdl import Value
from amaranth.lib.data import View

from hdl.primitives.fixed import shift_left, shifted_with_round_bit
from hdl.primitives.streams import Beat
from quantize.layers.norm import WORD, LayerNorm


def spare_places(norm: LayerNorm, shift: int, width: int) -> int:
    """How far a factor of so many bits can go up while its product's shift stays within the norm's own."""
    return min(max(norm.normalise_shift - shift, 0), WORD - width)


class Source(Protocol):
    """What a norm's input carries, and how it becomes z.

    Ages are counted in cycles from the one that an arrival was given.
    """

    @property
    def shape(self) -> Beat:
        """Of the payload: a `Beat`, or a layout that has `first` and `last` too."""
        ...

    @property
    def shifted_width(self) -> int:
        """Bits of what is rounded and clipped to z, at least."""
        ...

    def taken_after(self, multiplied: int) -> int:
        """Age at which the payload is no longer needed; a product is there at the age `multiplied`."""
        ...

    def operands(self, payload: View) -> list[tuple[Value, Value]]:
        """The multiplier's operands, if it is used: the first at age 2, the second at age 1."""
        ...

    def shifted(self, payload: View, product: Value) -> tuple[Value, Value]:
        """At the age `multiplied`: z before it is rounded and clipped, and the bit that rounds it."""
        ...


@dataclass(frozen=True)
class Values:
    """Values that come as they are; they need no multiplier.

    Parameters
    ----------
    width : int
    shift : int
        Right shift (left if negative) that gives z.
    """

    width: int
    shift: int

    @property
    def shape(self) -> Beat:
        return Beat(self.width)

    @property
    def shifted_width(self) -> int:
        return self.width - self.shift

    def taken_after(self, multiplied: int) -> int:
        return multiplied

    def operands(self, payload: View) -> list[tuple[Value, Value]]:
        return []

    def shifted(self, payload: View, product: Value) -> tuple[Value, Value]:
        left = max(-self.shift, 0)
        return shifted_with_round_bit(shift_left(payload.value, left), self.shift + left)
