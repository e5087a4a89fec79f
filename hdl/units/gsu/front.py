"""The front of a Gated Spiking Unit: how a step is scaled, and both activations of a y.

The small mixer scales the step that it walks, the streamed one each of the steps in its ring; they read their
memories at other paces, so each has a pipeline of its own below. What they compute is the same and stands
here once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib.data import StructLayout, View

from hdl.primitives.fixed import exceeds, times, times_inverted
from hdl.primitives.registers import delayed
from quantize.constants import THRESHOLD_PARTS
from quantize.layers.gsu import ACTIVATION_BITS, GatedProductSpec, GsuSpec, LeanGsuSpec


@dataclass(frozen=True)
class Scale:
    """What the activations of a step depend on.

    Parameters
    ----------
    headroom : Value
        Left shift of the magnitudes that fills their word.
    inverted_limit : Value
        What the multiple of a magnitude must exceed for a ternary activation that is not zero; inverted.
    """

    headroom: Value
    inverted_limit: Value


class StepScale(StructLayout):
    """The scale of a step, and its marks.

    Members
    -------
    first, last : 1
    headroom, inverted_limit : unsigned
        See `Scale`.
    """

    def __init__(self, spec: GatedProductSpec):
        widths = (1, spec.magnitude_width) if is_fixed(spec) else (headroom_width(spec), limit_width(spec))
        super().__init__({"first": 1, "last": 1, "headroom": widths[0], "inverted_limit": widths[1]})


def is_fixed(spec: GatedProductSpec) -> bool:
    """Whether the scale is a constant: the lean unit has a threshold, and no block floating point."""
    return isinstance(spec, LeanGsuSpec)


def fixed_scale(spec: LeanGsuSpec) -> Scale:
    """Of every step."""
    width = spec.magnitude_width
    return Scale(Const(0, 1), Const(~spec.threshold & (1 << width) - 1, width))


def multiple_of(spec: GatedProductSpec) -> int:
    """The multiple of a magnitude that is compared with the limit."""
    return 1 if is_fixed(spec) else THRESHOLD_PARTS


def headroom_width(spec: GatedProductSpec) -> int:
    """Bits of a shift by 0 to the magnitude's width."""
    return spec.magnitude_width.bit_length()


def limit_width(spec: GatedProductSpec) -> int:
    """Bits of the largest magnitude's multiple."""
    return spec.magnitude_width + THRESHOLD_PARTS.bit_length()


def find_headroom(m: Module, headroom: Signal, is_set: Sequence[Value]) -> None:
    """Zeros above the highest bit that is set, in the next cycle; the lowest bit comes first."""
    width = len(is_set)
    m.d.sync += headroom.eq(width)
    for position, bit in enumerate(is_set):  # the highest set bit is assigned last
        with m.If(bit):
            m.d.sync += headroom.eq(width - 1 - position)


def clipped(rounded: Value) -> Value:
    """An activation that was rounded to one bit too many."""
    return rounded[:ACTIVATION_BITS] | rounded[-1].replicate(ACTIVATION_BITS)


def scale_of_walk(
    m: Module, spec: GatedProductSpec, taken: Value, y_magnitude: Value, walk_starts: Signal
) -> Scale:
    """The scale of the step walked.

    Parameters
    ----------
    taken : Value
        A magnitude of the step that is collected is there.
    y_magnitude : Value
    walk_starts : Signal
        The cycle before its walk.
    """
    if isinstance(spec, LeanGsuSpec):
        return fixed_scale(spec)
    assert isinstance(spec, GsuSpec)
    width = spec.magnitude_width
    # A walk's first cycle takes over what its step has collected; no magnitude of the next one is there.
    starts = delayed(m, walk_starts, 1)
    inverted_largest = Signal(width, init=-1)
    with m.If(starts):
        m.d.sync += inverted_largest.eq(-1)
    with m.Elif(taken & exceeds(y_magnitude, inverted_largest)):
        m.d.sync += inverted_largest.eq(~y_magnitude)
    # The shift that fills the word, and the peak's side of the comparison.
    headroom = Signal(range(width + 1), reset_less=True)
    inverted_limit = Signal(limit_width(spec), reset_less=True)
    with m.If(starts):
        m.d.sync += inverted_limit.eq(times_inverted(inverted_largest, spec.twentieths))
        find_headroom(m, headroom, [~bit for bit in inverted_largest])
    return Scale(headroom, inverted_limit)


def scale_of_bank(m: Module, spec: GatedProductSpec, taken: Value, begun: Value, y_magnitude: Value) -> Scale:
    """The scale of a step that is collected, two cycles after its last magnitude.

    Parameters
    ----------
    taken, begun : Value
        A magnitude is there; it is its step's first.
    y_magnitude : Value
    """
    if isinstance(spec, LeanGsuSpec):
        return fixed_scale(spec)
    assert isinstance(spec, GsuSpec)
    width = spec.magnitude_width
    inverted_largest = Signal(width, reset_less=True)
    with m.If(taken & (begun | exceeds(y_magnitude, inverted_largest))):
        m.d.sync += inverted_largest.eq(~y_magnitude)
    peak = ~inverted_largest
    headroom = Signal(range(width + 1), reset_less=True)
    inverted_limit = Signal(limit_width(spec), reset_less=True)
    m.d.sync += inverted_limit.eq(times(peak, spec.twentieths) ^ Const(-1, len(inverted_limit)))
    find_headroom(m, headroom, [peak[position] for position in range(width)])
    return Scale(headroom, inverted_limit)


@dataclass(frozen=True)
class Activations:
    """Both activations of a row.

    Parameters
    ----------
    nonzero, negative : Value
        The ternary one; the sign is that of y even where it is zero.
    magnitude : Value
        Of the real one.
    """

    nonzero: Value
    negative: Value
    magnitude: Value


def activations_of_walk(m: Module, spec: GatedProductSpec, word: Value, scale: Scale) -> Activations:
    """Of the row issued three cycles ago; its magnitude is in the sums a cycle later.

    Cycle 1: y. 2: its multiple, shifted. 3: compared, rounded.
    """
    width, dropped = spec.magnitude_width, spec.dropped
    magnitude2 = Signal(width, reset_less=True)
    multiple3 = Signal(len(scale.inverted_limit), reset_less=True)
    aligned3, round_bit3 = Signal(ACTIVATION_BITS, reset_less=True), Signal(reset_less=True)
    negative2, negative3 = Signal(), Signal()
    aligned = (magnitude2 << scale.headroom)[:width]
    rounded3 = aligned3 + round_bit3
    m.d.sync += [
        Cat(magnitude2, negative2).eq(word),
        multiple3.eq(times(magnitude2, multiple_of(spec))),
        Cat(round_bit3, aligned3).eq(aligned[dropped - 1 :]),
        negative3.eq(negative2),
    ]
    return Activations(exceeds(multiple3, scale.inverted_limit), negative3, clipped(rounded3))


def activations_of_ring(m: Module, spec: GatedProductSpec, word: Value, scale: View) -> Activations:
    """Of the row issued six cycles ago, but the sign of that issued five cycles ago.

    Cycle 1: the memory's word. 2: its multiple, aligned coarsely. 3: compared, aligned. 4: rounded.
    5: clipped. The scale belongs to the row just issued.
    """
    width, dropped = spec.magnitude_width, spec.dropped
    headroom = Signal.like(scale.headroom, name="headroom")
    limit = Signal.like(scale.inverted_limit, name="limit")
    m.d.comb += [headroom.eq(scale.headroom), limit.eq(scale.inverted_limit)]
    fine_bits = min(2, len(headroom))
    coarse = delayed(m, headroom, 2, reset_less=True)[fine_bits:]
    fine_shift = delayed(m, headroom, 3, reset_less=True)[:fine_bits]
    limit_now = delayed(m, limit, 3, reset_less=True)
    magnitude2, coarse3, fine4 = (
        Signal(width, name=f"magnitude_{age}", reset_less=True) for age in (2, 3, 4)
    )
    multiple3 = Signal(len(limit), reset_less=True)
    nonzero4, rounded5 = Signal(reset_less=True), Signal(ACTIVATION_BITS + 1, reset_less=True)
    activation = Signal(ACTIVATION_BITS, reset_less=True)
    negative2 = Signal(reset_less=True)
    m.d.sync += [
        Cat(magnitude2, negative2).eq(word),
        multiple3.eq(times(magnitude2, multiple_of(spec))),
        coarse3.eq(magnitude2 << Cat(Const(0, fine_bits), coarse)),
        nonzero4.eq(exceeds(multiple3, limit_now)),
        fine4.eq(coarse3 << fine_shift),
        rounded5.eq(fine4[dropped:] + fine4[dropped - 1]),
        activation.eq(clipped(rounded5)),
    ]
    nonzero, negative = (
        delayed(m, value, age, reset_less=True) for value, age in ((nonzero4, 2), (negative2, 3))
    )
    return Activations(nonzero, negative, activation)
