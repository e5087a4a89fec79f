"""Other people's trained networks as checkpoints; numpy only, but for reading PyTorch's own files."""
