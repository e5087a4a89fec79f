"""The boards we build for: their FPGA, clock and pins, read from amaranth-boards."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from amaranth.build import Pins, Resource
from amaranth_boards.icebreaker import ICEBreakerPlatform
from amaranth_boards.ulx3s import ULX3S_25F_Platform

from hdl.devices.devices import Device, find_device
from quantize.errors import look_up

LINK_LUTS = 290
"""Logic cells of the UP5K for the serial port, its link and the reset: beside a network of ours, 288."""


@dataclass(frozen=True)
class Board:
    """A board.

    Parameters
    ----------
    name : str
    device : Device
    clock_mhz : float
        Of its oscillator.
    pins : dict of "clk", "rx", "tx", "led" to pin name
        `rx` is the FPGA's input.
    led_inverted : bool
        The LED lights when its pin is low.
    baud : int
        Of the link; both boards' clocks divide to it exactly.
    """

    name: str
    device: Device
    clock_mhz: float
    pins: dict[str, str]
    led_inverted: bool
    baud: int = 1_000_000

    @property
    def room(self) -> Device:
        """What the part has for a network, beside the link."""
        return replace(self.device, luts=self.device.luts - LINK_LUTS)

    def write_constraints(self, folder: Path) -> Path:
        """Write the constraint file of the board's tools into `folder`, and return its path."""
        family = self.device.family
        path = folder / f"pins{family.constraint_suffix}"
        path.write_text("\n".join([*family.constraints(self.pins, self.clock_mhz), ""]))
        return path


def _board(name: str, device: str, resources: Sequence[Resource], clock: str) -> Board:
    """A board from the resources of its file in amaranth-boards; `clock` is the oscillator's."""
    first = {resource.name: resource for resource in resources if resource.number == 0}
    led: Pins = first["led"].ios[0]
    pins = {"clk": first[clock].ios[0].names[0], "led": led.names[0]}
    for line in first["uart"].ios:
        if line.name in ("rx", "tx"):
            pins[line.name] = line.ios[0].names[0]
    return Board(name, find_device(device), first[clock].clock.frequency / 1e6, pins, led.invert)


BOARDS = {
    board.name: board
    for board in (
        _board("icebreaker", "up5k", ICEBreakerPlatform.resources, "clk12"),
        _board("ulx3s-25f", "ecp5-25k", ULX3S_25F_Platform.resources, "clk25"),
    )
}


def board(name: str) -> Board:
    """The board called `name`.

    Raises
    ------
    StatespikeError
        If there is none; the message lists the known names.
    """
    return look_up(BOARDS, name, "board")
