"""Causal convolution by FFT with a backward pass written by hand."""

from typing import Any

import torch
from torch import Tensor
from torch.fft import irfft, rfft

_SEQUENCES_AT_ONCE = 4
"""Sequences that pass through all operations together: few enough to stay in the processor's cache."""


def fast_length(minimum: int) -> int:
    """Return the smallest even FFT length of at least `minimum` with no prime factor above 7."""
    length = minimum + minimum % 2
    while not _is_smooth(length):
        length += 2
    return length


def _is_smooth(number: int) -> bool:
    for factor in (2, 3, 5, 7):
        while number % factor == 0:
            number //= factor
    return number == 1


class _CausalConvolution(torch.autograd.Function):
    """y[t] = sum_s k[s] u[t-s] for t < T, through spectra padded to 2T - 1 or more.

    The backward pass is two correlations with spectra that the forward pass already has; plain autograd would
    copy conjugates and padded arrays of the size of the whole batch.
    """

    @staticmethod
    def forward(ctx: Any, u: Tensor, taps: Tensor) -> Tensor:
        batch, steps, channels = u.shape
        length = fast_length(2 * steps - 1)
        response = rfft(taps, n=length)
        spectra = response.new_empty(batch, channels, length // 2 + 1)
        result = torch.empty_like(u, memory_format=torch.contiguous_format)
        for start in range(0, batch, _SEQUENCES_AT_ONCE):
            part = slice(start, start + _SEQUENCES_AT_ONCE)
            rfft(u[part].transpose(1, 2), n=length, out=spectra[part])
            result[part] = _first_steps(spectra[part] * response, length, steps)
        ctx.save_for_backward(spectra, response)
        ctx.length = length
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        spectra, response = ctx.saved_tensors
        batch, steps, _ = gradients[0].shape
        mirrored = response.conj().resolve_conj()
        for_input = torch.empty_like(gradients[0], memory_format=torch.contiguous_format)
        correlation = torch.zeros_like(response)
        for start in range(0, batch, _SEQUENCES_AT_ONCE):
            part = slice(start, start + _SEQUENCES_AT_ONCE)
            gradient = rfft(gradients[0][part].transpose(1, 2), n=ctx.length)
            correlation += (spectra[part] * gradient.conj()).sum(0)
            for_input[part] = _first_steps(gradient.mul_(mirrored), ctx.length, steps)
        for_taps = irfft(correlation.conj(), n=ctx.length)[..., :steps]
        return for_input, for_taps


def _first_steps(spectra: Tensor, length: int, steps: int) -> Tensor:
    """Transform back, (B, H, length/2 + 1) -> (B, steps, H)."""
    return irfft(spectra, n=length)[..., :steps].transpose(1, 2)


def causal_convolution(u: Tensor, taps: Tensor) -> Tensor:
    """Convolve sequences with their channel's impulse response.

    Parameters
    ----------
    u : Tensor (B, T, H)
    taps : Tensor (H, T)

    Returns
    -------
    Tensor (B, T, H)
    """
    result: Tensor = _CausalConvolution.apply(u, taps)
    return result
