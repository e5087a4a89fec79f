"""A network from the published equations, step by step, and its tensors in other programs' layouts."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from scipy.special import erf, expit

STEPS = 19
ACTIVATIONS = {
    "s4d": lambda y: y * 0.5 * (1 + erf(y / np.sqrt(2))),
    "binary_s4d": lambda y: (y > 0).astype(float),
    "tanh": np.tanh,
    "sigmoid": expit,
}


@dataclass
class Plain:
    """Parameters of a drawn network, and what it computes."""

    model: str = "s4d"
    prenorm: bool = False
    final_norm: bool = False
    batch_norm: bool = False
    pooling: str = "mean"
    discretisation: str = "zoh"
    real: bool = False
    step_per_mode: bool = False
    sets: int = 0
    input_matrix: bool = False
    features: int = 2
    channels: int = 6
    modes: int = 3
    layers: int = 2
    classes: int = 5
    seed: int = 0
    tensors: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        draw = np.random.default_rng(self.seed)
        h, n = self.channels, self.modes
        sets = self.sets or h

        def normal(*shape: int, scale: float = 1.0) -> Any:
            # What a file in single precision can hold.
            return draw.normal(0, scale, shape).astype(np.float32).astype(np.float64)

        t = {"encoder.weight": normal(h, self.features), "encoder.bias": normal(h)}
        for layer in range(self.layers):
            t |= {f"{layer}.{name}": value for name, value in {
                "C": normal(h, n) + 1j * (0 if self.real else 1) * normal(h, n),
                "log_dt": normal(h, n if self.step_per_mode else 1, scale=0.5) - 3,
                "log_A_real": normal(sets, n, scale=0.3) - 0.7,
                "A_imag": np.zeros((sets, n)) if self.real else np.abs(normal(sets, n, scale=4)),
                "B": normal(sets, n) + 1j * normal(sets, n) if self.input_matrix else np.ones((sets, n)),
                "D": normal(h),
                "weight": normal(2 * h, h, scale=0.5), "bias": normal(2 * h),
                "norm.weight": 1 + normal(h, scale=0.3), "norm.bias": normal(h),
                "norm.mean": normal(h), "norm.var": np.abs(normal(h)) + 0.5,
                "ln_vth": normal(h, scale=0.3),
            }.items()}  # fmt: skip
        t |= {"norm.weight": 1 + normal(h, scale=0.3), "norm.bias": normal(h)}
        t |= {"norm.mean": normal(h), "norm.var": np.abs(normal(h)) + 0.5}
        self.tensors = t | {"decoder.weight": normal(self.classes, h), "decoder.bias": normal(self.classes)}

    def logits(self, x: Any) -> Any:
        """(B, T, F) to (B, classes), one step after the other."""
        t = self.tensors
        hidden = x @ t["encoder.weight"].T + t["encoder.bias"]
        for layer in range(self.layers):
            given = self._norm(hidden, layer) if self.prenorm else hidden
            hidden = hidden + self._unit(self._state_space(given, layer), layer)
            hidden = hidden if self.prenorm else self._norm(hidden, layer)
        if self.final_norm:
            hidden = self._normalised(hidden, "norm")
        pooled = hidden.mean(1) if self.pooling == "mean" else hidden[:, -1]
        return pooled @ t["decoder.weight"].T + t["decoder.bias"]

    def _norm(self, x: Any, layer: int) -> Any:
        return self._normalised(x, f"{layer}.norm")

    def _normalised(self, x: Any, norm: str) -> Any:
        weight, bias, mean, var = (self.tensors[f"{norm}.{k}"] for k in ("weight", "bias", "mean", "var"))
        if self.batch_norm:
            return (x - mean) / np.sqrt(var + 1e-5) * weight + bias
        return layer_norm(x, weight, bias)

    def _state_space(self, u: Any, layer: int) -> Any:
        t = {
            name: self.tensors[f"{layer}.{name}"]
            for name in ("C", "log_dt", "log_A_real", "A_imag", "B", "D")
        }
        poles, given = (
            np.tile(value, (self.channels // len(value), 1))
            for value in (-np.exp(t["log_A_real"]) + 1j * t["A_imag"], t["B"])
        )
        step = np.exp(t["log_dt"])
        if self.discretisation == "zoh":
            discrete = np.exp(step * poles)
            drive = (discrete - 1) / poles * given
        else:
            discrete = (1 + step * poles / 2) / (1 - step * poles / 2)
            drive = step / (1 - step * poles / 2) * given
        state = np.zeros((len(u), *discrete.shape), complex)
        out = np.empty_like(u)
        for i in range(u.shape[1]):
            state = discrete * state + drive * u[:, i, :, None]
            y = (t["C"] * state).sum(-1).real
            out[:, i] = (1 if self.real else 2) * y + t["D"] * u[:, i]
        return out

    def _unit(self, y: Any, layer: int) -> Any:
        if self.model == "spiking_ssm":
            drive, potential = y / np.exp(self.tensors[f"{layer}.ln_vth"]), np.zeros_like(y[:, 0])
            active = np.empty_like(y)
            for i in range(y.shape[1]):
                potential = potential / 8 + drive[:, i]
                active[:, i] = potential >= 1
                potential = np.where(active[:, i] > 0, 0, potential)
        else:
            active = ACTIVATIONS[self.model](y)
        mixed = active @ self.tensors[f"{layer}.weight"].T + self.tensors[f"{layer}.bias"]
        value, gate = np.split(mixed, 2, -1)
        return value * expit(gate)

    def example(self) -> dict[str, torch.Tensor]:
        """The state dict of state-spaces/s4's example.py around s4d.py."""
        t = self.tensors
        found: dict[str, Any] = {}
        for end in ("encoder", "decoder"):
            found |= {f"{end}.{k}": t[f"{end}.{k}"] for k in ("weight", "bias")}
        for layer in range(self.layers):
            prefix = f"s4_layers.{layer}"
            found |= {
                f"{prefix}.D": t[f"{layer}.D"],
                f"{prefix}.kernel.C": pairs(t[f"{layer}.C"]),
                f"{prefix}.kernel.log_dt": t[f"{layer}.log_dt"].squeeze(),
                f"{prefix}.kernel.log_A_real": t[f"{layer}.log_A_real"],
                f"{prefix}.kernel.A_imag": t[f"{layer}.A_imag"],
                f"{prefix}.output_linear.0.weight": t[f"{layer}.weight"][:, :, None],
                f"{prefix}.output_linear.0.bias": t[f"{layer}.bias"],
                **self._norm_tensors(f"norms.{layer}", f"{layer}.norm"),
            }
            if self.model == "spiking_ssm":
                found[f"{prefix}.ln_vth"] = t[f"{layer}.ln_vth"][:, None]
        return as_torch(found)

    def trainer(self) -> dict[str, torch.Tensor]:
        """The state dict of state-spaces/s4's train.py: S4Block with SSMKernelDiag in a LightningModule."""
        t = self.tensors
        found = {f"encoder.0.{k}": t[f"encoder.{k}"] for k in ("weight", "bias")}
        found |= {f"decoder.0.output_transform.{k}": t[f"decoder.{k}"] for k in ("weight", "bias")}
        for layer in range(self.layers):
            prefix = f"model.layers.{layer}.layer.layer"
            found |= {
                f"{prefix}.D": t[f"{layer}.D"][None],
                f"{prefix}.kernel.inv_dt": t[f"{layer}.log_dt"],
                f"{prefix}.kernel.A_real": t[f"{layer}.log_A_real"],
                f"{prefix}.kernel.A_imag": -t[f"{layer}.A_imag"],
                f"{prefix}.kernel.B": pairs(t[f"{layer}.B"])[None],
                f"{prefix}.kernel.C": pairs(t[f"{layer}.C"])[None],
                f"model.layers.{layer}.layer.output_linear.weight": t[f"{layer}.weight"],
                f"model.layers.{layer}.layer.output_linear.bias": t[f"{layer}.bias"],
                **self._norm_tensors(f"model.layers.{layer}.norm", f"{layer}.norm"),
            }
        if self.final_norm:
            found |= self._norm_tensors("model.norm", "norm")
        return as_torch(found)

    def _norm_tensors(self, prefix: str, norm: str) -> dict[str, Any]:
        names = {"weight": "weight", "bias": "bias"}
        if self.batch_norm:
            names |= {"running_mean": "mean", "running_var": "var"}
        found = {f"{prefix}.{theirs}": self.tensors[f"{norm}.{ours}"] for theirs, ours in names.items()}
        return found | ({f"{prefix}.num_batches_tracked": np.array(7)} if self.batch_norm else {})


def layer_norm(x: Any, weight: Any, bias: Any) -> Any:
    """LayerNorm over the last axis."""
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * weight + bias


def pairs(values: Any) -> Any:
    """Complex numbers as pairs on a last axis."""
    values = values.astype(complex)
    return np.stack([values.real, values.imag], -1)


def as_torch(found: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Arrays as tensors in single precision."""
    return {
        name: torch.tensor(value, dtype=torch.int64 if np.ndim(value) == 0 else torch.float32)
        for name, value in found.items()
    }


def drawn_inputs(features: int, seed: int = 1) -> Any:
    """Real sequences (B, T, F)."""
    return np.random.default_rng(seed).normal(size=(4, STEPS, features))
