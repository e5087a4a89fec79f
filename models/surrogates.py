"""Surrogate gradients: what stands for the derivative of the step function in the backward pass.

Every derivative is an even function of the distance to the threshold; `models.units` relies on that.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from quantize.errors import StatespikeError

FAST_SIGMOID_SLOPE = 25.0

Derivative = Callable[[Tensor], Tensor]


def fast_sigmoid(distance: Tensor) -> Tensor:
    """1/(1 + 25 |x|)^2, the derivative of the committed code of Stan & Rhodes (2024)."""
    return (distance.abs().mul_(FAST_SIGMOID_SLOPE).add_(1)).square_().reciprocal_()


def arctan(distance: Tensor) -> Tensor:
    """1/(1 + (pi x)^2), the surrogate of the better results of Stan & Rhodes (2024)."""
    return (distance * math.pi).square_().add_(1).reciprocal_()


def triangle(distance: Tensor) -> Tensor:
    """max(0, 1 - |x|), the surrogate of SpikingSSM (Shen et al. 2024)."""
    return distance.abs().neg_().add_(1).clamp_(min=0)


def straight_through(distance: Tensor) -> Tensor:
    """1 where |x| <= 1, else 0: the step function passes the gradient near its threshold."""
    return (distance.abs() <= 1).to(distance.dtype)


SURROGATES: dict[str, Derivative] = {
    "fast_sigmoid": fast_sigmoid,
    "arctan": arctan,
    "triangle": triangle,
    "straight_through": straight_through,
}


def surrogate(name: str) -> Derivative:
    """Look a surrogate up by name."""
    if name not in SURROGATES:
        raise StatespikeError(f"unknown surrogate {name!r}; choose one of {', '.join(SURROGATES)}")
    return SURROGATES[name]


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, derivative: Derivative) -> Tensor:
        ctx.save_for_backward(x)
        ctx.derivative = derivative
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return ctx.derivative(x).mul_(gradients[0]), None


def spike(x: Tensor, derivative: Derivative) -> Tensor:
    """Theta(x) = 1 if x > 0 else 0, with `derivative` for its gradient; same shape as x."""
    result: Tensor = _Spike.apply(x, derivative)
    return result
