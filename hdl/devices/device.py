"""What one FPGA holds."""

import math
from dataclasses import dataclass, replace
from typing import Self

from hdl.devices.family import Family
from hdl.devices.features import DeviceFeatures
from hdl.devices.power import PowerCosts
from quantize.errors import StatespikeError

SLOWEST_MHZ = 0.001
"""Clock of a design at least: a tenth of what the slowest oscillators of these parts give."""
RAREST = 1e-6
"""Steps a second at least: one in eleven days."""


def require_rate(rate: float | None) -> None:
    """Refuse a number of steps a second that no circuit can be asked for; None asks for nothing.

    Raises
    ------
    StatespikeError
    """
    if rate is not None and not RAREST <= rate < math.inf:
        raise StatespikeError(
            f"{rate:g} steps a second cannot be asked for; give a finite number, {RAREST:g} at least"
        )


@dataclass(frozen=True)
class Device:
    """One FPGA in one package.

    Parameters
    ----------
    name : str
        Our short name.
    family : Family
        Its cells and its tools.
    flags : tuple of str
        What selects device, package and speed grade in nextpnr.
    luts, flip_flops : int
        4-input look-up tables and flip-flops; where these share logic cells, some cells may have none.
    block_rams : int
        Number of block memories.
    dsps : int
        Number of multiplier blocks.
    clock_mhz : float
        Clock to plan for when the user names none: one that designs of ours reach over all seeds.
    sprams : int
        Number of single-port memories, which have no initial contents.
    streamed_mhz : float
        As `clock_mhz`, for streamed builds; 0 where there are none.
    fullest : float
        Share of its logic that a design of ours may fill by estimate, so that it can be placed.
    fastest_mhz : float
        Most that its clock network carries, by its data sheet; no design is faster.
    clock_asked : bool
        The clocks to plan for are a user's, see `at`.
    free_constraints : str
        Text of the constraint file for designs whose ports may take any pin; empty where none is needed.
    power : PowerCosts or None
        What its core takes; None where no measurement is known.
    """

    name: str
    family: Family
    flags: tuple[str, ...]
    luts: int
    flip_flops: int
    block_rams: int
    dsps: int
    clock_mhz: float
    sprams: int = 0
    streamed_mhz: float = 0.0
    fullest: float = 0.92
    fastest_mhz: float = math.inf
    clock_asked: bool = False
    free_constraints: str = ""
    power: PowerCosts | None = None

    def planning_mhz(self, streamed: bool) -> float:
        """Clock to plan for, of a streamed build or another."""
        return self.streamed_mhz if streamed else self.clock_mhz

    def at(self, clock_mhz: float | None) -> Self:
        """The device with a user's clock to plan every kind of build for; unchanged without one.

        Raises
        ------
        StatespikeError
            If no design can have that clock.
        """
        if clock_mhz is None:
            return self
        self.require_clock(clock_mhz)
        streamed_mhz = clock_mhz if self.streamed_mhz else 0.0
        return replace(self, clock_mhz=clock_mhz, streamed_mhz=streamed_mhz, clock_asked=True)

    def require_clock(self, clock_mhz: float) -> None:
        """Refuse a clock that no design can have: before a search for one.

        Raises
        ------
        StatespikeError
        """
        if not SLOWEST_MHZ <= clock_mhz <= self.fastest_mhz:
            advice = "less" if clock_mhz > self.fastest_mhz else f"{SLOWEST_MHZ:g} MHz at least"
            raise StatespikeError(
                f"{self.name} cannot be clocked at {clock_mhz:g} MHz: its clock network carries at most "
                f"{self.fastest_mhz:g} MHz, and designs are planned for {self.clock_mhz:g}; ask for {advice}"
            )

    @property
    def features(self) -> DeviceFeatures:
        """What components must know of it."""
        return DeviceFeatures(multiplier_blocks=self.dsps > 0, single_port_memories=self.sprams > 0)

    @property
    def memory_bits(self) -> int:
        """Bits that memories and all look-up tables, turned into memories, could hold."""
        words, bits = self.family.single_port_shape
        return self.block_rams * self.family.block_bits + self.sprams * words * bits + 16 * self.luts
