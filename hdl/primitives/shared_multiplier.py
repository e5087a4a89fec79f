"""A multiplier for several places of a pipeline, each of which has operands in every so many cycles only."""

from dataclasses import dataclass

from amaranth.hdl import Module, Signal, Value, signed

from hdl.devices.features import BLOCK_LATENCY
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.selection import one_of
from quantize.formats import OPERAND_WIDTH

SHARED_LATENCY = BLOCK_LATENCY + 1
"""Cycles from a place's operands to their product: those chosen wait in registers before the block."""


@dataclass(frozen=True)
class Place:
    """What one place has of the multiplier.

    Parameters
    ----------
    a, b : Signal of signed(16)
        Taken in its turn.
    product : Value
        Of a shared multiplier: its own `SHARED_LATENCY` cycles after its turn, and another place's in other
        cycles.
    """

    a: Signal
    b: Signal
    product: Value


def turns_of(m: Module, places: int) -> Signal:
    """Whose turn it is, a bit a place: a cycle each, in order, for ever."""
    turn = Signal(places, name="turn", init=1)
    if places > 1:
        m.d.sync += turn.eq(turn.rotate_left(1))
    return turn


def shared_multiplier(m: Module, name: str, turn: Signal) -> list[Place]:
    """A multiplier block called `name`, and its places, one for each bit of `turn`."""
    m.submodules[name] = multiplier = Multiplier()
    places = [
        Place(
            Signal(signed(OPERAND_WIDTH), name=f"{name}_a_{index}"),
            Signal(signed(OPERAND_WIDTH), name=f"{name}_b_{index}"),
            multiplier.product,
        )
        for index in range(len(turn))
    ]

    a, b = (
        Signal(signed(OPERAND_WIDTH), name=f"{name}_{operand}", reset_less=True) for operand in ("a", "b")
    )
    m.d.sync += [
        a.eq(one_of([place.a for place in places], turn)),
        b.eq(one_of([place.b for place in places], turn)),
    ]
    m.d.comb += [multiplier.a.eq(a), multiplier.b.eq(b)]
    return places
