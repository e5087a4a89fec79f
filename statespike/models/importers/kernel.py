"""A layer's diagonal state-space model in the many forms that it is stored in, brought to our own.

All that matters are the discrete poles and the products of input and output matrices, so each form becomes
ours exactly: B goes into C, steps for single modes become a change of A and C, tied poles are repeated, and
real modes are complex ones without an imaginary part.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantize.checkpoint import Tensor
from statespike.models.importers.failure import ImportFailure, some
from statespike.models.importers.parts import Parts

Complex = NDArray[np.complex128]
DECAYS = ("log_A_real", "A_real", "inv_A_real")
STEPS = ("log_dt", "inv_dt")


def read_kernel(parts: Parts, prefix: str, channels: int) -> tuple[dict[str, Tensor], list[str]]:
    """Return `C` (H, N, 2), `log_dt` (H), `log_A_real` and `A_imag` (H, N), and what was done to get there.

    Parameters
    ----------
    parts : Parts
    prefix : str
        Of the kernel's tensors.
    channels : int
        H.

    Raises
    ------
    ImportFailure
        When a tensor is missing or does not fit the others, or the model is bidirectional.
    """
    notes: list[str] = []
    real = not parts.has(f"{prefix}A_imag")
    name = next((name for name in DECAYS if parts.has(prefix + name)), DECAYS[0])
    modes = parts.shape(prefix + name)[-1] if parts.shape(prefix + name) else 0
    readout = _matrix(parts, f"{prefix}C", channels, modes, real)
    log_decay = _poles(parts, prefix + name, channels, modes, notes)
    # The kernel of the repository's trainer, known by its B and inv_dt, means A = -exp(A_real) - i A_imag.
    step_name = next((name for name in STEPS if parts.has(prefix + name)), STEPS[0])
    sign = -1.0 if step_name == "inv_dt" else 1.0
    imaginary = (
        np.zeros((channels, modes)) if real else sign * _poles(parts, f"{prefix}A_imag", channels, modes, [])
    )
    if real:
        notes.append("real modes: each becomes a complex one without an imaginary part, with half its C")
        readout = readout / 2
    if parts.has(f"{prefix}B"):
        notes.append("B is multiplied into C")
        readout = readout * _matrix(parts, f"{prefix}B", channels, modes, real)
    log_dt = _steps(parts, prefix + step_name, channels, modes)
    if log_dt.shape[1] > 1:
        notes.append("steps for single modes become steps for channels, with A and C changed to match")
        common = log_dt.mean(1, keepdims=True)
        ratio = np.exp(log_dt - common)
        log_decay, imaginary, readout = log_decay + np.log(ratio), imaginary * ratio, readout * ratio
        log_dt = common
    pairs = np.stack([readout.real, readout.imag], -1)
    found = {"C": pairs, "log_dt": log_dt[:, 0], "log_A_real": log_decay, "A_imag": imaginary}
    return {name: np.ascontiguousarray(value, np.float32) for name, value in found.items()}, notes


def _matrix(parts: Parts, name: str, channels: int, modes: int, real: bool) -> Complex:
    """C or B as complex (H, N), from complex numbers, pairs on a last axis, or real numbers."""
    found = parts.take(name)
    if not np.iscomplexobj(found):
        pairs = found.ndim >= 3 and found.shape[-2:] == (modes, 2)
        if not pairs and not (real and found.ndim in (2, 3) and found.shape[-1] == modes):
            raise ImportFailure(
                f"{parts.source}: tensor {some([name])} has shape {found.shape}; it should hold complex "
                "numbers, or pairs on its last axis"
            )
        found = found[..., 0] + 1j * found[..., 1] if pairs else found.astype(np.complex128)
    if found.ndim == 3:
        if len(found) != 1:
            raise ImportFailure(
                f"{parts.source}: a bidirectional or multi-kernel network: {some([name])} has {len(found)} "
                "kernels a channel; a stream of samples cannot be read from its end"
            )
        found = found[0]
    if found.ndim != 2 or found.shape[1] != modes or not len(found) or channels % len(found):
        raise ImportFailure(
            f"{parts.source}: tensor {some([name])} has shape {found.shape}, which does not fit "
            f"{channels} channels"
        )
    return _repeated(found.astype(np.complex128), channels)


def _poles(parts: Parts, name: str, channels: int, modes: int, notes: list[str]) -> NDArray[np.float64]:
    """Real numbers of poles (S, N), repeated for all channels where S sets are shared by H of them."""
    shape = parts.shape(name)
    sets = shape[-2] if len(shape) >= 2 else 0
    if sets < 1 or channels % sets:
        raise ImportFailure(
            f"{parts.source}: tensor {some([name])} has shape {shape}, which does not fit {channels} channels"
        )
    if sets < channels:
        notes.append(f"{sets} sets of poles are repeated over {channels} channels")
    return _repeated(parts.take_as(name, (sets, modes), (1, sets, modes)), channels)


def _steps(parts: Parts, name: str, channels: int, modes: int) -> NDArray[np.float64]:
    """Logarithms of step sizes, (H, 1) or (H, N)."""
    shape = parts.shape(name)
    if shape[-1:] == (modes,) and shape[-2:-1] == (channels,):
        return parts.take_as(name, (channels, modes), (1, channels, modes))
    return parts.take_as(name, (channels, 1), (channels,), (1, channels), (1, channels, 1))


def _repeated(array: NDArray[Any], channels: int) -> NDArray[Any]:
    """Sets (S, N) dealt out to the channels in turn: channel h has set h mod S."""
    return np.tile(array, (channels // len(array), 1))
