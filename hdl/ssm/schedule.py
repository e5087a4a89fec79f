"""What a neuron array does in each of its cycles: slots, and the coefficients that each one needs."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from hdl.primitives.memory import concatenate, words_of
from quantize.formats import Integers
from quantize.layers.array import (
    COEFFICIENT_WIDTH,
    OUTPUT_WEIGHT_WIDTH,
    SHIFT_CODE_WIDTH,
    SHIFT_STEP,
)
from quantize.layers.leapfrog import LeapfrogSpec

PAIR_WIDTH = 2 * COEFFICIENT_WIDTH
"""Bits of a mode's two output weights, or of its two feedback words."""
ROW_WIDTHS = {1: COEFFICIENT_WIDTH, 2: PAIR_WIDTH, 3: 2 * PAIR_WIDTH, 4: 2 * PAIR_WIDTH}
"""Multipliers of an array -> bits of a row of coefficients."""


class Operand(IntEnum):
    """What a multiplier without a partner takes: a state of the mode just read or of the one before, or u."""

    VELOCITY = 0
    HELD_POSITION = 1
    HELD_VELOCITY = 2
    SKIP = 3
    NOTHING = 4
    POSITION = 5
    AHEAD = 6
    """Nothing, while a helper's memory gives the next channel's offset."""


HELPER_MODES = 4
"""So many modes at least give a helper time for its products."""
HELPER_EVERY = 3
"""A helper has the outputs of the first mode, and of the one so many after it if there is time."""
MOST_HELPER_MODES = 2
"""With more, a helper's memory would be twice as large."""


@dataclass(frozen=True)
class Slot:
    """A cycle's work on one channel.

    Parameters
    ----------
    mode : int
        Whose state the memories give.
    reads : bool
        They read it in this slot; otherwise they hold it from the one before.
    moves : bool
        Its two feedback products are computed, the last of them here: its state moves on.
    gives_output : bool
        Its two states, or one of them, are multiplied by their output weights.
    skip : bool
        The input is weighed.
    operand : Operand
        What the third of three multipliers weighs, or a helper, or the only one multiplies.
    second_helped : bool
        A helper's words are those of the second mode that it helps, not of the first.
    skips_row : bool
        The row of coefficients after the slot's own is left out: a helper has those outputs.
    """

    mode: int
    reads: bool
    moves: bool
    gives_output: bool
    skip: bool = False
    operand: Operand = Operand.NOTHING
    second_helped: bool = False
    skips_row: bool = False

    @property
    def helps(self) -> bool:
        """A helper multiplies."""
        return self.operand in (Operand.VELOCITY, Operand.HELD_POSITION, Operand.SKIP)

    @property
    def begins(self) -> bool:
        """A helper begins with a mode's outputs."""
        return self.reads and self.moves and self.operand is Operand.VELOCITY


def schedule_of(modes: int, multipliers: int, *, skip: bool = True, has_helper: bool = False) -> list[Slot]:
    """The slots of a channel, with or without that of its skip path.

    Four multipliers take the skip path and then a mode a slot; two take a mode's outputs in one slot and its
    feedback in the next; one takes each of these products in turn. Three are a pair and a single one: the
    pair takes the feedback of three modes and then the outputs of the last of them, while the single one
    takes the outputs of the other two and in the end the skip path; all three multiply in every slot if the
    channel's products can be divided by three.

    Helped, two do with a slot less for the skip path, and another for each of `helped_modes`, whose outputs a
    third multiplier, the helper, takes too. Its products are added to those of the slot that follows, which
    has to weigh.

    Raises
    ------
    ValueError
        If there are not 1 to 4 multipliers, an odd number of them without the skip path, or a helper beside
        others than two, or for less than `HELPER_MODES` modes.
    """
    if has_helper:
        if multipliers != 2 or modes < HELPER_MODES:
            raise ValueError(
                f"a helper goes with two multipliers and {HELPER_MODES} modes or more, "
                f"not with {multipliers} and {modes}"
            )
        return _slots_with_helper(modes)
    if multipliers not in ROW_WIDTHS:
        raise ValueError(f"an array has 1 to 4 multipliers, not {multipliers}")
    if multipliers % 2 and not skip:
        raise ValueError(f"{multipliers} multipliers weigh the skip path too")
    if multipliers == 3:
        return _slots_of_three(modes)
    if multipliers == 1:
        return _slots_of_one(modes)
    found = [Slot(0, reads=False, moves=False, gives_output=False, skip=True)] if skip else []
    for mode in range(modes):
        if multipliers == 4:
            found.append(Slot(mode, reads=True, moves=True, gives_output=True))
        else:
            found.append(Slot(mode, reads=True, moves=False, gives_output=True))
            found.append(Slot(mode, reads=False, moves=True, gives_output=False))
    if len(found) == 1:
        # An array takes a channel in every other cycle at most.
        found.append(Slot(0, reads=False, moves=False, gives_output=False))
    return found


def helper_modes(modes: int) -> range:
    """The modes of a channel whose outputs a helper has."""
    # Each takes two slots that one which weighs follows, and the mode between a third; the skip path one.
    return range(0, min((modes - 1) // HELPER_EVERY, MOST_HELPER_MODES) * HELPER_EVERY, HELPER_EVERY)


def _slots_with_helper(modes: int) -> list[Slot]:
    has_helper = helper_modes(modes)
    after = {mode + 1: Operand.HELD_POSITION for mode in has_helper}
    after |= {has_helper[-1] + 2: Operand.SKIP, modes - 1: Operand.AHEAD}
    found = []
    for mode in range(modes):
        second_helped = mode >= has_helper[-1] > 0
        skips_row = mode + 1 in has_helper or mode == modes - 1
        if mode in has_helper:
            found.append(
                Slot(
                    mode,
                    reads=True,
                    moves=True,
                    gives_output=False,
                    operand=Operand.VELOCITY,
                    second_helped=second_helped,
                )
            )
        else:
            operand = after.get(mode, Operand.NOTHING)
            found += [
                Slot(mode, reads=True, moves=False, gives_output=True, second_helped=second_helped),
                Slot(
                    mode, reads=False, moves=True, gives_output=False,
                    operand=operand, second_helped=second_helped, skips_row=skips_row,
                ),
            ]  # fmt: skip
    return found


def _slots_of_one(modes: int) -> list[Slot]:
    found = [Slot(0, reads=False, moves=False, gives_output=False, skip=True, operand=Operand.SKIP)]
    velocity, position = Operand.VELOCITY, Operand.POSITION
    for mode in range(modes):
        found += [
            Slot(mode, reads=True, moves=False, gives_output=True, operand=velocity),
            Slot(mode, reads=False, moves=False, gives_output=True, operand=position),
            Slot(mode, reads=False, moves=False, gives_output=False, operand=velocity),
            Slot(mode, reads=False, moves=True, gives_output=False, operand=position),
        ]
    return found


def _slots_of_three(modes: int) -> list[Slot]:
    found = []
    for start in range(0, modes, 3):
        group = range(start, min(start + 3, modes))
        ends = start + 3 >= modes
        for mode, operand in zip(group, Operand, strict=False):
            # The outputs of a group's last mode are the pair's.
            found.append(
                Slot(
                    mode, reads=True, moves=True, gives_output=False,
                    operand=operand if len(group) > 1 else Operand.NOTHING,
                )
            )  # fmt: skip
        operand = Operand.HELD_POSITION if len(group) == 3 else Operand.SKIP
        skip = ends and operand is Operand.SKIP
        found.append(Slot(group[-1], reads=False, moves=False, gives_output=True, skip=skip, operand=operand))
    if not found[-1].skip:
        found.append(
            Slot(modes - 1, reads=False, moves=False, gives_output=False, skip=True, operand=Operand.SKIP)
        )
    return found


def coefficient_rows(spec: LeapfrogSpec, multipliers: int) -> list[int]:
    """The coefficient memory, channel after channel: a row a mode, or its halves or quarters in turn.

    Above its feedback words there are the upper two bits of a mode's position shift, for a mode whose output
    weights a helper has.
    """
    width = ROW_WIDTHS[multipliers]
    rows = []
    for outputs, feedback in zip(_outputs(spec).tolist(), _feedback(spec).tolist(), strict=True):
        whole = outputs | feedback << PAIR_WIDTH
        rows += [whole >> place & ((1 << width) - 1) for place in range(0, 2 * PAIR_WIDTH, width)]
    return rows


def helper_rows(spec: LeapfrogSpec) -> list[int]:
    """A helper's memory: its words for all channels, in places as the lower bits of a `Operand` tell, and
    above them `Slot.second_helped`.

    The weight of a helped mode's velocity has the mode's input shift above it, and the lowest bit of its
    position shift. The offset is that of the channel after.
    """
    places = 1 << (spec.channels - 1).bit_length()
    rows = []
    for mode in helper_modes(spec.modes):
        shifts = spec.input_shift[:, mode] // SHIFT_STEP, spec.position_shift[:, mode] // SHIFT_STEP
        words = {
            Operand.VELOCITY: [
                concatenate([(weight, OUTPUT_WEIGHT_WIDTH), (shift, SHIFT_CODE_WIDTH), (position_shift, 1)])
                for weight, shift, position_shift in zip(spec.velocity_weight[:, mode], *shifts, strict=True)
            ],
            Operand.HELD_POSITION: words_of(spec.position_weight[:, mode], COEFFICIENT_WIDTH),
            Operand.SKIP: words_of(spec.skip, COEFFICIENT_WIDTH),
            Operand.AHEAD: words_of([*spec.offset[1:], spec.offset[0]], COEFFICIENT_WIDTH),
        }
        for operand in sorted(words, key=lambda each: each & 3):
            rows += words[operand] + [0] * (places - spec.channels)
    return rows


def _outputs(spec: LeapfrogSpec) -> Integers:
    """Of each mode its output weights, each with a shift above it in a half word, (H * N,)."""
    spare = COEFFICIENT_WIDTH - OUTPUT_WEIGHT_WIDTH - SHIFT_CODE_WIDTH
    return _packed(
        (spec.velocity_weight, OUTPUT_WEIGHT_WIDTH),
        (spec.input_shift // SHIFT_STEP, SHIFT_CODE_WIDTH + spare),
        (spec.position_weight, OUTPUT_WEIGHT_WIDTH),
        (spec.position_shift // SHIFT_STEP, SHIFT_CODE_WIDTH + spare),
    )


def _feedback(spec: LeapfrogSpec) -> Integers:
    """Of each mode its feedback words, each with a bit of the position's shift above it, (H * N,)."""
    shift = spec.position_shift // SHIFT_STEP
    return _packed(
        (spec.damping, COEFFICIENT_WIDTH - 1),
        (shift >> 1, 1),
        (spec.stiffness, COEFFICIENT_WIDTH - 1),
        (shift >> 2, 1),
    )


def _packed(*fields: tuple[Integers, int]) -> Integers:
    """`concatenate` of each mode's (values, width), 63 bits together at most, channel after channel."""
    words, position = np.zeros(fields[0][0].size, np.int64), 0
    for values, width in fields:
        words |= (values.ravel() & ((1 << width) - 1)) << position
        position += width
    return words
