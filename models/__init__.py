"""The float world: state-space layers, spiking and gated units, tasks and training (PyTorch)."""
