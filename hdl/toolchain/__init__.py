"""From a design to a bitstream with open tools: synthesis, place and route, packing."""

from hdl.toolchain.bitstream import write_bitstream
from hdl.toolchain.placement import PlaceAndRoute, dense_seeds, place_and_route
from hdl.toolchain.synthesis import Expected, Synthesis, synthesise

__all__ = [
    "Expected",
    "PlaceAndRoute",
    "Synthesis",
    "dense_seeds",
    "place_and_route",
    "synthesise",
    "write_bitstream",
]
