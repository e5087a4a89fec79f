"""Adder graphs compute their products, within ranges and polarities that hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantize.errors import StatespikeError
from quantize.mixing import TernaryProduct, adder_graph
from quantize.mixing.graph import ZERO

SETTINGS = settings(max_examples=60, deadline=None, derandomize=True)


@st.composite
def products(draw):
    """Any ternary matrix of up to 12 x 12, dense or sparse, of inputs of 1 to 9 bits."""
    shape = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    generator = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    plus, minus = draw(
        st.sampled_from([(0.25, 0.25), (0.5, 0.5), (0.875, 0.125), (0.125, 0.125), (0, 1), (0, 0)])
    )
    table = generator.choice([-1, 0, 1], p=[minus, 1 - plus - minus, plus], size=shape)
    return TernaryProduct(table, draw(st.integers(1, 9)))


def inputs_of(product: TernaryProduct, seed: int) -> np.ndarray:
    """Random vectors, and those that drive each output to both of its extremes."""
    low, high = -(1 << (product.input_width - 1)), (1 << (product.input_width - 1)) - 1
    extremes = np.concatenate(
        [np.where(product.table.T > 0, high, low), np.where(product.table.T > 0, low, high)]
    )
    drawn = np.random.default_rng(seed).integers(low, high + 1, (40, product.inputs))
    return np.concatenate([drawn, extremes])


@SETTINGS
@given(products(), st.integers(0, 5))
def test_graph_computes_the_product(product, seed):
    graph = adder_graph(product, rounds=5, seed=seed)
    x = inputs_of(product, seed)
    assert (graph.compute(x) == x @ product.table).all()
    assert (product.compute(x) == x @ product.table).all()


@SETTINGS
@given(products(), st.integers(0, 5))
def test_widths_are_reached_and_never_exceeded(product, seed):
    y = inputs_of(product, seed) @ product.table
    graph = adder_graph(product, rounds=2, seed=seed)
    assert (-(1 << (product.sum_width - 1)) <= y).all()
    assert (y < 1 << (product.sum_width - 1)).all()
    if product.sum_width > 1:
        half = 1 << (product.sum_width - 2)
        assert not ((-half <= y) & (y < half)).all(), "one bit less would do"
    outputs = graph.outputs[graph.outputs != ZERO]
    assert (graph.widths[outputs] <= product.sum_width).all()


@SETTINGS
@given(products(), st.integers(0, 5))
def test_polarities_turn_every_subtraction_into_an_addition(product, seed):
    graph = adder_graph(product, rounds=5, seed=seed)
    assert (graph.complemented[:, 0] ^ graph.complemented[:, 1] == graph.subtract).all()
    assert not graph.inverted[: graph.inputs].any(), "inputs come as they are"
    # As the circuit adds: with what the signals carry, and one carry.
    x = inputs_of(product, seed)
    values = [x[:, node] for node in range(graph.inputs)]
    for adder, (left, right) in enumerate(graph.operands):
        first, second = (
            np.zeros(len(x), dtype=np.int64) if node == ZERO else values[node] for node in (left, right)
        )
        read = [~value if complement else value for value, complement in
                zip((first, second), graph.complemented[adder], strict=True)]  # fmt: skip
        total = read[0] + read[1] + graph.complemented[adder, 1]
        values.append(~total if graph.complemented[adder, 0] else total)
        exact = first - second if graph.subtract[adder] else first + second
        assert (values[-1] == exact).all()


def test_sharing_saves_adders_and_search_saves_more():
    table = np.random.default_rng(0).choice([-1, 0, 1], p=[0.25, 0.5, 0.25], size=(32, 32))
    product = TernaryProduct(table, 8)
    unshared = np.count_nonzero(table) - 32
    plain, searched = adder_graph(product, rounds=0), adder_graph(product, rounds=300)
    assert plain.adders < 0.65 * unshared
    assert searched.adder_bits < 0.99 * plain.adder_bits
    assert searched.inverter_bits < 0.05 * searched.adder_bits


def test_equal_seeds_give_equal_graphs():
    table = np.random.default_rng(1).integers(-1, 2, (9, 70))
    first, second = (adder_graph(TernaryProduct(table, 4), rounds=20, seed=3) for _ in range(2))
    for name in ("operands", "subtract", "outputs", "inverted", "complemented"):
        assert (getattr(first, name) == getattr(second, name)).all()


@pytest.mark.parametrize("table", [np.full((2, 2), 2), np.zeros((0, 3)), np.zeros(3)])
def test_tables_that_are_not_ternary_are_told(table):
    with pytest.raises(StatespikeError, match="a mixer's table is a matrix of -1, 0 and 1"):
        TernaryProduct(table, 8)


def test_impossible_widths_are_told():
    with pytest.raises(StatespikeError, match="1 to 32 bits, not 0"):
        TernaryProduct(np.ones((2, 2)), 0)
