"""Every product of a channel has one slot, and its coefficient stands in the row that the slot reads."""

from itertools import pairwise

import pytest

from hdl.ssm.schedule import HELPER_MODES, Operand, coefficient_rows, helper_modes, schedule_of
from quantize.layers.array import SHIFT_STEP
from tests.networks import random_network

MODES = [1, 2, 3, 4, 5, 7, 8, 11]


@pytest.mark.parametrize("modes", MODES)
@pytest.mark.parametrize("multipliers", [1, 2, 3, 4])
def test_each_mode_is_read_and_moves_once_and_in_order(modes, multipliers):
    slots = schedule_of(modes, multipliers)
    assert [slot.mode for slot in slots if slot.reads] == list(range(modes))
    assert [slot.mode for slot in slots if slot.moves] == list(range(modes))
    assert sum(slot.skip for slot in slots) == 1


@pytest.mark.parametrize("modes", MODES)
def test_schedules_are_as_short_as_their_products_allow(modes):
    products = 4 * modes + 1
    assert len(schedule_of(modes, 1)) == products
    assert len(schedule_of(modes, 2)) == 2 * modes + 1
    assert len(schedule_of(modes, 3)) == max(2, -(-products // 3))
    assert len(schedule_of(modes, 4)) == modes + 1


@pytest.mark.parametrize("modes", [mode for mode in MODES if mode >= HELPER_MODES])
def test_a_helper_saves_the_slots_of_what_it_takes(modes):
    slots, helped = schedule_of(modes, 2, has_helper=True), helper_modes(modes)
    assert len(slots) == 2 * modes - len(helped)
    assert [slot.mode for slot in slots if slot.operand is Operand.VELOCITY] == list(helped)
    assert [slot.mode for slot in slots if slot.gives_output] == [
        mode for mode in range(modes) if mode not in helped
    ]
    # What a helper has multiplied is added to the products of the slot after, which has to give an output.
    assert all(after.gives_output for slot, after in pairwise(slots) if slot.helps), slots


@pytest.mark.parametrize("multipliers", [1, 2, 4])
def test_rows_hold_the_coefficients_of_every_mode(multipliers):
    spec = random_network("gsu", 3, 2, 1, seed=1).blocks[0].array
    rows = coefficient_rows(spec, multipliers)
    width = {1: 16, 2: 32, 4: 64}[multipliers]
    parts = 64 // width
    for channel in range(3):
        for mode in range(2):
            first = (channel * 2 + mode) * parts
            word = sum(row << place * width for place, row in enumerate(rows[first : first + parts]))
            velocity_weight, position_weight = word & 0xFFF, word >> 16 & 0xFFF
            assert velocity_weight == spec.velocity_weight[channel, mode] & 0xFFF
            assert position_weight == spec.position_weight[channel, mode] & 0xFFF
            assert (word >> 12 & 7) * SHIFT_STEP == spec.input_shift[channel, mode]
            assert (word >> 28 & 7) * SHIFT_STEP == spec.position_shift[channel, mode]
            assert word >> 32 & 0x7FFF == spec.damping[channel, mode]
            assert word >> 48 & 0x7FFF == spec.stiffness[channel, mode]
