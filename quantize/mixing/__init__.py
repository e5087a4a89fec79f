"""Products with a constant ternary matrix: what they are, and as graphs of shared additions."""

from quantize.mixing.graph import AdderGraph, adder_graph
from quantize.mixing.product import TernaryProduct

__all__ = ["AdderGraph", "TernaryProduct", "adder_graph"]
