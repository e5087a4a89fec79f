"""S4D as in the public code of Gu et al. (state-spaces/s4): `S4Model` of example.py, the layers of s4d.py.

A linear encoder; blocks of S4D, GELU and a pointwise gated linear unit, each with a LayerNorm before it or
after the sum with its input; the mean over the steps; a linear decoder.
"""

import numpy as np

from quantize.checkpoint import Tensor
from quantize.configuration import NetworkConfig
from quantize.float_reference import identity_norm
from statespike.models.importers.options import Options
from statespike.models.importers.state_dict import ImportFailure, StateDict

KIND = "an S4D network of state-spaces/s4"


def import_s4d(state: StateDict, options: Options) -> tuple[NetworkConfig, dict[str, Tensor]]:
    """Return the configuration, its sizes read from the shapes, and the tensors under our names.

    Parameters
    ----------
    state : StateDict
    options : Options
        Post norms by default, as the public training has them without `--prenorm`; the kernels of s4d.py are
        always discretised by zero-order hold.

    Raises
    ------
    ImportFailure
        When a tensor is missing or does not fit the others.
    """
    if options.model not in ("", "s4d") or options.discretisation not in ("", "zoh"):
        raise ImportFailure(
            f"{state.source}: {KIND} is of model s4d and discretised by zoh; "
            "leave --model and --discretisation out"
        )
    channels, features = state.shape("encoder.weight", 2)
    classes, _ = state.shape("decoder.weight", 2)
    _, modes, _ = state.shape("s4_layers.0.kernel.C", 3)
    config = NetworkConfig(
        model="s4d",
        features=features,
        channels=channels,
        modes=modes,
        layers=state.count("s4_layers."),
        classes=classes,
        pooling=options.pooling or "mean",
        norm="layer",
        norm_position=options.norm_position or "post",
    )
    tensors = {
        "encoder.weight": state.take("encoder.weight", (channels, features)),
        "encoder.bias": state.take("encoder.bias", (channels,)),
    }
    for layer in range(config.layers):
        tensors |= {f"layers.{layer}.{name}": tensor for name, tensor in _block(state, layer, config).items()}
    # There is no norm before their decoder.
    tensors |= {f"norm.{name}": tensor for name, tensor in identity_norm(channels).items()}
    tensors["decoder.weight"] = state.take("decoder.weight", (classes, channels))
    tensors["decoder.bias"] = state.take("decoder.bias", (classes,))
    return config, tensors


def _block(state: StateDict, layer: int, config: NetworkConfig) -> dict[str, Tensor]:
    channels, modes = config.channels, config.modes
    prefix = f"s4_layers.{layer}"
    # A pointwise convolution: its first half is gated by its second.
    mixed = state.take(f"{prefix}.output_linear.0.weight", (2 * channels, channels, 1))[:, :, 0]
    bias = state.take(f"{prefix}.output_linear.0.bias", (2 * channels,))
    return {
        "norm.weight": state.take(f"norms.{layer}.weight", (channels,)),
        "norm.bias": state.take(f"norms.{layer}.bias", (channels,)),
        "ssm.C": state.take(f"{prefix}.kernel.C", (channels, modes, 2)),
        "ssm.log_dt": state.take(f"{prefix}.kernel.log_dt", (channels,)),
        "ssm.log_A_real": state.take(f"{prefix}.kernel.log_A_real", (channels, modes)),
        "ssm.A_imag": state.take(f"{prefix}.kernel.A_imag", (channels, modes)),
        "ssm.D": state.take(f"{prefix}.D", (channels,)),
        "unit.value.weight": np.ascontiguousarray(mixed[:channels]),
        "unit.value.bias": bias[:channels],
        "unit.gate.weight": np.ascontiguousarray(mixed[channels:]),
        "unit.gate.bias": bias[channels:],
    }
