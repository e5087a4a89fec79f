"""The serial divider against Python's division."""

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring

from hdl.primitives.divider import SerialDivider
from tests.hdl.bench import PRESSURE, run_stream


class DividerBy(wiring.Component):
    """A divider with a constant divisor."""

    def __init__(self, divider: SerialDivider, divisor: int):
        self.divider, self.divisor = divider, divisor
        members = divider.signature.members
        super().__init__({"i": members["i"], "o": members["o"]})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.divider = self.divider
        wiring.connect(m, wiring.flipped(self.i), self.divider.i)
        wiring.connect(m, self.divider.o, wiring.flipped(self.o))
        m.d.comb += self.divider.negated.eq(-self.divisor)
        return m


@pytest.mark.parametrize(("quotient", "remainder"), [(1, 1), (5, 1), (4, 3), (16, 7)])
def test_quotients_are_those_of_python(quotient, remainder):
    generator = np.random.default_rng(quotient * 31 + remainder)
    most = 1 << remainder
    for divisor in sorted({1, most - 1, most, int(generator.integers(1, most))}):
        largest = (divisor << quotient) - 1
        dividends = [0, largest, divisor - 1, *generator.integers(0, largest + 1, 10).tolist()]
        divider = SerialDivider(quotient, remainder)
        found = run_stream(DividerBy(divider, divisor), dividends, len(dividends), PRESSURE, seed=divisor)
        assert found.payloads == [dividend // divisor for dividend in dividends], f"by {divisor}"


@pytest.mark.parametrize(("quotient", "remainder"), [(1, 1), (5, 1), (4, 3), (16, 7)])
def test_a_quotient_takes_the_cycles_promised(quotient, remainder):
    divider = SerialDivider(quotient, remainder)
    found = run_stream(DividerBy(divider, 1), list(range(2)) * 5, 10)
    assert set(np.diff(found.cycles)) == {divider.cycles}
