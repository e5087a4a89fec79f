"""The loops over time that numpy would need a pass a step for, as machine code, and a function it lacks.

To import numba takes a quarter of a second, so this module is imported where one of its functions is called:
to read a network and plan its circuit needs none.
"""

from math import erf, sqrt

import numba
import numpy as np


@numba.njit(inline="always")
def _round_shift(value, shift):
    """`quantize.formats.round_shift` of one number."""
    return (value + ((1 << shift) >> 1)) >> shift


@numba.njit(parallel=True, cache=True)
def leapfrog(
    u, skip, damping, stiffness, feedback_shift, position_weight, velocity_weight, input_shift,
    position_shift, state_width, output_shift, output_width, valid, states, y, counts,
):  # fmt: skip
    """The recurrence of `LeapfrogSpec` over (sequences, steps, H)."""
    sequences, steps, channels = u.shape
    modes = damping.shape[1]
    state_top = (1 << (state_width - 1)) - 1
    output_top = (1 << (output_width - 1)) - 1
    for sequence in numba.prange(sequences):
        clipped = outputs = 0
        for channel in range(channels):
            p = states[sequence, channel, :, 0].copy()
            q = states[sequence, channel, :, 1].copy()
            for step in range(steps):
                value = u[sequence, step, channel]
                counted = step < valid[sequence]
                total = skip[channel] * value
                for n in range(modes):
                    total += position_weight[channel, n] * p[n] + velocity_weight[channel, n] * q[n]
                    feedback = damping[channel, n] * q[n] + stiffness[channel, n] * p[n]
                    velocity = (
                        q[n]
                        + _round_shift(value, input_shift[channel, n])
                        - _round_shift(feedback, feedback_shift)
                    )
                    q[n] = min(max(velocity, -state_top - 1), state_top)
                    position = p[n] + _round_shift(q[n], position_shift[channel, n])
                    p[n] = min(max(position, -state_top - 1), state_top)
                    clipped += counted * ((q[n] != velocity) + (p[n] != position))
                total = _round_shift(total, output_shift)
                y[sequence, step, channel] = min(max(total, -output_top - 1), output_top)
                outputs += counted * (y[sequence, step, channel] != total)
            states[sequence, channel, :, 0] = p
            states[sequence, channel, :, 1] = q
        counts[sequence, 0], counts[sequence, 1] = clipped, outputs


@numba.njit(parallel=True, cache=True)
def real_modes(
    u,
    skip,
    decay,
    decay_shift,
    weight,
    input_shift,
    state_width,
    output_shift,
    output_width,
    valid,
    states,
    y,
    counts,
):
    """The recurrence of `RealModesSpec` over (sequences, steps, H)."""
    sequences, steps, channels = u.shape
    modes = decay.shape[1]
    state_top = (1 << (state_width - 1)) - 1
    output_top = (1 << (output_width - 1)) - 1
    for sequence in numba.prange(sequences):
        clipped = outputs = 0
        for channel in range(channels):
            x = states[sequence, channel, :, 0].copy()
            for step in range(steps):
                value = u[sequence, step, channel]
                counted = step < valid[sequence]
                total = skip[channel] * value
                for n in range(modes):
                    total += weight[channel, n] * x[n]
                    lost = _round_shift(decay[channel, n] * x[n], decay_shift)
                    moved = x[n] + _round_shift(value, input_shift[channel, n]) - lost
                    x[n] = min(max(moved, -state_top - 1), state_top)
                    clipped += counted * (x[n] != moved)
                total = _round_shift(total, output_shift)
                y[sequence, step, channel] = min(max(total, -output_top - 1), output_top)
                outputs += counted * (y[sequence, step, channel] != total)
            states[sequence, channel, :, 0] = x
        counts[sequence, 0], counts[sequence, 1] = clipped, outputs


@numba.njit(parallel=True, cache=True)
def leaky_sums(x, sums, time_shift, pooled):
    """The recurrence of `RunningSpec` over (sequences, steps, H); the sums (sequences, H) move on."""
    sequences, steps, channels = x.shape
    for sequence in numba.prange(sequences):
        total = sums[sequence]
        for step in range(steps):
            for channel in range(channels):
                total[channel] += x[sequence, step, channel] - _round_shift(total[channel], time_shift)
                pooled[sequence, step, channel] = _round_shift(total[channel], time_shift)


@numba.njit(parallel=True, cache=True)
def leapfrog_ranges(u, damping, stiffness):
    """Largest |position| and |velocity| (H, N) of real states over (sequences, steps, H) inputs."""
    channels, modes = damping.shape
    positions = np.zeros((channels, modes))
    velocities = np.zeros((channels, modes))
    for channel in numba.prange(channels):
        for sequence in range(u.shape[0]):
            p = np.zeros(modes)
            q = np.zeros(modes)
            for step in range(u.shape[1]):
                value = u[sequence, step, channel]
                for n in range(modes):
                    q[n] += value - damping[channel, n] * q[n] - stiffness[channel, n] * p[n]
                    p[n] += q[n]
                    positions[channel, n] = max(positions[channel, n], abs(p[n]))
                    velocities[channel, n] = max(velocities[channel, n], abs(q[n]))
    return positions, velocities


@numba.njit(parallel=True, cache=True)
def filtered(u, poles, residues, skip):
    """The recurrence over (sequences, steps, H)."""
    y = np.empty_like(u)
    channels, modes = poles.shape
    for channel in numba.prange(channels):
        for sequence in range(u.shape[0]):
            state = np.zeros(modes)
            for step in range(u.shape[1]):
                value = u[sequence, step, channel]
                total = skip[channel] * value
                for n in range(modes):
                    state[n] = poles[channel, n] * state[n] + value
                    total += residues[channel, n] * state[n]
                y[sequence, step, channel] = total
    return y


@numba.njit(parallel=True, cache=True)
def real_mode_ranges(u, poles):
    """Largest |x| (H, N) over (sequences, steps, H) inputs."""
    largest = np.zeros(poles.shape)
    channels, modes = poles.shape
    for channel in numba.prange(channels):
        for sequence in range(u.shape[0]):
            state = np.zeros(modes)
            for step in range(u.shape[1]):
                for n in range(modes):
                    state[n] = poles[channel, n] * state[n] + u[sequence, step, channel]
                    largest[channel, n] = max(largest[channel, n], abs(state[n]))
    return largest


@numba.njit(parallel=True, cache=True)
def leaky_means(x, share, means):
    """`mean <- mean + share (x - mean)` from the first x on, over (sequences, steps, H)."""
    sequences, steps, channels = x.shape
    for sequence in numba.prange(sequences):
        mean = x[sequence, 0].copy()
        for step in range(steps):
            for channel in range(channels):
                mean[channel] += share * (x[sequence, step, channel] - mean[channel])
                means[sequence, step, channel] = mean[channel]


@numba.njit(cache=True)
def normal_below(x, shares):
    """The share of a standard normal distribution below each of the numbers x (count,)."""
    for index in range(len(x)):
        shares[index] = 0.5 * (1.0 + erf(x[index] / sqrt(2.0)))
