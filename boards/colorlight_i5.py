"""Pins of the Colorlight i5 v7.0 on its extension board, in the form of amaranth-boards, which lacks it.

Documented by https://github.com/wuxx/Colorlight-FPGA-Projects (README and pinout of the extension board). The
serial port is that of the extension board's CMSIS-DAP bridge.
"""

from amaranth.build import Attrs, Clock, Pins, PinsN, Resource, Subsignal

_LEVELS = Attrs(IO_TYPE="LVCMOS33")

RESOURCES = [
    Resource("clk25", 0, Pins("P3", dir="i"), Clock(25e6), _LEVELS),
    Resource("led", 0, PinsN("U16", dir="o"), _LEVELS),
    Resource(
        "uart", 0, Subsignal("rx", Pins("H18", dir="i")), Subsignal("tx", Pins("J17", dir="o")), _LEVELS
    ),
]
