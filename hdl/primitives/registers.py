"""Registers in a row."""

from amaranth.hdl import Module, Signal


def delayed(m: Module, value: Signal, cycles: int) -> Signal:
    """`value` as it was some cycles ago."""
    for age in range(1, cycles + 1):
        after = Signal.like(value, name=f"{value.name}_{age}")
        m.d.sync += after.eq(value)
        value = after
    return value
