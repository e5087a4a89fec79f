"""Surrogate gradients: what stands for the derivative of the step function in the backward pass.

Every derivative is an even function of the distance to the threshold; `statespike.models.units`
relies on that.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from quantize.errors import StatespikeError, look_up

Derivative = Callable[[Tensor], Tensor]

SEPARATOR = ":"


def fast_sigmoid(distance: Tensor, slope: float = 25.0) -> Tensor:
    """1/(1 + slope |x|)^2; 25 is the slope of the committed code of Stan & Rhodes (2024)."""
    return (distance.abs().mul_(slope).add_(1)).square_().reciprocal_()


def arctan(distance: Tensor, alpha: float = 2.0) -> Tensor:
    """alpha/2 / (1 + (pi/2 alpha x)^2), the surrogate of the better results of Stan & Rhodes (2024)."""
    peak = alpha / 2
    return (distance * (math.pi * peak)).square_().add_(1).reciprocal_().mul_(peak)


def triangle(distance: Tensor) -> Tensor:
    """max(0, 1 - |x|), the surrogate of SpikingSSM (Shen et al. 2024)."""
    return distance.abs().neg_().add_(1).clamp_(min=0)


def straight_through(distance: Tensor) -> Tensor:
    """1 where |x| <= 1, else 0: the step function passes the gradient near its threshold."""
    return (distance.abs() <= 1).to(distance.dtype)


def no_step(distance: Tensor) -> Tensor:
    """For models without a step function, which never ask."""
    raise AssertionError("a model without a step function asked for a surrogate gradient")


SURROGATES: dict[str, Derivative] = {
    "fast_sigmoid": fast_sigmoid,
    "arctan": arctan,
    "triangle": triangle,
    "straight_through": straight_through,
}
SHARPNESS = {"fast_sigmoid": "slope", "arctan": "alpha"}
"""Surrogates with a parameter, and its name."""


def surrogate(text: str) -> Derivative:
    """Look a surrogate up by name, with its parameter if wanted: "arctan", "arctan:4", "fast_sigmoid:10"."""
    if not text:
        return no_step
    name, separator, number = text.partition(SEPARATOR)
    derivative = look_up(SURROGATES, name, "surrogate")
    if not separator:
        return derivative
    if name not in SHARPNESS:
        raise StatespikeError(f"surrogate {name} has no parameter; leave {separator}{number} out")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise StatespikeError(f"{SHARPNESS[name]} of {name} is {number!r}; give a number greater than 0")
    return partial(derivative, **{SHARPNESS[name]: value})


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
