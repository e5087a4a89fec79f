"""The collection of a step's y while the step before is walked."""

from collections.abc import Iterable
from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream
from amaranth.lib.memory import ReadPort

from hdl.primitives.bank_walk import BankWalk
from hdl.primitives.counters import wrapped_next
from hdl.primitives.fixed import magnitude
from hdl.primitives.memory import ram
from hdl.primitives.registers import delayed
from hdl.primitives.streams import marks_of
from quantize.layers.gsu import GatedProductSpec


@dataclass(frozen=True)
class Collected:
    """A step on its way into its bank.

    Parameters
    ----------
    read : ReadPort
        Of both banks: magnitude, and above it the sign.
    taken : Signal
        `y_magnitude` is a magnitude of the step.
    y_magnitude : Signal
    marks : Signal
        Of the step.
    walk_ends : Signal
        The other bank is free. Set by the walk.
    """

    read: ReadPort
    taken: Signal
    y_magnitude: Signal
    marks: Signal
    walk_ends: Signal


def collect(
    m: Module, spec: GatedProductSpec, i: stream.Interface, walk: BankWalk, constants: Iterable[int]
) -> Collected:
    """Sign and magnitude of y into the bank that is not walked, with its marks.

    Parameters
    ----------
    m : Module
    spec : GatedProductSpec
    i : stream of Beat
        y.
    walk : BankWalk
    constants : iterable of int
        Words that the memory has behind both banks.
    """
    channels, width = spec.channels, spec.magnitude_width
    behind = list(constants)
    init = [*[0] * (2 * channels), *behind] if behind else []
    write, read = ram(m, "activations", max(2 * channels, len(init)), width + 1, init=init)
    collected = Signal(range(2 * channels))
    take, collect_ends, walk_ends, marks = (
        Signal(),
        Signal(),
        Signal(),
        Signal(2, name="marks", reset_less=True),
    )
    y = i.payload.value
    y_magnitude, y_negative = Signal(width, reset_less=True), Signal(reset_less=True)
    taken, written = delayed(m, take, 1), delayed(m, collected, 1)
    m.d.sync += [y_magnitude.eq(magnitude(y)), y_negative.eq(y[width])]
    m.d.comb += [
        # A full bank waits until its marks have been taken over: the next step would replace them.
        i.ready.eq((walk.filled == 0) | ((walk.filled == 1) & walk.walking)),
        take.eq(i.valid & i.ready),
        collect_ends.eq(take & ((collected == channels - 1) | (collected == 2 * channels - 1))),
        # A cycle later: into the memory, and the largest of the step.
        write.en.eq(taken),
        write.addr.eq(written),
        write.data.eq(Cat(y_magnitude, y_negative)),
    ]
    walk.fill(m, collect_ends, walk_ends)
    with m.If(take):
        m.d.sync += [
            collected.eq(wrapped_next(collected, 2 * channels)),
            marks.eq(marks_of(i.payload)),
        ]
    return Collected(read, taken, y_magnitude, marks, walk_ends)
