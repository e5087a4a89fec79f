"""Registers in a row."""

from amaranth.hdl import Module, Signal


def delayed(m: Module, value: Signal, cycles: int, *, reset_less: bool = False) -> Signal:
    """`value` as it was some cycles ago; data, which nobody reads before it is valid, needs no reset."""
    for age in range(1, cycles + 1):
        after = Signal.like(value, name=f"{value.name}_{age}", reset_less=reset_less)
        m.d.sync += after.eq(value)
        value = after
    return value
