"""The state dict of our own `statespike.models.network.Network`, saved by a training that is not ours."""

from quantize.checkpoint import Tensor
from quantize.configuration import UNIT_TENSORS, NetworkConfig, tensor_shapes
from statespike.models.importers.options import Options
from statespike.models.importers.state_dict import ImportFailure, StateDict

KIND = "a network of statespike"
BATCH_COUNT = "num_batches_tracked"
"""What PyTorch's BatchNorm keeps for itself."""


def import_statespike(state: StateDict, options: Options) -> tuple[NetworkConfig, dict[str, Tensor]]:
    """Return the configuration, its sizes read from the shapes, and the tensors.

    Parameters
    ----------
    state : StateDict
    options : Options
        Zero-order hold, pre norms and the mean by default. The model is only needed where several have the
        same tensors.

    Raises
    ------
    ImportFailure
        When a tensor is missing or does not fit the others, or the model is not clear.
    """
    channels, features = state.shape("encoder.weight", 2)
    classes, _ = state.shape("decoder.weight", 2)
    _, modes, _ = state.shape("layers.0.ssm.C", 3)
    batch = "layers.0.norm.running_mean" in state.names
    config = NetworkConfig(
        model=_model(state, options.model),
        features=features,
        channels=channels,
        modes=modes,
        layers=state.count("layers."),
        classes=classes,
        discretisation=options.discretisation or "zoh",
        pooling=options.pooling or "mean",
        norm="batch" if batch else "layer",
        norm_position=options.norm_position or "pre",
    )
    state.drop(BATCH_COUNT)
    return config, {name: state.take(name, shape) for name, shape in tensor_shapes(config).items()}


def _model(state: StateDict, wanted: str) -> str:
    """The model whose unit has the tensors of the first block's."""
    prefix = "layers.0.unit."
    found = {
        name.removeprefix(prefix)
        for name in state.names
        if name.startswith(prefix) and not name.endswith(BATCH_COUNT)
    }
    suitable = [model for model, tensors in UNIT_TENSORS.items() if set(tensors(1)) == found]
    if wanted in suitable:
        return wanted
    if wanted or not suitable:
        raise ImportFailure(
            f"{state.source}: the unit's tensors {', '.join(sorted(found)) or '(none)'} are those of "
            f"{' or '.join(suitable) or 'no model'}{', not of ' + wanted if wanted else ''}; "
            "check --from and --model"
        )
    if len(suitable) > 1:
        raise ImportFailure(
            f"{state.source}: the tensors suit the models {', '.join(suitable)}; say which with --model"
        )
    return suitable[0]
