"""The integer functions stay within the errors that they state."""

from math import erf, isqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantize.formats import Format
from quantize.layers.functions import Gelu, Sigmoid, Tanh, bit_length, exact_matmul, integer_square_root
from quantize.layers.norm import LayerNorm

EVERY_WORD = np.arange(-(1 << 15), 1 << 15)


def test_gelu_error():
    gelu = Gelu()
    x = gelu.argument.real(EVERY_WORD)
    exact = x * np.array([0.5 * (1.0 + erf(value / np.sqrt(2.0))) for value in x])
    assert np.abs(gelu.argument.real(gelu.compute(EVERY_WORD)) - exact).max() < 0.0025


def test_sigmoid_error():
    sigmoid = Sigmoid()
    x = sigmoid.argument.real(EVERY_WORD)
    found = sigmoid.compute(EVERY_WORD) * 2.0**-sigmoid.fraction
    assert np.abs(found - 1.0 / (1.0 + np.exp(-x))).max() < 0.003


def test_tanh_error():
    tanh = Tanh()
    x = tanh.argument.real(EVERY_WORD)
    assert np.abs(tanh.output.real(tanh.compute(EVERY_WORD)) - np.tanh(x)).max() < 0.006


def test_tanh_fits_its_output():
    tanh = Tanh()
    found = tanh.compute(EVERY_WORD)
    assert tanh.output.minimum <= found.min()
    assert found.max() <= tanh.output.maximum


@pytest.mark.parametrize("function", [Gelu(), Sigmoid()])
def test_tables_are_512_bytes(function):
    assert len(function.entries) == 512
    assert function.entries.min() >= 0
    assert function.entries.max() <= 255


@given(st.one_of(st.integers(0, (1 << 52) - 1), st.integers(0, (1 << 26) - 1).map(lambda root: root * root)))
def test_square_root_is_exact(value):
    below = max(value - 1, 0)
    assert integer_square_root(np.array([value, below])).tolist() == [isqrt(value), isqrt(below)]


@given(st.integers(0, (1 << 52) - 1))
def test_bit_length(value):
    assert int(bit_length(np.array([value]))[0]) == value.bit_length()


def test_matrix_product_is_that_of_integers():
    generator = np.random.default_rng(0)
    values = generator.integers(-(1 << 15), 1 << 15, (3, 4, 33))
    matrix = generator.integers(-(1 << 11), 1 << 11, (33, 5))
    np.testing.assert_array_equal(exact_matmul(values, matrix), values @ matrix)


def drawn_norm(channels: int, generator: np.random.Generator) -> LayerNorm:
    """A norm with gains of 8 bits, 0.5 to 1.98, and shifts up to 1, in the GELU's argument format."""
    return LayerNorm(
        channels, generator.integers(32, 127, channels), 6, generator.integers(-2048, 2048, channels),
        Format(16, 11),
    )  # fmt: skip


@pytest.mark.parametrize("channels", [2, 3, 8, 33, 128, 256])
@pytest.mark.parametrize("spread", [100, 3000, 16383])
def test_layer_norm_is_near_the_real_one(channels, spread):
    generator = np.random.default_rng(channels)
    norm = drawn_norm(channels, generator)
    z = generator.integers(-spread, spread + 1, (200, channels))
    z[:, 0], z[:, -1] = -spread, spread  # no step of nearly equal values: those are damped
    exact = (z - z.mean(-1, keepdims=True)) / z.std(-1, keepdims=True)
    exact = exact * norm.gain * 2.0**-norm.gain_fraction + norm.output.real(norm.shift)
    exact = np.clip(exact, norm.output.real(norm.output.minimum), norm.output.real(norm.output.maximum))
    error = np.abs(norm.output.real(norm.compute(z)) - exact)
    # The mean is off by half a unit of the shifted sum, at most doubled by the factor, and half a unit of its
    # own; the rest is a few units of a normalised value's last place. Gains are below 2.
    bound = 2.0 * (1.5 / z.std(-1, keepdims=True) + 4.0 * 2.0**-norm.normalised.fraction) + 2.0**-11
    assert (error < bound).all()


def test_layer_norm_of_equal_values_is_the_shift():
    norm = drawn_norm(8, np.random.default_rng(1))
    z = np.full((3, 8), 1) * np.array([[-16384], [0], [16383]])
    np.testing.assert_array_equal(norm.compute(z), np.broadcast_to(norm.shift, z.shape))
