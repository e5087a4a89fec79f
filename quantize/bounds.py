"""How far states and sums of an array can go, whatever the input and however long: from impulse responses.

A mode is a linear recurrence of two integers with a rounding error of half a unit where it rounds. Inputs of
a magnitude A then move a sum C x of its states by at most

    A sum_k |C M^k b| + 1/2 sum_e sum_k |C M^k e|

over the directions e of its rounding errors. The first steps are summed one by one. The rest is bounded by a
geometric series of the two poles, so the bound holds for sequences of any length. The first part is reached
by the input that has the signs of the impulse response, reversed. Without an input the second part alone is
left: it bounds what rounding keeps alive for ever, the zero-input limit cycles.

All of this is about a mode that does not saturate. One that may is bounded by its width instead.
"""

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from quantize.formats import signed_width
from quantize.layers.array import ArraySpec
from quantize.layers.glu import LEAK_SHIFT, FireGluSpec
from quantize.network import QuantizedNetwork

Real = NDArray[np.float64]
MOST_TERMS = 1 << 16
"""Steps of an impulse response that are summed one by one."""
TAIL = 1e-4
"""Share of a sum at which the bound on its rest ends that earlier."""


@dataclass(frozen=True)
class ArrayBounds:
    """Bounds of one array, in units of its integers.

    Parameters
    ----------
    names : tuple of str
        Of a mode's states.
    states, cycles : (H, N, states)
        Magnitudes that no state exceeds with inputs of the amplitude asked for; and, after any input, once
        it has been zero for long enough.
    limit : int
        The largest state. Above it a state may saturate.
    safe : int
        Inputs of up to this magnitude never saturate a state.
    feedback : (H, N) or None
        Of the aligned sum of a mode's products, of kinds that have one.
    feedback_width : int or None
        Bits that the circuit has for it.
    accumulator, ripple : (H,)
        Of the sum that y is rounded from, and of what limit cycles leave of it.
    """

    names: tuple[str, ...]
    states: Real
    cycles: Real
    limit: int
    safe: int
    feedback: Real | None
    feedback_width: int | None
    accumulator: Real
    ripple: Real

    @property
    def saturating(self) -> NDArray[np.bool_]:
        """Whether a state of each mode may saturate, (H, N)."""
        return np.any(self.states > self.limit, axis=-1)


def array_bounds(spec: ArraySpec, amplitude: int | None = None) -> ArrayBounds:
    """Bounds of an array for inputs u of magnitudes up to `amplitude`, by default all its format holds."""
    modes = spec.linear()
    largest = 1 << (spec.input.width - 1)
    reach = float(largest if amplitude is None else amplitude)
    count = len(spec.state_names)
    by_input, total = _responses(modes.transition, modes.drive, modes.readouts, MOST_TERMS, TAIL)
    noise, left = np.zeros_like(by_input), np.zeros_like(by_input)
    for source, driven in zip(modes.errors, modes.driven, strict=True):
        moved = 0.5 * _responses(modes.transition, source, modes.readouts, MOST_TERMS, TAIL)[0]
        noise += moved
        if not driven:
            left += moved
    bounds = reach * by_input + noise
    skip = np.abs(spec.skip) * reach
    # The words that cannot be exceeded even where a state saturates.
    most = 1 << (spec.state_width - 1)
    weights = sum(np.abs(table).sum(1) for table in spec.output_weights)
    whatever = skip + weights * float(most)
    linear = skip + reach * total + noise[:, :, -1].sum(1)
    held = (bounds[:, :, :count] <= most - 1).all((1, 2))
    lasting = (left[:, :, :count] <= most - 1).all((1, 2))
    feedback = None
    if modes.feedback_width is not None:
        largest_feedback = np.abs(modes.readouts[:, :, count]).sum(-1) * most
        feedback = np.where((bounds[:, :, :count] <= most - 1).all(-1), bounds[:, :, count], largest_feedback)
    return ArrayBounds(
        spec.state_names,
        bounds[:, :, :count],
        np.minimum(left[:, :, :count], most),
        most - 1,
        max(0, int(((most - 1 - noise[:, :, :count]) / by_input[:, :, :count]).min())),
        feedback,
        modes.feedback_width,
        np.where(held, np.minimum(linear, whatever), whatever),
        np.where(lasting, left[:, :, -1].sum(1), weights * float(most)),
    )


def describe_bounds(network: QuantizedNetwork) -> dict[str, Any]:
    """For every layer with states or sums: what they can reach, and what they have room for.

    Of an array by `array_bounds`, for any input; of the other sums by their words, which is where their
    widths come from.
    """
    found: dict[str, Any] = {}
    for name, layer in network.layers():
        if isinstance(layer, ArraySpec):
            found[name] = _described(layer, array_bounds(layer))
    for name, layer in network.layers():
        if isinstance(layer, FireGluSpec):
            top = layer.input.maximum
            reach = int(np.ceil((top + 1.5) / (1.0 - 2.0**-LEAK_SHIFT)))
            found[name] = {"potential": {"reach": reach, "limit": top}}
        for entry in ("sum_width", "gate_width", "bias_path_width", "logit_width"):
            if hasattr(layer, entry):
                found.setdefault(name, {})[entry] = getattr(layer, entry)
    return found


def _described(spec: ArraySpec, bounds: ArrayBounds) -> dict[str, Any]:
    def largest(values: Real) -> int:
        return int(np.ceil(values.max()))

    described: dict[str, Any] = {
        name: {
            "reach": largest(bounds.states[:, :, place]),
            "limit": bounds.limit,
            "limit_cycle": largest(bounds.cycles[:, :, place]),
        }
        for place, name in enumerate(bounds.names)
    }
    described["input"] = {"never_saturates": bounds.safe, "limit": spec.input.maximum}
    described["modes_that_may_saturate"] = int(bounds.saturating.sum())
    if bounds.feedback is not None:
        described["feedback"] = {"reach": largest(bounds.feedback), "width": bounds.feedback_width}
    described["accumulator"] = {
        "reach": largest(bounds.accumulator),
        "bits": signed_width(largest(bounds.accumulator)),
        "width": spec.accumulator_width,
    }
    unit = 2.0**-spec.output_shift
    described["output"] = {"limit_cycle": largest(bounds.ripple * unit + 0.5), "limit": spec.output.maximum}
    return described


@numba.njit(cache=True)
def _responses(transition, drive, readouts, most_terms, share):
    """Sums over time of impulse responses' magnitudes, with what bounds the rest.

    Parameters
    ----------
    transition : (H, N, 2, 2)
    drive : (H, N, 2)
    readouts : (H, N, R, 2)

    Returns
    -------
    each : (H, N, R)
    together : (H,)
        Of the sum over a channel's modes of the last readout.
    """
    channels, modes, count, _ = readouts.shape
    each = np.zeros((channels, modes, count))
    together = np.zeros(channels)
    for channel in range(channels):
        x = drive[channel].copy()
        rest = np.zeros((modes, count))
        for term in range(most_terms):
            joint = 0.0
            for n in range(modes):
                for r in range(count):
                    value = readouts[channel, n, r, 0] * x[n, 0] + readouts[channel, n, r, 1] * x[n, 1]
                    each[channel, n, r] += abs(value)
                    if r == count - 1:
                        joint += value
                m = transition[channel, n]
                first = m[0, 0] * x[n, 0] + m[0, 1] * x[n, 1]
                x[n, 1] = m[1, 0] * x[n, 0] + m[1, 1] * x[n, 1]
                x[n, 0] = first
            together[channel] += abs(joint)
            if term % 64 == 63 or term == most_terms - 1:
                done = True
                for n in range(modes):
                    for r in range(count):
                        rest[n, r] = _rest(transition[channel, n], x[n], readouts[channel, n, r])
                        done &= rest[n, r] <= share * each[channel, n, r]
                if done:
                    break
        each[channel] += rest
        together[channel] += rest[:, count - 1].sum()
    return each, together


@numba.njit(inline="always")
def _rest(m, x, readout):
    """Bound of the sum over k of |C M^k x|.

    With the poles a and b, C M^k x is `h1 U_k - det h0 U_{k-1}` of its first two values, and U_k is at most
    the sum of |a|^i |b|^(k-1-i); of a complex pair it is at most |a|^(k-1) / |sin of its angle|, too.
    """
    h0 = readout[0] * x[0] + readout[1] * x[1]
    h1 = readout[0] * (m[0, 0] * x[0] + m[0, 1] * x[1]) + readout[1] * (m[1, 0] * x[0] + m[1, 1] * x[1])
    half, det = (m[0, 0] + m[1, 1]) / 2.0, m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0]
    square = half * half - det
    if square >= 0.0:
        a, b = abs(half + np.sqrt(square)), abs(half - np.sqrt(square))
        series = 1.0 / ((1.0 - a) * (1.0 - b))
    else:
        radius = np.sqrt(det)
        series = min(1.0 / (1.0 - radius) ** 2, radius / (np.sqrt(-square) * (1.0 - radius)))
    return abs(h0) + (abs(h1) + abs(det * h0)) * series
