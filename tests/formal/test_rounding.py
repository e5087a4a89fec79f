"""Rounding, clipping and narrowing in gates are those of `quantize.formats`, for every input.

The proof compares the gates with the rule stated anew in integers wide enough never to overflow; tests of
small widths compare that statement with Python's functions, value by value.
"""

import numpy as np
import pytest
from amaranth.hdl import Assert, Const, Module, Mux, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hdl.primitives import fixed
from quantize import formats
from tests.formal.prover import holds, without_reset

pytestmark = pytest.mark.formal

WIDTHS = [
    (3, 1, 2),
    (8, 3, 4),
    (17, 15, 16),
    (32, 15, 16),
    (36, 18, 16),
    (48, 31, 18),
    (24, 0, 16),
    (12, -3, 16),
]
"""Bits of a value, of its shift, and of the result: small ones, and those of products and sums at work."""


def rule(value: Value, shift: int, width: int) -> Value:
    """floor((value + half) / 2**shift), clipped by comparison."""
    half = (1 << shift) >> 1 if shift > 0 else 0
    rounded = ((value + half) >> shift) if shift >= 0 else value * (1 << -shift)
    low, high = -(1 << (width - 1)), (1 << (width - 1)) - 1
    return Mux(rounded < low, low, Mux(rounded > high, high, rounded))


def rule_in_python(value: int, shift: int, width: int) -> int:
    """The same statement in Python's integers."""
    half = (1 << shift) >> 1 if shift > 0 else 0
    rounded = (value + half) // (1 << shift) if shift >= 0 else value * (1 << -shift)
    return max(-(1 << (width - 1)), min(rounded, (1 << (width - 1)) - 1))


class Claim(wiring.Component):
    """That what `made` gives of a free value and a free choice equals what `stated` gives, pair by pair."""

    def __init__(self, bits: int, made, stated):
        self.made, self.stated = made, stated
        super().__init__({"value": In(signed(bits)), "choice": In(5)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        without_reset(m)
        for made, stated in zip(self.made(self), self.stated(self), strict=True):
            m.d.comb += Assert(made == stated)
        return m


def narrowing(cases, made=fixed.requantise) -> Claim:
    return Claim(
        max(bits for bits, _, _ in cases),
        lambda claim: [made(claim.value[:bits].as_signed(), shift, width) for bits, shift, width in cases],
        lambda claim: [rule(claim.value[:bits].as_signed(), shift, width) for bits, shift, width in cases],
    )


def saturated_one_too_high(value: Value, shift: int, width: int) -> Value:
    """A faulty narrowing: the largest value comes out as the one below."""
    right = fixed.requantise(value, shift, width)
    return Mux(right == (1 << (width - 1)) - 1, right - 1, right)


def rounded_down_at_a_half_below_zero(value: Value, shift: int, width: int) -> Value:
    """A faulty rounding: halves of negative values go down."""
    half = value[:shift] == 1 << (shift - 1)
    return fixed.saturate(fixed.round_shift(value, shift) - (half & value[-1]), width)


def unclipped(value: Value, shift: int, width: int) -> Value:
    """A faulty narrowing: bits above the result are lost."""
    return fixed.round_shift(value, shift)[:width].as_signed()


def test_narrowing_follows_the_rule_for_every_value(tmp_path):
    assert holds(narrowing(WIDTHS), tmp_path, 1)


@pytest.mark.parametrize("fault", [saturated_one_too_high, rounded_down_at_a_half_below_zero, unclipped])
def test_a_fault_of_narrowing_is_found(tmp_path, fault):
    assert not holds(narrowing([(32, 15, 16)], fault), tmp_path, 1)


def clipped_to_either(claim: Claim) -> list[Value]:
    return [fixed.saturate_either(claim.value, 16, claim.choice[0])]


def rule_of_either(claim: Claim) -> list[Value]:
    return [Mux(claim.choice[0], rule(claim.value, 0, 15), rule(claim.value, 0, 16))]


@pytest.mark.parametrize("right", [True, False])
def test_clipping_to_either_width_follows_the_rule_and_a_fault_is_found(tmp_path, right):
    stated = rule_of_either if right else lambda claim: [rule(claim.value, 0, 16)]
    assert holds(Claim(20, clipped_to_either, stated), tmp_path, 1) == right


def shifted_by_choice(claim: Claim) -> list[Value]:
    shifted, bit = fixed.shifted_with_round_bit(claim.value, claim.choice)
    return [shifted + bit]


def rule_by_choice(claim: Claim) -> list[Value]:
    half = (Const(1, 1) << claim.choice) >> 1
    return [(claim.value + half) >> claim.choice]


def shifted_without_rounding(claim: Claim) -> list[Value]:
    return [fixed.shifted_with_round_bit(claim.value, claim.choice)[0]]


@pytest.mark.parametrize(("made", "right"), [(shifted_by_choice, True), (shifted_without_rounding, False)])
def test_a_shift_by_a_free_amount_follows_the_rule_and_a_fault_is_found(tmp_path, made, right):
    assert holds(Claim(24, made, rule_by_choice), tmp_path, 1) == right


@pytest.mark.parametrize("bits", [1, 4, 9])
def test_the_rule_is_that_of_the_reference(bits):
    values = np.arange(-(1 << (bits - 1)), 1 << (bits - 1))
    for shift in (-2, 0, 1, 3, 9, 12):
        for width in (1, 2, 5):
            expected = [rule_in_python(int(value), shift, width) for value in values]
            assert formats.requantise(values, shift, width).tolist() == expected
