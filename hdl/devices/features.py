"""What a part's cells mean for whatever computes with them: how many cycles things take."""

from dataclasses import dataclass

BLOCK_LATENCY = 2
"""Cycles of a product in a multiplier block: its operands' registers, and its product's."""
LOGIC_LATENCY = 3
"""Cycles of a product in look-up tables."""


@dataclass(frozen=True)
class DeviceFeatures:
    """How a part multiplies, and what memories it has.

    Parameters
    ----------
    multiplier_blocks : bool
        Otherwise products are made in look-up tables.
    single_port_memories : bool
        For what is never read and written at once; see `hdl.primitives.single_port`.
    """

    multiplier_blocks: bool = True
    single_port_memories: bool = False

    @property
    def product_latency(self) -> int:
        """Cycles from a multiplier's operands to its product."""
        return BLOCK_LATENCY if self.multiplier_blocks else LOGIC_LATENCY


MULTIPLIER_BLOCKS = DeviceFeatures()
LOGIC_MULTIPLIERS = DeviceFeatures(multiplier_blocks=False)
