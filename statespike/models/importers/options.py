"""What the tensors of a network cannot tell about it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Choices that leave no trace in names and shapes; a layout has defaults for the empty ones.

    Parameters
    ----------
    model, pooling, discretisation, norm_position : str
        See `quantize.configuration.NetworkConfig`.
    encoder : str
        "linear" or "token", where the shape suits both.
    weights : str
        Which of several sets of weights to take: a part of its name, `ema` say.
    """

    model: str = ""
    pooling: str = ""
    discretisation: str = ""
    norm_position: str = ""
    encoder: str = ""
    weights: str = ""
