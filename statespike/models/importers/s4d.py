"""S4D networks of other programs, found by their structure rather than by one script's names.

What is known: state-spaces/s4 (`example.py` with `s4d.py`, and `train.py` with S4Block), SpikingSSM's
`ss4d.py`, and variants that are seen in forks: ends without a bias, as convolutions, as embeddings or in a
Sequential; mixers as convolutions or linear layers; BatchNorm in place of LayerNorm; every form of kernel
that `kernel.py` reads. The network is a linear encoder; blocks of a state-space model, an activation and a
pointwise gated linear unit, each with a norm before it or after the sum with its input; perhaps a LayerNorm;
the mean over the steps or the last one; a linear decoder.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantize.checkpoint import Tensor
from quantize.configuration import RUNNING_STATISTICS, UNIT_TENSORS, NetworkConfig
from quantize.float_layers import identity_norm
from statespike.models.importers.failure import ImportFailure, some
from statespike.models.importers.kernel import read_kernel
from statespike.models.importers.options import Options
from statespike.models.importers.parts import Parts
from statespike.models.importers.weights import Stack

KIND = "an S4D network: state-spaces/s4, SpikingSSM and their forks"
ENCODERS = ("encoder", "embedding", "embed", "input_proj", "in_proj", "input_layer", "linear_in", "proj_in")
DECODERS = ("decoder", "head", "classifier", "output_layer", "out_proj", "linear_out", "proj_out", "fc")
THRESHOLDS = ("ln_vth", "log_threshold")
GATED = ("s4d", "binary_s4d", "tanh", "sigmoid", "spiking_ssm")
"""Models whose unit is a gated linear unit behind an activation, which leaves no trace in the tensors."""
ACTIVATIONS = {
    "s4d": "GELU", "binary_s4d": "spikes", "tanh": "tanh", "sigmoid": "sigmoid",
    "spiking_ssm": "integrate-and-fire neurons", "gsu": "Gated Spiking Unit", "prf": "spikes",
    "gsu_lean": "lean Gated Spiking Unit",
}  # fmt: skip


@dataclass
class Found:
    """A network as it comes out of a file.

    Parameters
    ----------
    config : NetworkConfig
    tensors : dict of name to float32 array
        Under the names of a checkpoint.
    notes : list of str
        What was taken and what was assumed, a sentence each.
    """

    config: NetworkConfig
    tensors: dict[str, Tensor]
    notes: list[str] = field(default_factory=list)


def read_s4d(parts: Parts, stack: Stack, options: Options) -> Found:
    """Return a network with its sizes read from the shapes, its tensors under our names.

    Raises
    ------
    ImportFailure
        When a tensor is missing, is left over or does not fit the others, or an option contradicts the file.
    """
    notes: list[str] = []
    channels = _channels(parts, stack)
    encoder_weight, encoder_bias, encoder_name = _encoder(parts, stack, channels, options, notes)
    blocks = [_Block(parts, stack, layer, channels, options, notes) for layer in range(stack.layers)]
    final = f"{stack.root}norm."
    has_final_norm = parts.has(f"{final}weight")
    batch = parts.has(f"{final}running_mean")
    decoder_weight, decoder_bias = _end(parts, stack, DECODERS, channels, "decoder")
    model = blocks[0].model
    position = _position(options, model, has_final_norm, notes)
    config = NetworkConfig(
        model=model,
        features=encoder_weight.shape[1],
        channels=channels,
        modes=blocks[0].modes,
        layers=stack.layers,
        classes=len(decoder_weight),
        discretisation=options.discretisation or "zoh",
        pooling=options.pooling or "mean",
        norm=blocks[0].norm,
        norm_position=position,
        final_norm="layer" if has_final_norm and not batch else "batch",
    )
    for block in blocks:
        if (block.model, block.modes, block.norm) != (model, config.modes, config.norm):
            raise ImportFailure(
                f"{parts.source}: the layers differ in their kind, modes or norms; all have to be alike"
            )
    tensors: dict[str, Any] = {"encoder.weight": encoder_weight, "encoder.bias": encoder_bias}
    for layer, block in enumerate(blocks):
        tensors |= {f"layers.{layer}.{name}": value for name, value in block.tensors.items()}
    if has_final_norm:
        notes.append(f"a {'BatchNorm' if batch else 'LayerNorm'} stands before the pooling")
        names = ("weight", "bias", *(RUNNING_STATISTICS if batch else ()))
        tensors |= {f"norm.{name}": parts.take_as(f"{final}{name}", (channels,)) for name in names}
    else:
        tensors |= {f"norm.{name}": value for name, value in identity_norm(channels).items()}
    tensors |= {"decoder.weight": decoder_weight, "decoder.bias": decoder_bias}
    if not options.model and model == "s4d":
        notes.append("activation: GELU is assumed, for no tensor tells it (--model)")
    else:
        notes.append(f"activation: {ACTIVATIONS[model]}")
    if not options.pooling:
        notes.append("pooling: the mean over the steps is assumed (--pooling)")
    if not options.discretisation:
        notes.append("discretisation: zero-order hold is assumed (--discretisation)")
    notes.insert(0, f"encoder {encoder_name}, {stack.layers} layers {stack.root}{stack.container}")
    return Found(config, {name: np.ascontiguousarray(v, np.float32) for name, v in tensors.items()}, notes)


def _position(options: Options, model: str, has_final_norm: bool, notes: list[str]) -> str:
    if has_final_norm:
        if options.norm_position == "post":
            raise ImportFailure(
                "the network has a norm behind its last layer, as networks with norms before their layers "
                "have; leave --norm-position out"
            )
        notes.append("norms stand before the layers, as a norm behind the last one tells")
        return "pre"
    if options.norm_position:
        return options.norm_position
    position = "pre" if model == "spiking_ssm" else "post"
    words = "before the layers" if position == "pre" else "after the sums"
    notes.append(f"norms: {words} is assumed, as the public training has them (--norm-position)")
    return position


def _channels(parts: Parts, stack: Stack) -> int:
    """H, from the skip path's vector."""
    name = _skip_name(parts, stack, 0)
    shape = parts.shape(name)
    if not shape or max(shape) != int(np.prod(shape)):
        raise ImportFailure(
            f"{parts.source}: {some([name])} has shape {shape}, which is no vector of channels: a "
            "bidirectional network or one with several kernels a channel cannot be streamed"
        )
    return int(np.prod(shape))


def _skip_name(parts: Parts, stack: Stack, layer: int) -> str:
    """Name of D: in a module around the kernel, or beside it."""
    modules = stack.inner.removesuffix(".").split(".") if stack.inner else []
    around = [".".join([*modules[:depth], "D"]) for depth in range(len(modules), -1, -1)]
    # The module right around the kernel is where it should be.
    expected = around[1] if modules else around[0]
    prefix = stack.prefix(layer)
    return prefix + next((name for name in around if parts.has(prefix + name)), expected)


def _encoder(
    parts: Parts, stack: Stack, channels: int, options: Options, notes: list[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """Weight (H, F), bias (H,) and what it is called."""
    name, weight, bias = _ends(parts, stack, ENCODERS, "encoder")
    if weight.ndim == 3 and weight.shape[2] == 1:
        weight = weight[:, :, 0]
    fits_linear, fits_table = weight.shape[0] == channels, weight.shape[-1] == channels and bias is None
    if weight.ndim != 2 or not (fits_linear or fits_table):
        raise ImportFailure(
            f"{parts.source}: {some([name])} has shape {weight.shape}, which is no linear encoder or "
            f"embedding of {channels} channels"
        )
    table = fits_table and (
        options.encoder == "token" or not fits_linear or (not options.encoder and "embed" in name)
    )
    if options.encoder and (options.encoder == "token") != table:
        raise ImportFailure(
            f"{parts.source}: {some([name])} does not have the shape of --encoder {options.encoder}"
        )
    if fits_table and fits_linear and not options.encoder:
        notes.append(
            f"encoder: a {'table of tokens' if table else 'linear layer'} is assumed, for its matrix is "
            "square (--encoder)"
        )
    if table:
        notes.append(f"a table of {len(weight)} tokens: the network takes one-hot steps")
        weight = weight.T
    if bias is None:
        bias = np.zeros(channels)
    return weight, _vector(parts, f"{name}.bias", bias, channels), name


def _end(
    parts: Parts, stack: Stack, names: tuple[str, ...], channels: int, what: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weight (classes, H) and bias (classes,) of the decoder."""
    name, weight, bias = _ends(parts, stack, names, what)
    if weight.ndim == 3 and weight.shape[2] == 1:
        weight = weight[:, :, 0]
    if weight.ndim != 2 or weight.shape[1] != channels:
        raise ImportFailure(
            f"{parts.source}: {some([name])} has shape {weight.shape}; a {what} of {channels} channels has "
            f"(classes, {channels})"
        )
    bias = np.zeros(len(weight)) if bias is None else bias
    return weight, _vector(parts, f"{name}.bias", bias, len(weight))


def _ends(
    parts: Parts, stack: Stack, names: tuple[str, ...], what: str
) -> tuple[str, NDArray[Any], NDArray[Any] | None]:
    """The one weight, and perhaps bias, of a module in the network's own or in one around it."""
    module = stack.root
    while True:
        for name in names:
            prefix = f"{module}{name}."
            found = parts.below(prefix)
            if not found:
                continue
            weights = [tensor for tensor in found if tensor.endswith("weight")]
            biases = [tensor for tensor in found if tensor.endswith("bias")]
            if len(weights) != 1 or len(biases) > 1 or len(found) != len(weights) + len(biases):
                raise ImportFailure(
                    f"{parts.source}: the {what} has the tensors {some(found)}; one weight and one bias "
                    "are what an S4D network has there"
                )
            weight = parts.take(prefix + weights[0])
            bias = parts.take(prefix + biases[0]) if biases else None
            return f"{name}.{weights[0]}".removesuffix(".weight"), weight, bias
        if not module:
            raise ImportFailure(
                f"{parts.source}: no {what} is found; looked for {', '.join(names[:3])} and the like beside "
                f"{stack.container}"
            )
        module = module.removesuffix(".").rpartition(".")[0]
        module = f"{module}." if module else ""


def _vector(parts: Parts, name: str, value: NDArray[Any], length: int) -> NDArray[np.float64]:
    if value.shape != (length,):
        raise ImportFailure(f"{parts.source}: {some([name])} has shape {value.shape}, not ({length},)")
    return value.astype(np.float64)


class _Block:
    """One layer: its tensors under our names, its model, modes and kind of norm."""

    def __init__(
        self, parts: Parts, stack: Stack, layer: int, channels: int, options: Options, notes: list[str]
    ) -> None:
        self.parts, self.channels = parts, channels
        prefix = stack.prefix(layer)
        skip = parts.take_as(_skip_name(parts, stack, layer), (channels,), (1, channels), (channels, 1))
        kernel, done = read_kernel(parts, prefix + stack.inner, channels)
        notes += [note for note in done if note not in notes]
        self.modes = kernel["C"].shape[1]
        self.tensors: dict[str, Any] = {f"ssm.{name}": value for name, value in kernel.items()}
        self.tensors["ssm.D"] = skip
        threshold = self._threshold(prefix)
        self.norm = self._norm(
            [f"{stack.root}norms.{layer}.", f"{prefix}norm.", f"{stack.root}norm.{layer}."]
        )
        self.model = self._unit(prefix, threshold, options)

    def _threshold(self, prefix: str) -> NDArray[np.float64] | None:
        """Logarithm of an integrate-and-fire neuron's threshold (H,), if the layer has one."""
        for name in self.parts.below(prefix):
            if name.split(".")[-1] in THRESHOLDS:
                shapes = (self.channels,), (self.channels, 1), (1, self.channels)
                return self.parts.take_as(prefix + name, *shapes)
        return None

    def _norm(self, prefixes: list[str]) -> str:
        """Take the layer's norm, a LayerNorm or a BatchNorm."""
        prefix = next((prefix for prefix in prefixes if self.parts.has(f"{prefix}weight")), None)
        if prefix is None:
            raise ImportFailure(
                f"{self.parts.source}: a layer has no norm with weight and bias: looked for {some(prefixes)}"
            )
        batch = self.parts.has(f"{prefix}running_mean")
        names = ("weight", "bias", *(RUNNING_STATISTICS if batch else ()))
        for name in names:
            self.tensors[f"norm.{name}"] = self.parts.take_as(prefix + name, (self.channels,))
        return "batch" if batch else "layer"

    def _unit(self, prefix: str, threshold: NDArray[np.float64] | None, options: Options) -> str:
        """Take what is left of the layer, its mixer, and return the model that has such."""
        parts, channels = self.parts, self.channels
        left = parts.below(prefix)
        weights = [name for name in left if len(parts.shape(prefix + name)) > 1]
        if len(weights) != 1:
            raise ImportFailure(
                f"{parts.source}: a layer has the tensors {some(left) or '(none)'} behind its state-space "
                "model; one matrix (2H, H) and its bias are what S4D has there"
            )
        name = prefix + weights[0]
        module = name.rpartition(".")[0] + "."
        rows = parts.shape(name)[0]
        weight = parts.take_as(name, (rows, channels), (rows, channels, 1))
        bias = parts.take_as(f"{module}bias", (rows,)) if parts.has(f"{module}bias") else np.zeros(rows)
        if rows == 2 * channels:
            model = "spiking_ssm" if threshold is not None else options.model or "s4d"
            if options.model not in ("", model) or model not in GATED:
                raise ImportFailure(
                    f"{parts.source}: its mixers are gated linear units"
                    f"{' with thresholds' if threshold is not None else ''}, which {options.model} has not; "
                    f"--model may be {'spiking_ssm' if threshold is not None else ', '.join(GATED[:4])}"
                )
            if model == "spiking_ssm":
                if threshold is None:
                    raise ImportFailure(f"{parts.source}: no layer has a threshold, which spiking_ssm needs")
                self.tensors["unit.log_threshold"] = threshold
            # A pointwise gated linear unit: its first half is gated by its second.
            self.tensors |= {
                "unit.value.weight": weight[:channels],
                "unit.value.bias": bias[:channels],
                "unit.gate.weight": weight[channels:],
                "unit.gate.bias": bias[channels:],
            }
            return model
        if rows != channels or threshold is not None:
            raise ImportFailure(
                f"{parts.source}: a mixer has {rows} rows; for {channels} channels it has {2 * channels} "
                f"(a gated linear unit) or {channels} (a Gated Spiking Unit, or resonate-and-fire)"
            )
        # A linear layer or a convolution multiplies by its transpose, the paper's bare matrix does not.
        from_left = weight.T if name.endswith("weight") else weight
        return self._square(prefix, from_left, bias, options)

    def _square(
        self, prefix: str, weight: NDArray[np.float64], bias: NDArray[np.float64], options: Options
    ) -> str:
        """A mixer of H x H, for rows from the left: of a Gated Spiking Unit, or resonate-and-fire."""
        parts, channels = self.parts, self.channels
        left = parts.below(prefix)
        model = options.model or ("gsu" if left else "prf")
        if model == "prf":
            self.tensors |= {"unit.mix.weight": weight.T, "unit.mix.bias": bias}
            return model
        wanted = UNIT_TENSORS.get(model, lambda channels: {})(channels)
        norms = {name: name.removeprefix("norm.") for name in wanted if name.startswith("norm.")}
        if "weight" not in wanted or not norms:
            raise ImportFailure(
                f"{parts.source}: its mixers are square, which {model} has not; --model may be gsu, "
                "gsu_lean or prf"
            )
        self.tensors |= {"unit.weight": weight, "unit.bias": bias}
        for name, suffix in norms.items():
            holders = [tensor for tensor in parts.below(prefix) if tensor.split(".")[-1] == suffix]
            if len(holders) != 1:
                found = some(holders) or "no tensor"
                raise ImportFailure(
                    f"{parts.source}: a layer has {found} for the {suffix} of the norm that {model} has "
                    "behind its product"
                )
            self.tensors[f"unit.{name}"] = parts.take_as(prefix + holders[0], (channels,))
        return model
