"""A sum with a trit's multiple of a value, in one chain of carry cells where a family has such cells."""

from amaranth.hdl import Module, Value, signed
from amaranth.lib.wiring import In, Out

from hdl.devices.family import Family
from hdl.primitives.component import Component
from hdl.primitives.fixed import add_trit


class TritAdder(Component):
    """`total + trit * value`; no register.

    Elaborated for a family whose carry cells can make the multiple too, it is made of those; otherwise this
    is `hdl.primitives.fixed.add_trit`.

    Parameters
    ----------
    width : int
        Of the sum.
    value_width : int

    Members
    -------
    total : In(signed(width))
    value : In(signed(value_width))
    nonzero, negative : In(1)
        The trit.
    sum : Out(signed(width))
        Modulo 2**width.
    """

    def __init__(self, width: int, value_width: int):
        self.width = width
        super().__init__(
            {
                "total": In(signed(width)),
                "value": In(signed(value_width)),
                "nonzero": In(1),
                "negative": In(1),
                "sum": Out(signed(width)),
            }
        )

    def elaborate(self, platform: Family | None) -> Module:
        m = Module()
        operands = self.total, self.value, self.nonzero, self.negative
        total = None if platform is None else platform.trit_sum(m, *operands)
        m.d.comb += self.sum.eq(add_trit(*operands) if total is None else total)
        return m


def trit_added(m: Module, name: str, total: Value, value: Value, nonzero: Value, negative: Value) -> Value:
    """`total + trit * value` by a `TritAdder` called `name`."""
    m.submodules[name] = adder = TritAdder(len(total), len(value))
    m.d.comb += [
        adder.total.eq(total),
        adder.value.eq(value),
        adder.nonzero.eq(nonzero),
        adder.negative.eq(negative),
    ]
    return adder.sum
