"""The cells of a part that a circuit takes, and whether the part has them."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from hdl.devices.devices import Device


@dataclass(frozen=True)
class Resources:
    """Cells of a part.

    Parameters
    ----------
    lut, ff, bram, spram, dsp : int
        4-input look-up tables (a carry cell of the ECP5 counts for the two it is made of), flip-flops, block
        memories, single-port memories, multipliers.
    """

    lut: int
    ff: int
    bram: int
    spram: int
    dsp: int

    def as_dict(self) -> dict[str, int]:
        """The figures by name."""
        return asdict(self)

    def shortfall(self, device: Device) -> list[str]:
        """What the part lacks for a netlist of these cells, in words."""
        return [
            *self.block_shortfall(device),
            *too_many(
                [("look-up tables", self.lut, device.luts), ("flip-flops", self.ff, device.flip_flops)]
            ),
        ]

    def block_shortfall(self, device: Device) -> list[str]:
        """What the part lacks of all that is not logic, in words."""
        return too_many([
            ("block memories", self.bram, device.block_rams),
            ("single-port memories", self.spram, device.sprams),
            ("multipliers", self.dsp, device.dsps),
        ])  # fmt: skip


def too_many(needs: Iterable[tuple[str, int, int]]) -> list[str]:
    """Words for every (name, needed, available) that needs more than there is."""
    return [
        f"{needed} {name} where {available} can be used ({needed - available} too many)"
        for name, needed, available in needs
        if needed > available
    ]
