"""What a neuron array does in each of its cycles: slots, and the coefficients that each one needs."""

from dataclasses import dataclass
from enum import IntEnum

from hdl.primitives.memory import concatenate
from quantize.layers.array import (
    COEFFICIENT_WIDTH,
    OUTPUT_WEIGHT_WIDTH,
    SHIFT_CODE_WIDTH,
    SHIFT_STEP,
    ArraySpec,
)

ROW_WIDTHS = {2: 32, 3: 48, 4: 64}
"""Multipliers of an array -> bits of a row of coefficients."""
SKIP_IN_ROWS = (3,)
"""Numbers of multipliers whose rows hold the skip weights too; others have a table of them."""


class Single(IntEnum):
    """What the multiplier beside a pair weighs: a state of the mode just read or of the one before, or u."""

    VELOCITY = 0
    HELD_POSITION = 1
    HELD_VELOCITY = 2
    SKIP = 3


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
        Its two feedback products are computed: its state moves on.
    weighs : bool
        Its two states are multiplied by their output weights.
    skip : bool
        The input is weighed.
    single : Single, optional
        What the third of three multipliers weighs.
    """

    mode: int
    reads: bool
    moves: bool
    weighs: bool
    skip: bool = False
    single: Single | None = None


def slots_of(modes: int, multipliers: int, *, skip: bool = True) -> list[Slot]:
    """The slots of a channel, with or without that of its skip path.

    Four multipliers take the skip path and then a mode a slot; two take a mode's outputs in one slot and its
    feedback in the next. Three are a pair and a single one: the pair takes the feedback of three modes and
    then the outputs of the last of them, while the single one takes the outputs of the other two and in the
    end the skip path; all three multiply in every slot if the channel's products can be divided by three.

    Raises
    ------
    ValueError
        If there are not 2, 3 or 4 multipliers, or 3 without the skip path.
    """
    if multipliers not in ROW_WIDTHS:
        raise ValueError(f"an array has 2, 3 or 4 multipliers, not {multipliers}")
    if multipliers in SKIP_IN_ROWS and not skip:
        raise ValueError(f"{multipliers} multipliers weigh the skip path too")
    if multipliers == 3:
        return _slots_of_three(modes)
    found = [Slot(0, reads=False, moves=False, weighs=False, skip=True)] if skip else []
    for mode in range(modes):
        if multipliers == 4:
            found.append(Slot(mode, reads=True, moves=True, weighs=True))
        else:
            found.append(Slot(mode, reads=True, moves=False, weighs=True))
            found.append(Slot(mode, reads=False, moves=True, weighs=False))
    return found


def _slots_of_three(modes: int) -> list[Slot]:
    found = []
    for start in range(0, modes, 3):
        group = range(start, min(start + 3, modes))
        ends = start + 3 >= modes
        for mode, single in zip(group, Single, strict=False):
            # The outputs of a group's last mode are the pair's.
            found.append(
                Slot(mode, reads=True, moves=True, weighs=False, single=single if len(group) > 1 else None)
            )
        single = Single.HELD_POSITION if len(group) == 3 else Single.SKIP
        skip = ends and single is Single.SKIP
        found.append(Slot(group[-1], reads=False, moves=False, weighs=True, skip=skip, single=single))
    if not found[-1].skip:
        found.append(Slot(modes - 1, reads=False, moves=False, weighs=False, skip=True, single=Single.SKIP))
    return found


def coefficient_rows(spec: ArraySpec, multipliers: int) -> list[int]:
    """The coefficient memory: a row a slot, but for a skip slot with a table, channel after channel."""
    rows = []
    for channel in range(spec.channels):
        for slot in slots_of(spec.modes, multipliers):
            if multipliers == 3:
                rows.append(_row_of_three(spec, channel, slot))
            elif multipliers == 4 and not slot.skip:
                rows.append(_outputs(spec, channel, slot.mode) | _feedback(spec, channel, slot.mode) << 32)
            elif slot.weighs:
                rows.append(_outputs(spec, channel, slot.mode))
            elif slot.moves:
                rows.append(_feedback(spec, channel, slot.mode))
    return rows


def _outputs(spec: ArraySpec, channel: int, mode: int) -> int:
    """Output weights, each with a shift above it in a half word."""
    spare = COEFFICIENT_WIDTH - OUTPUT_WEIGHT_WIDTH - SHIFT_CODE_WIDTH
    return concatenate(
        [
            (spec.velocity_weight[channel, mode], OUTPUT_WEIGHT_WIDTH),
            (spec.input_shift[channel, mode] // SHIFT_STEP, SHIFT_CODE_WIDTH + spare),
            (spec.position_weight[channel, mode], OUTPUT_WEIGHT_WIDTH),
            (spec.position_shift[channel, mode] // SHIFT_STEP, SHIFT_CODE_WIDTH + spare),
        ]
    )


def _feedback(spec: ArraySpec, channel: int, mode: int) -> int:
    return concatenate(
        [
            (spec.damping[channel, mode], COEFFICIENT_WIDTH),
            (spec.stiffness[channel, mode], COEFFICIENT_WIDTH),
        ]
    )


def _row_of_three(spec: ArraySpec, channel: int, slot: Slot) -> int:
    """The pair's words in 15 bits each with a bit of a shift above, then the single multiplier's word."""
    low = COEFFICIENT_WIDTH - 1
    mode = slot.mode
    first, second, position_code, single = 0, 0, 0, 0
    if slot.moves:
        first, second = spec.damping[channel, mode], spec.stiffness[channel, mode]
        position_code = spec.position_shift[channel, mode] // SHIFT_STEP
    elif slot.weighs:
        first, second = spec.velocity_weight[channel, mode], spec.position_weight[channel, mode]
    if slot.single is Single.SKIP:
        single = concatenate([(spec.skip[channel], COEFFICIENT_WIDTH)])
    else:
        weights = {
            None: 0,
            Single.VELOCITY: spec.velocity_weight[channel, mode],
            Single.HELD_POSITION: spec.position_weight[channel, mode - 1],
            Single.HELD_VELOCITY: spec.velocity_weight[channel, mode - 1],
        }
        input_code = spec.input_shift[channel, mode] // SHIFT_STEP if slot.moves else 0
        single = concatenate(
            [
                (weights[slot.single], OUTPUT_WEIGHT_WIDTH),
                (input_code, SHIFT_CODE_WIDTH),
                (position_code >> 2, 1),
            ]
        )
    return concatenate(
        [
            (first, low),
            (position_code & 1, 1),
            (second, low),
            (position_code >> 1 & 1, 1),
            (single, COEFFICIENT_WIDTH),
        ]
    )
