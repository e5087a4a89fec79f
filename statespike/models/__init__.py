"""The float world: state-space layers, spiking and gated units, tasks and training (PyTorch)."""

from pathlib import Path

ZOO = Path(__file__).with_name("zoo")
"""Folder of the trained networks that ship: `TASK-MODEL.safetensors`, each with the log of its training."""
