"""What operators come to in the cells of a family: the weights of the estimates."""

from dataclasses import dataclass

CHOOSER = 2 / 3
"""Two look-up tables of four inputs choose from four bits."""
MEMORY_BLOCK = 48
"""Look-up tables that a memory block is worth where one build takes fewer blocks and another fewer tables."""
PRODUCT = 1.56
"""Look-up tables of a multiplier without a block, for each product of operand bits."""


@dataclass(frozen=True)
class CellCosts:
    """Look-up tables of operators, fitted to the synthesised components of this project.

    Parameters
    ----------
    minimised : float
        Look-up tables that synthesis finds for one of a cover, see `hdl.planning.cover`.
    accumulator : float
        Of a bit of a sum to which a term, chosen beside it, is added in some cycles.
    counter : float
        Of a bit of a counter with what compares it.
    carry_step : int
        Look-up tables in a carry chain come in multiples of this.
    carry_in : int
        Bits of a chain that a carry from outside takes.
    free_complements : bool
        An adder gives the complement of its sum, or takes that of an operand, in the same look-up tables.
    trit_in_adder : bool
        The adder's own look-up tables make a trit's multiple of an operand too.
    packing : float or None
        Logic cells that placement packs for one that was counted, where look-up tables and flip-flops share
        logic cells that are counted as such; None where both are counted apart.
    whole_chains : bool
        A carry chain is made of cells of its own: all its bits take look-up tables, whether their sums are
        read or not. Otherwise a sum takes one, in which its reader may have room.
    reset_needs_enable : bool
        A register is cleared only while it is enabled.
    """

    minimised: float
    accumulator: float
    counter: float
    carry_step: int
    carry_in: int
    free_complements: bool
    trit_in_adder: bool
    packing: float | None
    whole_chains: bool = True
    reset_needs_enable: bool = False

    def adder(self, width: int) -> int:
        """Look-up tables of an adder."""
        return -(-width // self.carry_step) * self.carry_step

    def trit_adder(self, width: int, value_width: int) -> int:
        """Look-up tables of `hdl.primitives.trit_adder.TritAdder`, whose carry begins with the sign."""
        return self.adder(width + 1) + (0 if self.trit_in_adder else value_width)
