"""From a design to a bitstream with open tools: synthesis, place and route, packing."""

from boards.toolchain.bitstream import write_bitstream
from boards.toolchain.placement import PlaceAndRoute, place_and_route
from boards.toolchain.synthesis import Expected, Synthesis, synthesise

__all__ = ["Expected", "PlaceAndRoute", "Synthesis", "place_and_route", "synthesise", "write_bitstream"]
