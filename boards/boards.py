"""The boards we build for: their FPGA, clock, pins and programmer, pins as amaranth-boards has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from amaranth.build import Connector, Pins, Resource, Subsignal
from amaranth_boards.colorlight_5a75b_r7_0 import Colorlight_5A75B_R70Platform
from amaranth_boards.ecp5_5g_evn import ECP55GEVNPlatform
from amaranth_boards.ecpix5 import ECPIX545Platform
from amaranth_boards.ice40_hx8k_b_evn import ICE40HX8KBEVNPlatform
from amaranth_boards.icebreaker import ICEBreakerPlatform
from amaranth_boards.icepi_zero import IcepiZero1_3Platform
from amaranth_boards.icesugar import ICESugarPlatform
from amaranth_boards.orangecrab_r0_2 import OrangeCrabR0_2_25FPlatform
from amaranth_boards.tang_nano_9k import TangNano9kPlatform
from amaranth_boards.tinyfpga_bx import TinyFPGABXPlatform
from amaranth_boards.ulx3s import ULX3S_25F_Platform
from amaranth_boards.upduino_v3 import UpduinoV3Platform

from boards import colorlight_i5, tang_nano_20k
from boards.programmers import Programmer
from hdl.devices.devices import Device, find_device
from hdl.devices.resources import Resources
from quantize.errors import StatespikeError, look_up

UART, SPI = LINES = ("uart", "spi")
"""What may join a board to its host: a serial line, or SPI."""
LINK_CELLS = {UART: Resources(320, 125, 0, 0, 0), SPI: Resources(365, 145, 0, 0, 0)}
"""Logic cells and flip-flops of the UP5K for line, link and reset: 313 and 123, and 360 and 144, for one
feature and ten classes."""
USB = "USB"
"""Where the serial line is on boards that bring it to a USB bridge of their own."""


@dataclass(frozen=True)
class SpiHeader:
    """Where a board can be joined to an SPI line.

    Parameters
    ----------
    pins : dict of "cs_n", "mosi", "miso" and "sck" to pin name
    words : str
        Which pin is which.
    """

    pins: dict[str, str]
    words: str


@dataclass(frozen=True)
class Board:
    """A board.

    Parameters
    ----------
    name : str
    title : str
        As its maker spells it.
    device : Device
    clock_mhz : float
        Of its oscillator.
    pins : dict of "clk", those of its line and, on boards that have one, "led" to pin name
        Of a serial line "rx", the FPGA's input, and "tx"; of SPI "sck", "cs_n", "mosi" and "miso".
    led_inverted : bool
        The LED lights when its pin is low.
    programmer : Programmer
    link : str
        Where the line is: "USB", or what has to be joined to it.
    standards : mapping of port to str
        Levels of ports that are not at 3.3 V, as the family's tools spell them.
    clock_at_pll : bool
        The clock's pin leads straight to a PLL.
    design_mhz : float, optional
        Clock of designs that are asked for none, where the oscillator is too fast for them.
    needs : str
        What has to be done to the board first; empty if nothing.
    baud : int
        Of the serial line; every board's clock divides to it exactly.
    line : str
        Of `LINES`.
    spi : SpiHeader, optional
        Where SPI can be joined; None if no free pins are known that take and drive 3.3 V.
    """

    name: str
    title: str
    device: Device
    clock_mhz: float
    pins: dict[str, str]
    led_inverted: bool
    programmer: Programmer
    link: str = USB
    standards: Mapping[str, str] = field(default_factory=dict)
    clock_at_pll: bool = True
    design_mhz: float | None = None
    needs: str = ""
    baud: int = 1_000_000
    line: str = UART
    spi: SpiHeader | None = None

    @property
    def lines(self) -> list[str]:
        """Which of `LINES` it can have."""
        return [UART] if self.spi is None else [*LINES]

    def on(self, line: str) -> Self:
        """The board as it is joined by this line.

        Raises
        ------
        StatespikeError
            If it cannot be; the message names the boards that can.
        """
        look_up(dict.fromkeys(LINES), line, "link")
        if line == self.line:
            return self
        if self.spi is None:
            others = ", ".join(one.name for one in BOARDS.values() if one.spi is not None)
            raise StatespikeError(f"no pins for SPI are known of {self.name}; boards with some are {others}")
        own = {name: pin for name, pin in self.pins.items() if name in ("clk", "led")}
        return replace(self, pins=own | self.spi.pins, link=self.spi.words, line=SPI)

    def write_constraints(self, folder: Path) -> Path:
        """Write the constraint file of the board's tools into `folder`, and return its path."""
        family = self.device.family
        path = folder / f"pins{family.constraint_suffix}"
        lines = family.constraints(self.pins, self.clock_mhz, self.standards, pulled_up=("rx", "cs_n"))
        path.write_text("\n".join([*lines, ""]))
        return path


def _board(
    name: str,
    title: str,
    device: str,
    resources: Sequence[Resource],
    clock: str,
    programmer: Programmer,
    *,
    uart: Mapping[str, str] | None = None,
    led: bool = True,
    **others: Any,
) -> Board:
    """A board from the resources of its file.

    Parameters
    ----------
    clock : str
        Resource of the oscillator.
    uart : mapping, optional
        Pins of "rx" and "tx" on a header; by default those of the file's serial port.
    led : bool
        Use the file's LED, of three colours the green one.
    others
        See `Board`.
    """
    first = {resource.name: resource for resource in resources if resource.number == 0}
    oscillator = first[clock]
    pins = {"clk": oscillator.ios[0].names[0]}
    pins |= uart or {one.name: one.ios[0].names[0] for one in first["uart"].ios if one.name in ("rx", "tx")}
    inverted = False
    if led:
        lamp = _lamp(first["led"] if "led" in first else first["rgb_led"])
        pins["led"], inverted = lamp.names[0], lamp.invert
    mhz = oscillator.clock.frequency / 1e6
    return Board(name, title, find_device(device), mhz, pins, inverted, programmer, **others)


def _lamp(resource: Resource) -> Pins:
    green = [one.ios[0] for one in resource.ios if isinstance(one, Subsignal) and one.name == "g"]
    return green[0] if green else resource.ios[0]


ICEPROG = Programmer("iceprog")


def _loader(*arguments: str) -> Programmer:
    """openFPGALoader, into the FPGA itself."""
    return Programmer("openFPGALoader", arguments, lasting=False)


def _spi(connectors: Sequence[Connector], number: int, title: str, order: str = "1 2 3 4") -> SpiHeader:
    """SPI at pins of the connector of this number, in the order of CS, MOSI, MISO and SCK.

    The default is that of Digilent's Pmods of type 2.
    """
    (mapping,) = (one.mapping for one in connectors if one.number == number)
    at = dict(zip(("cs_n", "mosi", "miso", "sck"), order.split(), strict=True))
    words = title.format(**{name: pin.upper() for name, pin in at.items()})
    return SpiHeader({name: mapping[pin] for name, pin in at.items()}, words)


HEADER = "pins {cs_n} (CS), {mosi} (MOSI), {miso} (MISO) and {sck} (SCK) of "


def _adapter(rx: str, tx: str) -> str:
    return f"a USB serial adapter of 3.3 V at {rx} (to the FPGA) and {tx} (from it)"


def _ulx3s(size: str) -> Board:
    return _board(
        f"ulx3s-{size}f", f"ULX3S {size}F", f"ecp5-{size}k", ULX3S_25F_Platform.resources, "clk25",
        _loader("-b", "ulx3s"),
        spi=_spi(
            ULX3S_25F_Platform.connectors, 0, "GP0 (CS), GP1 (MOSI), GP2 (MISO) and GP3 (SCK) of J1",
            "0+ 1+ 2+ 3+",
        ),
    )  # fmt: skip


def _orangecrab(size: str) -> Board:
    return _board(
        f"orangecrab-{size}f", f"OrangeCrab r0.2 {size}F", f"ecp5-{size}k-mg285",
        OrangeCrabR0_2_25FPlatform.resources, "clk", Programmer("dfu-util", ("-a", "0", "-D")),
        uart={"rx": "N17", "tx": "M18"}, link=_adapter("pin 0", "pin 1"),
        needs="hold its button while it is plugged in: the bootloader then takes a bitstream",
        spi=_spi(
            OrangeCrabR0_2_25FPlatform.connectors, 0, "pin 10 (CS), MOSI, MISO and SCK", "10 copi cipo sck"
        ),
    )  # fmt: skip


def _ecpix5(size: str) -> Board:
    return _board(
        f"ecpix5-{size}", f"ECPIX-5 {size}F", f"ecp5-um5g-{size}k-bg554", ECPIX545Platform.resources,
        "clk100", _loader("-b", "ecpix5"), design_mhz=50.0,
        spi=_spi(ECPIX545Platform.connectors, 0, HEADER + "PMOD0"),
    )  # fmt: skip


BOARDS = {
    board.name: board
    for board in (
        _board(
            "icebreaker", "iCEBreaker", "up5k", ICEBreakerPlatform.resources, "clk12", ICEPROG,
            spi=_spi(ICEBreakerPlatform.connectors, 0, HEADER + "PMOD 1A"),
        ),
        _board(
            "icesugar", "iCESugar", "up5k", ICESugarPlatform.resources, "clk12", Programmer("icesprog"),
            spi=_spi(ICESugarPlatform.connectors, 1, HEADER + "PMOD2"),
        ),
        _board(
            "upduino-v3", "UPduino v3", "up5k", UpduinoV3Platform.resources, "clk12", ICEPROG,
            uart={"rx": "28", "tx": "38"}, link=_adapter("gpio_28", "gpio_38"), clock_at_pll=False,
            needs="close the solder jumper OSC, which brings the oscillator to gpio_20: "
            "the FPGA's own oscillator is too loose for a serial line",
            spi=_spi(
                UpduinoV3Platform.connectors, 0,
                "gpio_23 (CS), gpio_25 (MOSI), gpio_26 (MISO) and gpio_27 (SCK)", "7 8 9 10",
            ),
        ),
        _board(
            "hx8k-b-evn", "iCE40-HX8K-B-EVN", "hx8k", ICE40HX8KBEVNPlatform.resources, "clk12", ICEPROG,
            clock_at_pll=False, spi=_spi(ICE40HX8KBEVNPlatform.connectors, 2, HEADER + "J2", "9 10 11 12"),
        ),
        _board(
            "tinyfpga-bx", "TinyFPGA BX", "lp8k", TinyFPGABXPlatform.resources, "clk16",
            Programmer("tinyprog", ("-p",)), uart={"rx": "A2", "tx": "A1"}, link=_adapter("pin 1", "pin 2"),
            clock_at_pll=False,
            spi=_spi(TinyFPGABXPlatform.connectors, 0, HEADER + "the board", "10 11 12 13"),
        ),
        *(_ulx3s(size) for size in ("12", "25", "45", "85")),
        *(_orangecrab(size) for size in ("25", "85")),
        *(_ecpix5(size) for size in ("45", "85")),
        _board(
            "colorlight-5a75b", "Colorlight 5A-75B v7.0", "ecp5-25k-bg256",
            Colorlight_5A75B_R70Platform.resources, "clk25", _loader("-b", "colorlight"),
            led=False, link=_adapter("KEY+ of J19", "DATA_LED- of J19"),
            needs="solder a JTAG adapter's wires to J27, J31, J32 and J30",
        ),
        _board(
            "colorlight-i5", "Colorlight i5 v7.0", "ecp5-25k", colorlight_i5.RESOURCES, "clk25",
            _loader("-b", "colorlight-i5"),
        ),
        _board(
            "ecp5-5g-evn", "ECP5-5G-EVN", "ecp5-um5g-85k", ECP55GEVNPlatform.resources, "clk12",
            _loader("-b", "ecp5_evn"), standards={"led": "LVCMOS25"},
            needs="join the serial port to the USB bridge by the resistors that section 6.2 of the "
            "board's user guide names",
        ),
        _board(
            "icepi-zero", "IcepiZero v1.3", "ecp5-25k-bg256", IcepiZero1_3Platform.resources, "clk50",
            _loader("-b", "icepi-zero"),
            spi=_spi(
                IcepiZero1_3Platform.connectors, 0, "GPIO " + HEADER.removeprefix("pins ") + "the header",
                "8 10 9 11",
            ),
        ),
        _board(
            "tang-nano-9k", "Tang Nano 9K", "gw1nr-9c", TangNano9kPlatform.resources, "clk27",
            # The schematic (https://dl.sipeed.com/shareURL/TANG/Nano%209K) gives the bank of the LEDs 1.8 V.
            _loader("-b", "tangnano9k"), standards={"led": "LVCMOS18"},
        ),
        _board(
            "tang-nano-20k", "Tang Nano 20K", "gw2ar-18c", tang_nano_20k.RESOURCES, "clk27",
            _loader("-b", "tangnano20k"),
        ),
    )
}  # fmt: skip


def board(name: str) -> Board:
    """The board called `name`.

    Raises
    ------
    StatespikeError
        If there is none; the message lists the known names.
    """
    return look_up(BOARDS, name, "board")
