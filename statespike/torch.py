"""The layers as PyTorch modules for a training of your own, and the way from there to a checkpoint.

    from statespike.torch import SequenceClassifier, export

    model = SequenceClassifier(features=1, channels=32, modes=8, layers=2, classes=10, model="gsu")
    ...                                       # any training: plain PyTorch, Lightning, several processes
    export(model, "gsu.safetensors")          # then: statespike quantize gsu.safetensors --data FILE.npz

All modules map (batch, steps, channels) to the same shape; `SequenceClassifier` maps (batch, steps, features)
to logits (batch, classes).
"""

from statespike.models.layers import SequenceClassifier, export, to_checkpoint, unit
from statespike.models.network import Block
from statespike.models.ssm import DiagonalStateSpace

__all__ = ["Block", "DiagonalStateSpace", "SequenceClassifier", "export", "to_checkpoint", "unit"]
