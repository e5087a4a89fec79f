"""The three stages of the streamed reciprocal square root equal the integers, at the pace they promise."""

from math import isqrt

import numpy as np
import pytest
from amaranth.hdl import Value

from hdl.norm.streamed_rsqrt import Divider, Normaliser, SquareRoot
from quantize.formats import Format
from quantize.layers.norm import LayerNorm
from tests.hdl.bench import Pressure, run_stream


def norm_of(channels: int) -> LayerNorm:
    return LayerNorm(channels, np.ones(channels, int), 0, np.zeros(channels, int), Format(16, 11))


def scaled(norm: LayerNorm, scale: int, number: int) -> int:
    """The bits of `hdl.norm.streamed_rsqrt.Scaled`."""
    return scale | number << norm.most_doublings + 1


def sums_of(norm: LayerNorm) -> list[int]:
    """Sums of squares: none, the least, the greatest, and of all magnitudes."""
    most = (1 << 2 * norm.root_width) - 1
    drawn = [int(most * 2.0**-bits) for bits in range(0, 2 * norm.root_width, 3)]
    return [0, 1, 2, 3, 4, most, *drawn]


def stages_of(norm: LayerNorm, total: int) -> tuple[int, int, int, int]:
    """Scale, normalised sum, root and reciprocal, as `LayerNorm.compute` has them."""
    doublings = min((2 * norm.root_width - total.bit_length()) // 2, norm.most_doublings)
    number = total << 2 * doublings
    root = isqrt(number)
    reciprocal = min(norm.reciprocal_numerator // max(root, 1), (1 << norm.reciprocal_width) - 1)
    return 1 << doublings, number, root, reciprocal


@pytest.mark.parametrize("channels", [1, 3, 33])
@pytest.mark.parametrize("pressure", [Pressure(), Pressure(0.5, 0.5)], ids=["free", "paused"])
def test_stages_equal_the_integers(channels, pressure):
    norm = norm_of(channels)
    totals = sums_of(norm)
    found = [stages_of(norm, total) for total in totals]
    normalised = [scaled(norm, scale, number) for scale, number, _, _ in found]
    roots = [scaled(norm, scale, root) for scale, _, root, _ in found]
    reciprocals = [scaled(norm, scale, reciprocal) for scale, _, _, reciprocal in found]
    for stage, given, expected in (
        (Normaliser(norm), totals, normalised),
        (SquareRoot(norm), normalised, roots),
        (Divider(norm), roots, reciprocals),
    ):
        got = run_stream(stage, given, len(expected), [pressure], seed=channels)
        assert got.payloads == expected, type(stage).__name__
        assert len(Value.cast(stage.o.payload)) >= max(expected).bit_length()


@pytest.mark.parametrize("channels", [1, 33])
def test_stages_keep_their_pace(channels):
    norm = norm_of(channels)
    totals = sums_of(norm)
    found = [stages_of(norm, total) for total in totals]
    for stage, given in (
        (Normaliser(norm), totals),
        (SquareRoot(norm), [scaled(norm, scale, number) for scale, number, _, _ in found]),
        (Divider(norm), [scaled(norm, scale, root) for scale, _, root, _ in found]),
    ):
        got = run_stream(stage, given, len(given))
        assert max(np.diff(got.cycles)) == stage.cycles, type(stage).__name__
