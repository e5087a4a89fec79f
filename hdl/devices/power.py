"""What the core of a part takes in power: coefficients, each with its error."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """A figure that is known within bounds.

    Parameters
    ----------
    low, high : float
        low <= high.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(f"a range from {self.low} to {self.high}")

    def __add__(self, other: "Range") -> "Range":
        return Range(self.low + other.low, self.high + other.high)

    def __mul__(self, other: "Range | float") -> "Range":
        """The product with a range or a number, none of them negative."""
        factor = other if isinstance(other, Range) else Range(other, other)
        return Range(self.low * factor.low, self.high * factor.high)

    @property
    def middle(self) -> float:
        """Geometric mean of the bounds; of a range from 0, half of the upper one."""
        return (self.low * self.high) ** 0.5 if self.low > 0 else self.high / 2


@dataclass(frozen=True)
class PowerCosts:
    """Power of a part's core.

    Parameters
    ----------
    volts : float
        Of the core, where the coefficients hold.
    static_uw : Range
        Configured, nothing clocked; microwatts.
    oscillator_uw : Range
        The part's own oscillator at work.
    clock_pj : Range
        The clock network with a few cells, picojoules a cycle.
    clocked_cell_pj : Range
        A logic cell with a flip-flop that is clocked and does not change.
    toggle_pj : Range
        A change of a logic cell's output, with its wires.
    multiplier_pj : Range
        A multiplier block at work, a cycle.
    block_ram_pj, single_port_pj : Range
        A memory that is read or written in a cycle.
    """

    volts: float
    static_uw: Range
    oscillator_uw: Range
    clock_pj: Range
    clocked_cell_pj: Range
    toggle_pj: Range
    multiplier_pj: Range
    block_ram_pj: Range
    single_port_pj: Range
