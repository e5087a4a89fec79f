"""The serial multiplier is right for every pair of operands, with digits of a bit and of two."""

import itertools

import numpy as np
import pytest

from hdl.primitives.drafts import drafts
from hdl.primitives.serial_multiplier import SerialMultiplier
from tests.hdl.bench import PRESSURE, every_pressure, run_stream


def extremes(width: int) -> list[int]:
    """The outermost integers of a width, and those about zero."""
    most = 1 << (width - 1)
    return [-most, 1 - most, -2, -1, 0, 1, 2, most - 2, most - 1]


def check_products(
    multiplier: SerialMultiplier, pairs: list[tuple[int, int]], pressure=PRESSURE[:1]
) -> list[int]:
    """Compare all products; the cycles in which they left."""
    a_width, b_width = multiplier.a_width, multiplier.b_width
    payloads = [a % (1 << a_width) | b % (1 << b_width) << a_width for a, b in pairs]
    got = run_stream(multiplier, payloads, len(pairs), pressure)
    assert got.payloads == [a * b for a, b in pairs], pressure
    return got.cycles


@pytest.mark.parametrize("digit_bits", [1, 2])
@pytest.mark.parametrize("widths", [(1, 1), (3, 1), (1, 3), (3, 2), (2, 4), (4, 5), (3, 6)])
def test_every_product_is_right(widths, digit_bits):
    a_values, b_values = ([value - (1 << width >> 1) for value in range(1 << width)] for width in widths)
    pairs = list(itertools.product(a_values, b_values))
    check_products(SerialMultiplier(*widths, digit_bits), pairs, every_pressure(*widths)[1])


@pytest.mark.parametrize("digit_bits", [1, 2])
@pytest.mark.parametrize("widths", [(12, 9), (12, 10), (16, 16), (5, 15)])
def test_products_of_wide_operands_are_right_and_in_time(widths, digit_bits):
    multiplier = SerialMultiplier(*widths, digit_bits)
    generator = np.random.default_rng(sum(widths))
    drawn = [generator.integers(-(1 << (width - 1)), 1 << (width - 1), 60).tolist() for width in widths]
    pairs = [*itertools.product(*map(extremes, widths)), *zip(*drawn, strict=True)]
    cycles = check_products(multiplier, pairs)
    assert set(np.diff(cycles)) == {multiplier.cycles}


def test_two_bits_a_cycle_take_about_half_as_long():
    with drafts():
        assert [SerialMultiplier(12, width).cycles for width in (9, 10, 16)] == [10, 11, 17]
        assert [SerialMultiplier(12, width, 2).cycles for width in (9, 10, 16)] == [6, 7, 10]
