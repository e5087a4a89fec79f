"""The leapfrog form: the same modes as the complex recurrence, stable whatever the rounding."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from quantize.calibration import Precision
from quantize.complex_modes import ComplexModes, leapfrog_array
from quantize.formats import Format
from quantize.poles import is_stable, leapfrog, output_weights, poles_of

RADII = st.one_of(
    st.floats(0.3, 0.999), st.floats(1.0, 6.0).map(lambda digits: 1.0 - 10.0**-digits), st.floats(1e-6, 0.3)
)
ANGLES = st.one_of(
    st.floats(0.0, np.pi),
    st.floats(1.0, 6.0).map(lambda digits: 10.0**-digits),  # poles next to 1
    st.floats(1.0, 6.0).map(lambda digits: np.pi - 10.0**-digits),  # and next to -1
)
POLES = st.builds(lambda radius, angle: radius * np.exp(1j * angle), RADII, ANGLES)


@given(st.lists(POLES, min_size=1, max_size=4), st.integers(0, 1000))
def test_recurrence_equals_the_complex_one(poles, seed):
    poles = np.array(poles)
    generator = np.random.default_rng(seed)
    residues = generator.normal(size=len(poles)) + 1j * generator.normal(size=len(poles))
    damping, stiffness = leapfrog(poles)
    of_position, of_velocity = output_weights(poles, residues)
    state = np.zeros(len(poles), dtype=np.complex128)
    p, q = np.zeros(len(poles)), np.zeros(len(poles))
    for u in generator.normal(size=40):
        state = poles * state + u
        y = of_position @ p + of_velocity @ q + residues.real.sum() * u
        q = q - damping * q - stiffness * p + u
        p = p + q
        assert y == pytest.approx((residues * state).real.sum(), abs=1e-8 * (1 + np.abs(state).max()))


@given(POLES)
def test_poles_come_back(pole):
    found = poles_of(*leapfrog(np.array([pole])))
    # Next to a double pole on the real axis the root of the discriminant loses half of the digits.
    assert min(abs(found[0][0] - pole), abs(found[1][0] - pole)) < 1e-6


@given(st.floats(-0.5, 1.5), st.floats(-0.5, 4.5))
def test_stable_is_inside_the_unit_circle(damping, stiffness):
    largest = max(abs(pole[0]) for pole in poles_of(np.array([damping]), np.array([stiffness])))
    if damping >= 1.0:  # such poles may be stable; the words of a network exclude them
        assert not is_stable(damping, stiffness)
    elif abs(largest - 1.0) > 1e-6:
        assert is_stable(damping, stiffness) == (largest < 1.0)


@settings(deadline=None)
@given(st.lists(POLES, min_size=1, max_size=4), st.integers(3, 8), st.integers(0, 1000))
@example([-0.999999 + 0j], 3, 0)
@example([0.999999 + 1e-6j], 3, 0)
@example([0.999999 + 0j], 3, 0)  # the finest words there are do not reach its stiffness
@example([0.999999 + 1e-6j, -0.999999 + 1e-6j], 3, 0)
@example([0.01 + 0.0j, 0.1j], 3, 0)
def test_quantised_poles_lie_inside_the_unit_circle(poles, bits, seed):
    generator = np.random.default_rng(seed)
    stream = Format(16, 11)
    residues = (generator.normal(size=len(poles)) + 1j * generator.normal(size=len(poles)))[None]
    layer = ComplexModes(np.array([poles]), residues, generator.normal(size=1), generator.normal(size=1))
    x = generator.integers(-3000, 3000, (1, 50, 1))
    largest = float(np.abs(layer.compute(stream.real(x))).max())
    array = leapfrog_array(layer, x.astype(np.int16), largest, stream, Precision(coefficients=bits))
    assert is_stable(*array.real_coefficients).all()
    first, second = poles_of(*array.real_coefficients)
    assert np.abs(np.stack([first, second])).max() < 1.0
