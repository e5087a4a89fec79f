"""One residual block of a quantised network: an array, a unit, perhaps a norm."""

from dataclasses import dataclass, replace
from typing import Self

from quantize.formats import Integers, saturate
from quantize.layers.array import ArraySpec
from quantize.layers.norm import LayerNormSpec
from quantize.layers.unit import UnitSpec


@dataclass(frozen=True, eq=False)
class Block:
    """One residual block, `x <- saturate(x + unit(array(x)))`.

    With a norm of its own it is `saturate(x + unit(array(norm(x))))` or `norm(saturate(x + unit(array(x))))`;
    a BatchNorm before the array is part of the array.
    """

    array: ArraySpec
    unit: UnitSpec
    norm: LayerNormSpec | None = None

    def for_any_contents(self) -> Self:
        """See `quantize.specification.Specification.for_any_contents`."""
        norm = None if self.norm is None else self.norm.for_any_contents()
        return replace(
            self, array=self.array.for_any_contents(), unit=self.unit.for_any_contents(), norm=norm
        )

    @property
    def norm_before(self) -> LayerNormSpec | None:
        """The norm, if it is before the array."""
        return None if self.norm is None or self.norm.after else self.norm

    @property
    def norm_after(self) -> LayerNormSpec | None:
        """The norm, if it is after the sum."""
        return self.norm if self.norm is not None and self.norm.after else None

    def joined(self, x: Integers, y: Integers) -> Integers:
        """The block's outputs from its inputs x and its array's outputs y, all (..., steps, H)."""
        return self.finished(x + self.unit.compute(y))

    def finished(self, total: Integers) -> Integers:
        """The block's outputs from the exact sums of its inputs and its unit's outputs."""
        clipped = saturate(total, self.unit.output.width)
        return clipped if self.norm_after is None else self.norm_after.compute(clipped)
