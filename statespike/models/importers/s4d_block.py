"""One layer of an S4D network of another program."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantize.configuration import RUNNING_STATISTICS
from quantize.kinds import UNITS
from statespike.models.importers.failure import ImportFailure, some
from statespike.models.importers.kernel import read_kernel
from statespike.models.importers.options import Options
from statespike.models.importers.parts import Parts
from statespike.models.importers.weights import Stack

THRESHOLDS = ("ln_vth", "log_threshold")

GATED = ("s4d", "binary_s4d", "tanh", "sigmoid", "spiking_ssm")
"""Models whose unit is a gated linear unit behind an activation, which leaves no trace in the tensors."""


def skip_name(parts: Parts, stack: Stack, layer: int) -> str:
    """Name of D: in a module around the kernel, or beside it."""
    modules = stack.inner.removesuffix(".").split(".") if stack.inner else []
    around = [".".join([*modules[:depth], "D"]) for depth in range(len(modules), -1, -1)]
    # The module right around the kernel is where it should be.
    expected = around[1] if modules else around[0]
    prefix = stack.prefix(layer)
    return prefix + next((name for name in around if parts.has(prefix + name)), expected)


class S4dBlock:
    """One layer: its tensors under our names, its model, modes and kind of norm."""

    def __init__(
        self, parts: Parts, stack: Stack, layer: int, channels: int, options: Options, notes: list[str]
    ) -> None:
        self.parts, self.channels = parts, channels
        prefix = stack.prefix(layer)
        skip = parts.take_as(skip_name(parts, stack, layer), (channels,), (1, channels), (channels, 1))
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
        wanted = UNITS[model].tensors(channels) if model in UNITS else {}
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
