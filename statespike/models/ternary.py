"""Ternary values of the Gated Spiking Unit: the sign where a magnitude stands out, else zero."""

from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from quantize.constants import THRESHOLD_PARTS, TWENTIETHS
from statespike.models.surrogates import Derivative, spike

_ROWS_AT_ONCE = 4096
"""Rows that pass through all operations together: few enough to stay in the processor's cache."""


class _Ternarise(torch.autograd.Function):
    """Both Theta and their common threshold in one function over the rows of a matrix (R, H).

    Written by hand, since this is a dozen passes over the largest tensors of the network. Every surrogate is
    even, so the gradient of Theta(-x - d) is that of x + d.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, derivative: Derivative, share: float) -> Tensor:
        result = torch.empty_like(x)
        peak = x.new_empty(len(x), 1)
        for start in range(0, len(x), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            magnitude = x[rows].abs()
            torch.amax(magnitude, -1, keepdim=True, out=peak[rows])
            stands_out = magnitude.gt_(peak[rows] * share)
            torch.sign(x[rows], out=result[rows]).mul_(stands_out)
        ctx.save_for_backward(x, peak)
        ctx.derivative = derivative
        ctx.share = share
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        x, peak = ctx.saved_tensors
        result = torch.empty_like(x)
        for start in range(0, len(x), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            values, largest, gradient = x[rows], peak[rows], gradients[0][rows]
            threshold = largest * ctx.share
            above = ctx.derivative(values - threshold).mul_(gradient)
            below = ctx.derivative(values + threshold).mul_(gradient)
            at_peak = values.abs().eq_(largest)
            of_peak = (below - above).sum(-1, keepdim=True).mul_(ctx.share)
            of_peak.div_(at_peak.sum(-1, keepdim=True))
            result[rows] = above.add_(below).addcmul_(at_peak.mul_(values.sign()), of_peak)
        return result, None, None


def ternarise(x: Tensor, derivative: Derivative, twentieths: int = TWENTIETHS) -> Tensor:
    """Theta(x - d) - Theta(-x - d) with d = twentieths / 20 max |x| over the last axis: -1, 0 or 1.

    The maximum stays in the graph: its gradient goes to the element that sets it, in even parts if there are
    several. Stan & Rhodes (2024), the Gated Spiking Unit.
    """
    result: Tensor = _Ternarise.apply(x.reshape(-1, x.shape[-1]), derivative, twentieths / THRESHOLD_PARTS)
    return result.reshape(x.shape)


def ternary(x: Tensor, threshold: Fraction, derivative: Derivative) -> Tensor:
    """Theta(x - d) - Theta(-x - d) with a constant d: -1, 0 or 1, same shape as x."""
    distance = float(threshold)
    return spike(x - distance, derivative) - spike(-x - distance, derivative)
