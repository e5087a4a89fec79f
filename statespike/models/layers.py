"""What `statespike.torch` offers: a classifier for any training loop, and its export as a checkpoint."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from quantize.checkpoint import Checkpoint, write_checkpoint
from quantize.configuration import NetworkConfig
from quantize.errors import StatespikeError, look_up
from statespike.models.importers.options import Options
from statespike.models.importers.registry import import_tensors
from statespike.models.kinds import UNITS
from statespike.models.network import Network
from statespike.models.recipe import model_defaults
from statespike.models.surrogates import surrogate
from statespike.models.units import Unit


class SequenceClassifier(Network):
    """Encoder, blocks of a state-space model and a unit, pooling, decoder.

    Parameters
    ----------
    features, channels, modes, layers, classes : int
        Inputs a step, channels H, complex modes a channel N, blocks, outputs.
    model : str
        The unit: "gsu", "gsu_lean", "binary_s4d", "s4d", "tanh", "sigmoid", "spiking_ssm" or "prf".
    surrogate : str, optional
        Surrogate gradient of its step functions: "fast_sigmoid:25", "arctan:2", "triangle", ...; the model's
        own by default.
    pole_sets : int, optional
        Distinct sets of poles, shared by the channels; one a channel by default.
    trained_input : bool
        Train B as well.
    **config
        Further entries of `quantize.configuration.NetworkConfig`: discretisation, initialisation, pooling,
        norm, norm_position, final_norm, stride, time_constant, output, twentieths.

    Raises
    ------
    StatespikeError
        If a name is unknown or a size impossible.

    Examples
    --------
    >>> import torch
    >>> model = SequenceClassifier(features=2, channels=4, modes=2, layers=1, classes=3, model="binary_s4d")
    >>> model(torch.zeros(5, 20, 2)).shape
    torch.Size([5, 3])
    """

    def __init__(
        self, features: int, channels: int, modes: int, layers: int, classes: int, model: str = "gsu", *,
        surrogate: str | None = None, pole_sets: int | None = None, trained_input: bool = False,
        **config: Any,
    ) -> None:  # fmt: skip
        try:
            described = NetworkConfig(model, features, channels, modes, layers, classes, **config)
        except TypeError as error:
            raise StatespikeError(f"an option of the network is unknown ({error})") from error
        super().__init__(described, surrogate, pole_sets=pole_sets, trained_input=trained_input)


def unit(model: str, channels: int, surrogate_name: str | None = None) -> Unit:
    """What follows a state-space model in a block: (batch, steps, H) to the same shape.

    Parameters
    ----------
    model : str
        See `SequenceClassifier`.
    channels : int
        H.
    surrogate_name : str, optional

    Raises
    ------
    StatespikeError
        If a name is unknown.

    Examples
    --------
    >>> import torch
    >>> unit("gsu", 8)(torch.zeros(1, 5, 8)).shape
    torch.Size([1, 5, 8])
    """
    make = look_up(UNITS, model, "model")
    return make(channels, surrogate(surrogate_name or model_defaults(model).surrogate))


def to_checkpoint(module: nn.Module, provenance: dict[str, Any] | None = None, **options: str) -> Checkpoint:
    """The checkpoint of a trained module.

    Parameters
    ----------
    module : nn.Module
        A `SequenceClassifier`, alone or inside another module (a LightningModule, DataParallel, a compiled
        one); or another network of a layout that `statespike import` reads.
    provenance : dict, optional
        What the checkpoint shall say about its origin: `{"task": "digits"}`.
    **options
        As of `statespike import`: model, norm_position, pooling, discretisation, encoder. Only for a foreign
        network, whose tensors cannot tell them.

    Raises
    ------
    StatespikeError
        If the module holds no such network, or several.
    """
    own = list({id(part): part for part in module.modules() if isinstance(part, Network)}.values())
    if len(own) > 1:
        raise StatespikeError(f"the module holds {len(own)} networks; export each by itself")
    if own:
        if options:
            raise StatespikeError(f"a SequenceClassifier knows its {', '.join(options)}; leave them out")
        return own[0].to_checkpoint(provenance or {})
    try:
        chosen = Options(**options)
    except TypeError as error:
        raise StatespikeError(f"an option is unknown ({error})") from error
    tensors = {name: _array(value) for name, value in module.state_dict().items()}
    imported = import_tensors(tensors, type(module).__name__, "", chosen, provenance or {})
    return imported.checkpoint


def export(
    module: nn.Module, path: str | os.PathLike[str], provenance: dict[str, Any] | None = None, **options: str
) -> Checkpoint:
    """Write the checkpoint of a trained module, and return it; see `to_checkpoint`.

    Raises
    ------
    StatespikeError
        If the module holds no network that can be exported, or a tensor that no circuit could have (not
        finite, an unstable pole).

    Examples
    --------
    >>> import tempfile, pathlib
    >>> model = SequenceClassifier(features=1, channels=4, modes=2, layers=1, classes=3, model="gsu")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export(model, pathlib.Path(folder) / "gsu.safetensors").config.model
    'gsu'
    """
    checkpoint = to_checkpoint(module, provenance, **options)
    write_checkpoint(Path(path), checkpoint)
    return checkpoint


def _array(tensor: torch.Tensor) -> np.ndarray:
    plain = tensor.detach().cpu()
    return plain.to(torch.float64).numpy() if plain.is_floating_point() else plain.numpy()
