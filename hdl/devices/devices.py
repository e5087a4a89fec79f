"""The FPGAs we build for, and what each holds."""

from dataclasses import dataclass
from typing import Literal

from hdl.devices.features import DeviceFeatures
from quantize.errors import look_up

Family = Literal["ice40", "ecp5"]


@dataclass(frozen=True)
class Device:
    """One FPGA in one package.

    Parameters
    ----------
    name : str
        Our short name.
    family : "ice40" or "ecp5"
        Decides synthesis, place and route and bitstream tools.
    flags : tuple of str
        What selects the part in nextpnr.
    package : str
        As nextpnr spells it.
    luts, flip_flops : int
        4-input look-up tables and flip-flops. On the ECP5 a carry cell uses two of the look-up tables.
    block_rams, block_ram_bits : int
        Number of block memories and bits in each; 4,096 = SB_RAM40_4K (up to 16 bits wide), 18,432 = DP16KD
        (up to 36).
    sprams, spram_bits : int
        SPRAM of the UP5K: 16 bits wide, without initial contents.
    dsps : int
        SB_MAC16 (16x16) or MULT18X18D (18x18).
    clock_mhz : float
        Clock to plan for when the user names none: one that designs of ours reach over all seeds.
    streamed_mhz : float
        The same for streamed builds; 0 where there are none.
    fullest : float
        Share of its logic that a design of ours may fill by estimate, so that it can be placed.
    """

    name: str
    family: Family
    flags: tuple[str, ...]
    package: str
    luts: int
    flip_flops: int
    block_rams: int
    block_ram_bits: int
    dsps: int
    clock_mhz: float
    sprams: int = 0
    spram_bits: int = 0
    streamed_mhz: float = 0.0
    fullest: float = 0.92

    def planning_mhz(self, streamed: bool) -> float:
        """Clock to plan for, of a streamed build or another."""
        return self.streamed_mhz if streamed else self.clock_mhz

    @property
    def features(self) -> DeviceFeatures:
        """What components must know of it."""
        return DeviceFeatures(multiplier_blocks=self.dsps > 0, single_port_memories=self.sprams > 0)

    @property
    def memory_bits(self) -> int:
        """Bits that memories and all look-up tables, turned into memories, could hold."""
        return self.block_rams * self.block_ram_bits + self.sprams * self.spram_bits + 16 * self.luts


def _ecp5(size: str, luts: int, block_rams: int, dsps: int, streamed_mhz: float) -> Device:
    """An LFE5U of speed grade 6, the slowest."""
    flags = (f"--{size}", "--speed", "6")
    name, package = f"ecp5-{size}", "CABGA381"
    return Device(
        name, "ecp5", flags, package, luts, luts, block_rams, 18432, dsps, 50.0, streamed_mhz=streamed_mhz
    )


# Streamed clocks are what shipped networks made with every seed, see docs/performance.md; the 45F was not
# measured and takes the larger part's.
DEVICES = {
    device.name: device
    for device in (
        Device("up5k", "ice40", ("--up5k",), "sg48", 5280, 5280, 30, 4096, 8, 48.0, 4, 262144),
        Device("hx8k", "ice40", ("--hx8k",), "ct256", 7680, 7680, 32, 4096, 0, 100.0, fullest=0.925),
        Device("lp8k", "ice40", ("--lp8k",), "cm81", 7680, 7680, 32, 4096, 0, 54.0, fullest=0.925),
        _ecp5("25k", 24288, 56, 28, 120.0),
        _ecp5("45k", 43848, 108, 72, 110.0),
        _ecp5("85k", 83640, 208, 156, 110.0),
    )
}


def find_device(name: str) -> Device:
    """The part called `name`.

    Raises
    ------
    StatespikeError
        If there is none; the message lists the known names.
    """
    return look_up(DEVICES, name, "device")
