"""Constants of the papers that training, quantisation and hardware share."""

from fractions import Fraction

THRESHOLD = Fraction(3, 20)
"""Ternary threshold of the Gated Spiking Unit as a part of the largest magnitude: 0.15, exactly 3/20."""
