"""Constants of the papers, and limits, that training, quantisation and hardware share."""

from fractions import Fraction

TWENTIETHS = 3
"""Ternary threshold of the Gated Spiking Unit in parts of the largest magnitude: 0.15, exactly 3/20."""

THRESHOLD_PARTS = 20
"""Of how many parts of the largest magnitude a ternary threshold is some."""

LEAN_THRESHOLD = Fraction(1, 2)
"""Ternary threshold of the lean Gated Spiking Unit, in units of y."""

FIRE_THRESHOLD = 1
"""Threshold of a resonate-and-fire neuron in units of y, and of an integrate-and-fire neuron's potential."""

LEAK = Fraction(1, 8)
"""tau of the integrate-and-fire neuron: what stays of its potential after a step."""

MOST_STEPS = 1 << 24
"""Of the longest sequence that a network can be made for, and between two answers."""

MOST_TIME_SHIFT = 16
"""Of a running mean, whose time constant is two to its power, in steps."""
