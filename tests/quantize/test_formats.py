"""The rounding rule: Python integers, numpy and gates all say the same."""

import numpy as np
import pytest
from amaranth.hdl import Module, Signal, signed
from amaranth.sim import Simulator
from hypothesis import given
from hypothesis import strategies as st

from hdl.primitives import fixed
from quantize.formats import (
    MOST_FRACTION,
    Format,
    fixed_words,
    requantise,
    round_shift,
    saturate,
    signed_width,
    significant,
    stored_width,
    trailing_zeros,
)

WIDTH = 14
SHIFTS = range(-3, WIDTH + 3)


REALS = st.one_of(st.just(0.0), st.floats(5e-324, 1e6), st.floats(-1e6, -5e-324))


def values_of_every_kind() -> np.ndarray:
    """Random values of `WIDTH` bits, all around zero, and both ends of the range."""
    top = 1 << (WIDTH - 1)
    drawn = np.random.default_rng(5).integers(-top, top, 60)
    return np.concatenate([drawn, np.arange(-9, 10), [-top, -top + 1, top - 2, top - 1]])


def simulate(build) -> np.ndarray:
    """What the gates that `build(value)` returns show for every value: (values, gates)."""
    m = Module()
    value = Signal(signed(WIDTH))
    outputs = []
    for gates in build(value):
        output = Signal(signed(WIDTH + 6))
        m.d.comb += output.eq(gates)
        outputs.append(output)
    shown = []

    async def bench(ctx):
        for number in values_of_every_kind():
            ctx.set(value, int(number))
            shown.append([ctx.get(output) for output in outputs])

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
    return np.array(shown)


def test_gates_round_like_the_reference():
    shown = simulate(lambda value: [fixed.round_shift(value, shift) for shift in SHIFTS])
    values = values_of_every_kind()
    np.testing.assert_array_equal(shown, np.stack([round_shift(values, shift) for shift in SHIFTS], axis=1))


def test_gates_saturate_like_the_reference():
    widths = range(1, WIDTH + 2)
    shown = simulate(lambda value: [fixed.saturate(value, width) for width in widths])
    values = values_of_every_kind()
    np.testing.assert_array_equal(shown, np.stack([saturate(values, width) for width in widths], axis=1))


def test_gates_requantise_like_the_reference():
    pairs = [(shift, width) for shift in SHIFTS for width in (2, 5, 9, WIDTH)]
    shown = simulate(lambda value: [fixed.requantise(value, *pair) for pair in pairs])
    values = values_of_every_kind()
    np.testing.assert_array_equal(shown, np.stack([requantise(values, *pair) for pair in pairs], axis=1))


def test_gates_round_by_a_variable_amount():
    def build(value):
        parts = []
        for amount in range(WIDTH + 1):
            constant = Signal(5, init=amount)
            shifted, round_bit = fixed.shifted_with_round_bit(value, constant)
            parts.append(shifted + round_bit)
        return parts

    values = values_of_every_kind()
    expected = np.stack([round_shift(values, amount) for amount in range(WIDTH + 1)], axis=1)
    np.testing.assert_array_equal(simulate(build), expected)


@given(st.integers(-(1 << 40), 1 << 40), st.integers(0, 20))
def test_halves_round_upwards(value, shift):
    rounded = int(round_shift(np.array(value), shift))
    assert rounded == (2 * value + (1 << shift)) // (1 << (shift + 1))  # floor(value / 2**shift + 1/2)


@given(st.integers(1, 1 << 50))
def test_signed_width_is_the_smallest(bound):
    width = signed_width(bound)
    assert bound <= (1 << (width - 1)) - 1
    assert bound > (1 << (width - 2)) - 1


@given(st.lists(REALS, min_size=1, max_size=8), st.integers(2, 16))
def test_fixed_words_are_the_nearest_at_a_scale_that_cannot_be_finer(values, width):
    words, fraction = fixed_words(values, width)
    top = (1 << (width - 1)) - 1
    assert np.abs(words).max() <= top
    if not np.any(values):
        return
    assert np.abs(words - np.array(values) * 2.0**fraction).max() <= 0.5
    assert fraction <= MOST_FRACTION
    if fraction < MOST_FRACTION:
        assert np.abs(np.array(values)).max() * 2.0 ** (fraction + 1) >= top - 0.5


@given(st.integers(-(1 << 15), 1 << 15), st.integers(2, 12))
def test_significant_keeps_the_leading_bits(word, bits):
    kept = int(significant(np.array([word]), bits)[0])
    assert abs(kept) == abs(int(significant(np.array([-word]), bits)[0]))
    unit = 1 << max(0, abs(word).bit_length() - (bits - 1))
    assert kept % unit == 0
    assert abs(kept - word) * 2 <= unit


@pytest.mark.parametrize(
    ("words", "zeros", "width"),
    [([-48, 16], 4, 3), ([32, -64], 5, 2), ([-64, 0], 6, 1), ([5, -8], 0, 4), ([0, 0], 0, 1), ([8], 3, 2)],
)
def test_memories_do_without_trailing_zeros(words, zeros, width):
    assert (trailing_zeros(np.array(words)), stored_width(np.array(words))) == (zeros, width)


def test_format_saturates_and_rounds():
    form = Format(4, 1)
    np.testing.assert_array_equal(form.quantise([-9, -0.25, 0.25, 0.74, 9]), [-8, 0, 1, 1, 7])
    np.testing.assert_array_equal(form.real([-8, 7]), [-4.0, 3.5])
    assert str(form) == "Q(3,1)"


@pytest.mark.parametrize("width", [0, 65])
def test_format_of_impossible_width(width):
    with pytest.raises(ValueError, match=f"1 to 64 bits wide, not {width}"):
        Format(width, 0)
