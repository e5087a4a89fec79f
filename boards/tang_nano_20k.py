"""Pins of the Tang Nano 20K, in the form of amaranth-boards, which lacks it.

Documented by Sipeed (https://wiki.sipeed.com/hardware/en/tang/tang-nano-20k/nano-20k.html and the schematic
there).
The serial port is that of the board's BL616, which also programs the FPGA.
"""

from amaranth.build import Attrs, Clock, Pins, PinsN, Resource, Subsignal

_LEVELS = Attrs(IO_TYPE="LVCMOS33")

RESOURCES = [
    Resource("clk27", 0, Pins("4", dir="i"), Clock(27e6), _LEVELS),
    Resource("led", 0, PinsN("15", dir="o"), _LEVELS),
    Resource("uart", 0, Subsignal("rx", Pins("70", dir="i")), Subsignal("tx", Pins("69", dir="o")), _LEVELS),
]
