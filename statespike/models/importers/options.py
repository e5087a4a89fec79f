"""What the tensors of a network cannot tell about it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Choices that leave no trace in the shapes; each kind of file has defaults for the empty ones.

    Parameters
    ----------
    model, pooling, discretisation, norm_position : str
        See `quantize.checkpoint.NetworkConfig`.
    """

    model: str = ""
    pooling: str = ""
    discretisation: str = ""
    norm_position: str = ""
