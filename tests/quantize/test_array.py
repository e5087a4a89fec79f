"""The array's integers, and its count of clipped values, equal a plain recurrence in Python's integers."""

from dataclasses import replace

import numpy as np
import pytest

from tests.networks import INPUT, random_network, random_samples


def clip(value: int, width: int) -> tuple[int, int]:
    """The value in `width` bits, and whether that changed it."""
    clipped = max(-(1 << (width - 1)), min((1 << (width - 1)) - 1, value))
    return clipped, int(clipped != value)


def shifted(value: int, shift: int) -> int:
    """Shifted right, halves upwards."""
    return (value + (1 << shift >> 1)) >> shift


def plain(spec, x: np.ndarray) -> tuple[np.ndarray, int]:
    """What `ArraySpec` says, one number after the other."""
    count = 0
    y = np.empty(x.shape, dtype=np.int64)
    feedback_shift = max(spec.damping_shift, spec.stiffness_shift)
    for sequence, channel in np.ndindex(len(x), spec.channels):
        p, q = [0] * spec.modes, [0] * spec.modes
        for step in range(x.shape[1]):
            u, lost = clip(int(x[sequence, step, channel]) + int(spec.offset[channel]), spec.input.width)
            count += lost
            total = int(spec.skip[channel]) * u
            for n in range(spec.modes):
                total += int(spec.position_weight[channel, n]) * p[n]
                total += int(spec.velocity_weight[channel, n]) * q[n]
                feedback = (int(spec.damping[channel, n]) * q[n]) << (feedback_shift - spec.damping_shift)
                stiffness = int(spec.stiffness[channel, n]) * p[n]
                feedback += stiffness << (feedback_shift - spec.stiffness_shift)
                velocity = q[n] + shifted(u, int(spec.input_shift[channel, n]))
                q[n], lost = clip(velocity - shifted(feedback, feedback_shift), spec.state_width)
                count += lost
                position = p[n] + shifted(q[n], int(spec.position_shift[channel, n]))
                p[n], lost = clip(position, spec.state_width)
                count += lost
            shift = spec.accumulator_fraction - spec.output.fraction
            y[sequence, step, channel], lost = clip(shifted(total, shift), spec.output.width)
            count += lost
    return y, count


@pytest.mark.parametrize(("channels", "modes"), [(1, 1), (3, 2), (4, 5)])
@pytest.mark.parametrize("amplitude", [500, 20000, 32768])
def test_array_equals_a_plain_recurrence(channels, modes, amplitude):
    spec = random_network("gsu", channels, modes, 1, seed=channels).blocks[0].array
    generator = np.random.default_rng(amplitude)
    x = generator.integers(-amplitude, amplitude, (2, 60, channels))
    x[1] = amplitude - 1  # one side all the time: fills the states
    expected, count = plain(spec, x)
    y, saturations = spec.compute(x)
    np.testing.assert_array_equal(y, expected)
    assert sum(saturations) == count
    assert count > 0 or amplitude == 500


def test_a_calibrated_network_does_not_saturate_on_its_calibration_data():
    network = random_network("gsu", 8, 4, 2, seed=6)
    trace = network.compute(INPUT.quantise(random_samples(4, 32, seed=6)))
    kinds = ("array_{} inputs", "array_{} states", "array_{} outputs", "layer_{} sums")
    assert trace.saturations == {kind.format(layer): 0 for layer in range(2) for kind in kinds}


@pytest.mark.parametrize(("channels", "modes", "layers"), [(3, 2, 1), (4, 5, 2)])
def test_the_plain_form_takes_six_products_a_mode(channels, modes, layers):
    network = random_network("gsu", channels, modes, layers, seed=1)
    arrays = [block.array for block in network.blocks]
    others = network.multiplications_per_step - sum(array.multiplications for array in arrays)
    plain = sum(array.multiplications + array.products_saved for array in arrays)
    assert plain == layers * channels * (6 * modes + 1)
    assert network.plain_multiplications_per_step == plain + others


def test_arrays_behind_each_other_compute_what_each_does():
    first = random_network("prf", 2, 3, 1, seed=1).blocks[0].array
    second = replace(first, offset=first.offset + 5, skip=-first.skip)
    x = np.random.default_rng(0).integers(-1000, 1000, (1, 6, 4))
    expected = [first.outputs(x[..., :2]), second.outputs(x[..., 2:])]
    assert np.array_equal(first.followed_by([second]).outputs(x), np.concatenate(expected, axis=-1))
