"""Power of a circuit's cells, memories and multipliers on a part, as a range.

    P = static + oscillator
        + f (clock network + cells (clocked + toggles) + multipliers + block memories + single-port memories)

A range is what the coefficients' errors and the unknown activity leave. It is a model's, not a measurement's.
"""

from dataclasses import dataclass

from hdl.devices.power import PowerCosts, Range

TOGGLES = Range(0.05, 0.3)
"""Changes of a cell's output in a cycle: assumed, not counted. A counter's cells have 2 in 28, cells of a
multiplier in logic up to one."""
ALWAYS = Range(1.0, 1.0)


@dataclass(frozen=True)
class Load:
    """What a circuit keeps busy.

    Parameters
    ----------
    cells : int
        Logic cells: look-up tables, and flip-flops without one.
    multipliers, block_rams, single_ports : int
    use : Range
        Share of the cycles in which multipliers and memories work, 0 to 1.
    toggles : Range
        Changes of a cell's output in a cycle.
    oscillator : bool
        The clock is the part's own.
    """

    cells: int
    multipliers: int = 0
    block_rams: int = 0
    single_ports: int = 0
    use: Range = ALWAYS
    toggles: Range = TOGGLES
    oscillator: bool = False


def cycle_pj(costs: PowerCosts, load: Load) -> dict[str, Range]:
    """Picojoules of a cycle: the clock network's, and of each kind of cell."""
    return {
        "clock": costs.clock_pj + costs.clocked_cell_pj * load.cells,
        "cells": costs.toggle_pj * load.toggles * load.cells,
        "multipliers": costs.multiplier_pj * load.use * load.multipliers,
        "block memories": costs.block_ram_pj * load.use * load.block_rams,
        "single-port memories": costs.single_port_pj * load.use * load.single_ports,
    }


def waiting_uw(costs: PowerCosts, *, oscillator: bool = False) -> Range:
    """Microwatts with a stopped clock."""
    return costs.static_uw + costs.oscillator_uw if oscillator else costs.static_uw


def power_uw(costs: PowerCosts, load: Load, clock_mhz: float) -> Range:
    """Microwatts at a clock: a picojoule a cycle is a microwatt at 1 MHz."""
    total = waiting_uw(costs, oscillator=load.oscillator)
    for part in cycle_pj(costs, load).values():
        total += part * clock_mhz
    return total
