"""One of many words, by a bit for each that says whose turn it is: no count to decode, no multiplexers."""

from collections.abc import Sequence
from functools import reduce
from operator import or_

from amaranth.hdl import Module, Signal, Value

NEAR = 8
"""So many words meet in one register: two look-up tables deep."""


def one_of(words: Sequence[Value], turn: Value) -> Value:
    """The word whose bit of `turn` is set, without its sign; 0 if none is."""
    masked = (word.as_unsigned() & bit.replicate(len(word)) for word, bit in zip(words, turn, strict=True))
    return reduce(or_, masked)


def choosing_cycles(count: int) -> int:
    """Cycles that `chosen` takes for so many words."""
    cycles = 0
    while count > 1:
        count = -(-count // NEAR)
        cycles += 1
    return cycles


def chosen(m: Module, name: str, words: Sequence[Value], turn: Value) -> Value:
    """As `one_of`, over `choosing_cycles`: words from far apart meet near each other first."""
    for cycle in range(choosing_cycles(len(words))):
        met = []
        for start in range(0, len(words), NEAR):
            near = words[start : start + NEAR]
            register = Signal(len(near[0]), name=f"{name}_chosen_{cycle}_{start}", reset_less=True)
            together = reduce(or_, near) if cycle else one_of(near, turn[start : start + NEAR])
            m.d.sync += register.eq(together)
            met.append(register)
        words = met
    return words[0]
