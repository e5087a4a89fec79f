"""Complex modes from a checkpoint: in real arithmetic, in the leapfrog's integers, and as rounded tensors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from quantize.blocks import blocks
from quantize.calibration import Precision, StreamWords, bits_below
from quantize.coefficients import (
    coefficient_words,
    damping_words_of,
    output_formats,
    output_words,
    real_of,
    significant_values,
    stabilised,
)
from quantize.float_layers import folded_norm, tensors
from quantize.formats import Format, nearest, saturate
from quantize.layers.array import (
    MOST_STATE_SHIFT,
    SHIFT_STEP,
)
from quantize.layers.leapfrog import LeapfrogSpec
from quantize.poles import leapfrog, output_weights

if TYPE_CHECKING:  # a configuration names kinds, whose functions take what has a configuration
    from quantize.checkpoint import Checkpoint

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]
# A pair of poles that rounding makes real is kept as one, turned by this share of its distance from 1.
TURN = 0.05


@dataclass(frozen=True)
class ComplexModes:
    """One S4D layer with a BatchNorm before it folded in: `y = S(x + offset)`.

    Attributes
    ----------
    poles : complex (H, N)
        Discrete poles.
    residues : complex (H, N)
        `2 C Bbar` times the normalisation's gain: y = Re(sum residues x) + skip u.
    skip : (H,)
    offset : (H,)
        The normalisation's constant, added to its input.
    """

    poles: Complex
    residues: Complex
    skip: Real
    offset: Real
    _spectra: dict[int, Complex] = field(default_factory=dict, compare=False, repr=False)

    def compute(self, x: Real) -> Real:
        """(sequences, steps, H) to the same shape, by FFT convolution."""
        steps = x.shape[1]
        u = (x + self.offset).transpose(0, 2, 1)
        spectrum = np.fft.rfft(u, 2 * steps) * self._spectrum(steps)
        return np.fft.irfft(spectrum, 2 * steps)[:, :, :steps].transpose(0, 2, 1)

    def _spectrum(self, steps: int) -> Complex:
        """Of the impulse response, (H, steps + 1); kept, for blocks of sequences share a length."""
        if steps not in self._spectra:
            kernel = np.empty((len(self.poles), steps))
            # A pole of 0 has no logarithm; the powers of the smallest number are 1 and 0 as well.
            poles = np.where(self.poles == 0, np.finfo(np.float64).tiny, self.poles)
            for channel in range(len(kernel)):
                # A running product of powers would lose phase: exponentiate the logarithm instead.
                exponents = np.log(poles[channel])[:, None] * np.arange(steps)
                kernel[channel] = (self.residues[channel][:, None] * np.exp(exponents)).sum(0).real
            kernel[:, 0] += self.skip
            self._spectra.clear()
            self._spectra[steps] = np.fft.rfft(kernel, 2 * steps)
        return self._spectra[steps]


def complex_modes(checkpoint: Checkpoint, layer: int) -> ComplexModes:
    """The array of complex modes of a layer, a BatchNorm before it folded in."""
    tensor = {
        name: checkpoint.tensors[f"layers.{layer}.ssm.{name}"].astype(np.float64)
        for name in ("C", "log_dt", "log_A_real", "A_imag", "D")
    }
    gain, constant = folded_norm(checkpoint, layer)
    continuous = -np.exp(tensor["log_A_real"]) + 1j * tensor["A_imag"]
    step = np.exp(tensor["log_dt"])[:, None]
    if checkpoint.config.discretisation == "zoh":
        poles = np.exp(step * continuous)
        drive = (poles - 1.0) / continuous
    else:
        poles = (1.0 + step * continuous / 2.0) / (1.0 - step * continuous / 2.0)
        drive = step / (1.0 - step * continuous / 2.0)
    readout = tensor["C"][..., 0] + 1j * tensor["C"][..., 1]
    return ComplexModes(poles, 2.0 * readout * drive * gain[:, None], tensor["D"] * gain, constant / gain)


def leapfrog_array(
    layer: ComplexModes, x: StreamWords, largest: float, given: Format, precision: Precision
) -> LeapfrogSpec:
    """The array in integers; see `quantize.kinds.ArrayKind.quantised`."""
    from quantize import recurrences  # with numba: where something is computed

    damping, stiffness = leapfrog(layer.poles)
    of_position, of_velocity = output_weights(layer.poles, layer.residues)
    offset = given.quantise(layer.offset)
    largest_position, largest_velocity = np.zeros(damping.shape), np.zeros(damping.shape)
    for part in blocks(len(x), x[0].size):
        u = given.real(saturate(x[part] + offset, given.width))
        positions, velocities = recurrences.leapfrog_ranges(u, damping, stiffness)
        largest_position = np.maximum(largest_position, positions)
        largest_velocity = np.maximum(largest_velocity, velocities)

    # Each mode's two integers get their own power of two. The input only shifts right, so a state is at most
    # as fine as u; the position may be coarser than the velocity, never finer; shifts are even.
    top = (1 << (precision.state - 1)) - 1
    velocity_bits = np.minimum(bits_below(top, largest_velocity), given.fraction)
    velocity_bits -= (given.fraction - velocity_bits) % SHIFT_STEP
    position_bits = np.minimum(bits_below(top, largest_position), velocity_bits)
    position_bits -= (velocity_bits - position_bits) % SHIFT_STEP
    velocity_bits = np.maximum(velocity_bits, given.fraction - MOST_STATE_SHIFT)
    position_bits = np.maximum(position_bits, velocity_bits - MOST_STATE_SHIFT)
    position_shift = velocity_bits - position_bits
    stiffness_word = stiffness * 2.0**position_shift

    damping_words, damping_shift = damping_words_of(damping, precision.coefficients)
    stiffness_words, stiffness_shift = coefficient_words(stiffness_word, precision.coefficients)
    stiffness_words = stabilised(
        damping_words.astype(np.float64) * 2.0**-damping_shift,
        stiffness_words,
        stiffness_shift + position_shift,
        precision.coefficients,
    )
    position_weight = of_position * 2.0**-position_bits
    velocity_weight = of_velocity * 2.0**-velocity_bits
    skip = (layer.skip + layer.residues.real.sum(1)) * 2.0**-given.fraction
    output, fraction = output_formats(largest, skip, position_weight, velocity_weight)
    return LeapfrogSpec(
        input=given,
        output=output,
        state_width=precision.state,
        damping_shift=damping_shift,
        stiffness_shift=stiffness_shift,
        accumulator_fraction=fraction,
        offset=offset,
        skip=nearest(skip, fraction),
        damping=damping_words,
        stiffness=stiffness_words,
        position_weight=output_words(position_weight, fraction, precision.outputs),
        velocity_weight=output_words(velocity_weight, fraction, precision.outputs),
        input_shift=given.fraction - velocity_bits,
        position_shift=position_shift,
    )


def rounded_complex_modes(
    checkpoint: Checkpoint, layer: int, bits: int, array: LeapfrogSpec
) -> dict[str, Real]:
    """C, log_A_real, A_imag and D of the rounded poles and output weights; the time step stays.

    The word of a mode's stiffness grows with its `array.position_shift`; without, a slow mode's would vanish
    beside those of fast ones.
    """
    space, position_shift = complex_modes(checkpoint, layer), array.position_shift
    exact_damping, exact_stiffness = leapfrog(space.poles)
    words, shift = damping_words_of(exact_damping, bits)
    damping = real_of(words, shift)
    words, shift = coefficient_words(exact_stiffness * 2.0**position_shift, bits)
    fraction = shift + position_shift
    stiffness = real_of(stabilised(damping, words, fraction, bits), fraction)

    half_trace = (2.0 - damping - stiffness) / 2.0
    radius = np.sqrt(1.0 - damping)
    height = np.sqrt(np.maximum(1.0 - damping - half_trace**2, (TURN * (1.0 - radius)) ** 2))
    # Of a real pair the magnitude is kept and the angle made small.
    width = np.sign(half_trace) * np.sqrt(1.0 - damping - height**2)
    upper = np.where(space.poles.imag < 0, -1.0, 1.0)
    poles = width + 1j * upper * height

    of_position, of_velocity = output_weights(space.poles, space.residues)
    of_position, of_velocity = significant_values(of_position, bits), significant_values(of_velocity, bits)
    # The two first steps after an impulse give the residue: Re(z) and Re(z pole), z = residue times pole.
    velocity = 1.0 - damping - stiffness
    first = of_position + of_velocity
    second = of_position * (1.0 + velocity) + of_velocity * velocity
    residues = (first + 1j * (first * poles.real - second) / poles.imag) / poles

    gain, _ = folded_norm(checkpoint, layer)
    (log_step,) = tensors(checkpoint, f"layers.{layer}.ssm", "log_dt")
    step = np.exp(log_step)[:, None]
    if checkpoint.config.discretisation == "zoh":
        continuous = np.log(poles) / step
        drive = (poles - 1.0) / continuous
    else:
        continuous = 2.0 / step * (poles - 1.0) / (poles + 1.0)
        drive = step / (1.0 - step * continuous / 2.0)
    readout = residues / (2.0 * drive * gain[:, None])
    # What the residues add in an impulse's own step belongs to the skip path, which is not rounded.
    moved = space.residues.real.sum(1) - residues.real.sum(1)
    return {
        "C": np.stack([readout.real, readout.imag], axis=-1),
        "log_A_real": np.log(-continuous.real),
        "A_imag": continuous.imag,
        "D": (space.skip + moved) / gain,
    }
