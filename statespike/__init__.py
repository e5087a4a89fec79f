"""Statespike turns trained spiking and gated state-space models into bit-exact circuits for open FPGAs."""

from statespike.own_packages import require_own_packages

require_own_packages()
