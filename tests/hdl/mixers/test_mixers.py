"""Every build of a mixer computes `x @ T` exactly, at odd sizes, under pressure, in the cycles promised."""

import numpy as np
import pytest

from hdl.mixers.burst import BurstMixer
from hdl.mixers.event import TernaryEventMixer
from hdl.mixers.parallel import ParallelMixer
from hdl.mixers.serial import SerialMixer
from hdl.mixers.table import TableMixer
from quantize.mixing import TernaryProduct, adder_graph
from tests.hdl.bench import Pressure, every_pressure, run_stream, step_beats

pytestmark = pytest.mark.usefixtures("garbage_reads")
"""Nothing here may depend on a read that collides with a write."""

SHAPES = [(1, 1), (3, 2), (7, 9)]
VECTOR_BUILDS = {
    "parallel, complements": lambda graph: ParallelMixer(graph, complements=True),
    "parallel, plain": lambda graph: ParallelMixer(graph, complements=False, adders_per_stage=1),
    "serial": SerialMixer,
    "serial, a register an adder": lambda graph: SerialMixer(graph, adders_per_stage=1),
}


def product_of(inputs: int, outputs: int, seed: int, zeros: float = 0.4, width: int = 6) -> TernaryProduct:
    generator = np.random.default_rng(seed)
    table = generator.integers(-1, 2, (inputs, outputs)) * (generator.random((inputs, outputs)) > zeros)
    return TernaryProduct(table, width)


def vectors_of(product: TernaryProduct, seed: int, steps: int = 6) -> np.ndarray:
    """Random vectors with the format's extremes among them."""
    half = 1 << (product.input_width - 1)
    values = np.random.default_rng(seed).integers(-half, half, (steps, product.inputs))
    values[1], values[3], values[4] = -half, half - 1, 0
    return values


def vector_payloads(values: np.ndarray, width: int) -> list[int]:
    """Bits of one sequence of `hdl.primitives.streams.Vector`."""
    payloads = []
    for step, row in enumerate(values):
        word = int(step == 0) | int(step == len(values) - 1) << 1
        for place, value in enumerate(row):
            word |= (int(value) & ((1 << width) - 1)) << (2 + place * width)
        payloads.append(word)
    return payloads


@pytest.mark.parametrize("build", VECTOR_BUILDS)
@pytest.mark.parametrize(("inputs", "outputs"), SHAPES)
def test_vector_mixers_compute_the_product(build, inputs, outputs):
    seed, pressure = every_pressure(inputs, outputs, list(VECTOR_BUILDS).index(build))
    product = product_of(inputs, outputs, seed)
    mixer = VECTOR_BUILDS[build](adder_graph(product, rounds=5, seed=seed))
    x = vectors_of(product, seed)
    expected = vector_payloads(x @ product.table, product.sum_width)
    got = run_stream(mixer, vector_payloads(x, product.input_width), len(expected), pressure, seed=seed)
    assert got.payloads == expected, f"seed {seed}"


@pytest.mark.parametrize("build", VECTOR_BUILDS)
def test_vector_mixers_take_the_cycles_they_promise(build):
    product = product_of(9, 7, 1)
    mixer = VECTOR_BUILDS[build](adder_graph(product, rounds=5))
    x = vectors_of(product, 0)
    got = run_stream(mixer, vector_payloads(x, product.input_width), len(x))
    assert set(np.diff(got.cycles)) == {mixer.cycles_per_product}
    assert got.cycles[0] == mixer.latency


@pytest.mark.parametrize(
    ("inputs", "outputs", "lanes"),
    [(1, 1, 1), (2, 1, 1), (3, 2, 3), (5, 4, 2), (7, 9, 7), (9, 5, 6), (6, 7, 1), (13, 2, 4)],
)
def test_table_mixer_computes_the_product(inputs, outputs, lanes):
    seed, pressure = every_pressure(inputs, outputs, lanes)
    product = product_of(inputs, outputs, seed)
    x = vectors_of(product, seed)
    expected = step_beats(x @ product.table, product.sum_width)
    payloads = step_beats(x, product.input_width)
    got = run_stream(TableMixer(product, lanes), payloads, len(expected), pressure, seed=seed)
    assert got.payloads == expected, f"seed {seed}"


@pytest.mark.parametrize(
    ("inputs", "outputs", "lanes"), [(1, 1, 1), (6, 3, 5), (5, 4, 2), (7, 9, 7), (13, 5, 11), (23, 2, 10)]
)
def test_packed_table_mixer_computes_the_product(inputs, outputs, lanes):
    seed, pressure = every_pressure(inputs, outputs, lanes)
    product = product_of(inputs, outputs, seed)
    x = vectors_of(product, seed)
    expected = step_beats(x @ product.table, product.sum_width)
    payloads = step_beats(x, product.input_width)
    mixer = TableMixer(product, lanes, packed=True)
    got = run_stream(mixer, payloads, len(expected), pressure, seed=seed)
    assert got.payloads == expected, f"seed {seed}"
    if pressure[0] == Pressure():
        assert got.cycles[0] == mixer.latency


@pytest.mark.parametrize(
    ("inputs", "outputs", "lanes"), [(1, 1, 1), (9, 9, 9), (9, 7, 4), (5, 11, 2), (8, 3, 4)]
)
def test_table_mixer_takes_the_cycles_it_promises(inputs, outputs, lanes):
    product = product_of(inputs, outputs, 1)
    mixer = TableMixer(product, lanes)
    x = vectors_of(product, 0)
    got = run_stream(mixer, step_beats(x, product.input_width), len(x) * outputs)
    assert set(np.diff(got.cycles[::outputs])) == {mixer.cycles_per_product}
    assert got.cycles[0] == mixer.latency


@pytest.mark.parametrize("split_rows", [False, True])
@pytest.mark.parametrize(
    ("inputs", "outputs", "lanes"), [(1, 1, 1), (3, 2, 1), (5, 4, 4), (7, 9, 3), (6, 7, 2), (4, 11, 10)]
)
def test_event_mixer_computes_the_product(inputs, outputs, lanes, split_rows):
    seed, pressure = every_pressure(inputs, outputs, lanes)
    product = product_of(inputs, outputs, seed)
    x = vectors_of(product, seed)
    x[2, ::2] = 0
    expected = step_beats(x @ product.table, product.sum_width)
    payloads = step_beats(x, product.input_width)
    mixer = TernaryEventMixer(product, lanes, split_rows=split_rows)
    got = run_stream(mixer, payloads, len(expected), pressure, seed=seed)
    assert got.payloads == expected, f"seed {seed}"


@pytest.mark.parametrize("split_rows", [False, True])
@pytest.mark.parametrize("events", [0, 3, 12])
def test_event_mixer_cycles_follow_the_activity(events, split_rows):
    product = product_of(12, 12, 1)
    mixer = TernaryEventMixer(product, 3, split_rows=split_rows)
    x = np.zeros((7, 12), dtype=np.int64)
    x[:, :events] = -5
    got = run_stream(mixer, step_beats(x, product.input_width), 7 * 12)
    assert set(np.diff(got.cycles[11::12])[2:]) == {mixer.cycles(events)}
    assert mixer.cycles(events) <= mixer.cycles_per_product


@pytest.mark.parametrize("build", ["parallel, complements", "serial"])
@pytest.mark.parametrize(("inputs", "outputs"), SHAPES)
def test_mixers_of_vectors_work_behind_bursts(build, inputs, outputs):
    seed, pressure = every_pressure(inputs, outputs, len(build))
    product = product_of(inputs, outputs, seed)
    mixer = BurstMixer(VECTOR_BUILDS[build](adder_graph(product, rounds=5)))
    x = vectors_of(product, seed)
    expected = step_beats(x @ product.table, product.sum_width)
    payloads = step_beats(x, product.input_width)
    got = run_stream(mixer, payloads, len(expected), pressure, seed=seed)
    assert got.payloads == expected, f"seed {seed}"


@pytest.mark.parametrize("build", ["parallel, complements", "serial"])
def test_mixers_of_vectors_behind_bursts_take_the_cycles_they_promise(build):
    product = product_of(5, 7, 1)
    mixer = BurstMixer(VECTOR_BUILDS[build](adder_graph(product, rounds=5)))
    x = vectors_of(product, 0)
    got = run_stream(mixer, step_beats(x, product.input_width), len(x) * 7)
    assert max(np.diff(got.cycles[::7])) <= mixer.cycles_per_product
    assert got.cycles[0] == mixer.latency
