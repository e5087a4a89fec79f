# amaranth: UnusedElaboratable=no
"""Boards whose tables are loaded: another network of the same shape answers, and no other is let in."""

from dataclasses import replace

import numpy as np
import pytest

from boards.host import Host
from boards.link import LOAD, Link
from boards.loading import payloads_of
from boards.pipe import LinkError
from boards.top import BoardTop
from boards.virtual import VirtualBoard
from hdl.devices.devices import find_device
from hdl.emit.loaded import LoadedShape, difference_of_shapes, loaded_shape
from hdl.network.folding import Folding
from hdl.network.reloadable import ReloadableNetwork, tables_of
from hdl.network.top import Network
from hdl.planning.design_space import foldings
from quantize.convert import Precision, quantise
from quantize.errors import StatespikeError
from quantize.imposed import ImposedFormats
from quantize.network import QuantizedNetwork
from tests.networks import INPUT, random_checkpoint, random_network, random_samples
from tests.noise import NoisyLine


def sibling(network: QuantizedNetwork, model: str, *sizes: int, seed: int, **options) -> QuantizedNetwork:
    """Another draw, in the formats of the first one."""
    checkpoint = random_checkpoint(model, *sizes, seed=seed, **options)
    samples = random_samples(4, 32, checkpoint.config.features, seed=seed)
    return quantise(checkpoint, samples, INPUT, Precision(), formats=ImposedFormats(network))


def smallest(network: QuantizedNetwork, device: str = "ecp5-25k") -> Folding:
    return foldings(network.for_any_contents(), find_device(device))[-1]


def board_of(network: QuantizedNetwork, folding: Folding) -> tuple[VirtualBoard, Link, LoadedShape]:
    shape = loaded_shape(network, folding)
    link = Link.of(network, shape=shape.digest)
    plain = Network(network.for_any_contents(), folding)
    circuit = ReloadableNetwork(plain, link.loaded_identity, folding.single_port_bits)
    return VirtualBoard(BoardTop(circuit, link, 4), watchdog=4_000), link, shape


@pytest.fixture(scope="module")
def first() -> QuantizedNetwork:
    return random_network("prf", 2, 2, 1, seed=1)


@pytest.fixture(scope="module")
def second(first) -> QuantizedNetwork:
    return sibling(first, "prf", 2, 2, 1, seed=2)


def load_both_ways(first: QuantizedNetwork, second: QuantizedNetwork, rate: float) -> NoisyLine:
    """Load the second network into a board that was built for the first one, and the first one again."""
    folding = smallest(first)
    board, link, shape = board_of(first, folding)
    other = loaded_shape(second, folding)
    there = Link.of(second, shape=other.digest)
    u = first.inputs(random_samples(1, 2, seed=5))
    expected = second.compute(u).logits
    assert not np.array_equal(expected, first.compute(u).logits)
    host = Host(board, link)
    assert np.array_equal(host.run(list(u)), first.compute(u).logits)

    noisy = NoisyLine(board, rate, 3)
    host = Host(noisy, there, any_network=True)
    sizes: list[int] = []
    host.load(there, payloads_of(other.tables, there), sizes.append)
    assert sizes == [len(payload) for payload in payloads_of(other.tables, there)]
    assert (host.faults > 0) == (noisy.faults > 0)
    host = Host(board, there)
    assert np.array_equal(host.run(list(u)), expected)
    with pytest.raises(StatespikeError, match="the board is loaded with another network"):
        Host(board, link)

    host = Host(board, link, any_network=True)
    host.load(link, payloads_of(shape.tables, link), lambda size: None)
    assert np.array_equal(host.run(list(u)), first.compute(u).logits)
    return noisy


def test_a_network_is_loaded_and_answers(first, second):
    load_both_ways(first, second, 0.0)


def with_columns_moved(network: QuantizedNetwork) -> Folding:
    """The smallest choice, with a column of each table in a single-port memory: all of some tables."""
    folding = replace(smallest(network), target=replace(smallest(network).target, buffers_in_blocks=True))
    tables = tables_of(network.for_any_contents(), folding)
    assert max(table.width for table in tables) > 16
    return replace(folding, single_port_bits=tuple(min(16, table.width) for table in tables))


def test_a_board_whose_tables_begin_unknown_holds_no_network_until_one_is_loaded(first, second):
    folding = with_columns_moved(first)
    board, link, shape = board_of(first, folding)
    with pytest.raises(StatespikeError, match="or with half of one: load it"):
        Host(board, link)
    u = first.inputs(random_samples(1, 2, seed=5))
    other = loaded_shape(second, folding)
    assert other.digest == shape.digest != loaded_shape(second, smallest(second)).digest
    there = Link.of(second, shape=other.digest)
    host = Host(board, link, any_network=True)
    assert host.holds_none
    for network, each, tables in ((first, link, shape.tables), (second, there, other.tables)):
        host.load(each, payloads_of(tables, each), lambda size: None)
        assert np.array_equal(host.run(list(u)), network.compute(u).logits)
        assert not host.holds_none
    host = Host(board, link, any_network=True)
    with pytest.raises(StatespikeError, match="the board is loaded with another network"):
        host.require_own()


@pytest.mark.slow
def test_frames_of_tables_that_are_damaged_are_sent_again(first, second):
    assert load_both_ways(first, second, 0.01).faults > 1


def test_a_board_that_was_left_half_loaded_holds_no_network(first, second):
    board, link, _ = board_of(first, smallest(first))
    there = Link.of(second, shape=link.shape)
    tables = loaded_shape(second, smallest(first)).tables
    host = Host(board, link)
    begun = list(payloads_of(tables, there))[:3]
    for payload in begun:
        host._store(payload)
    for expected in (link, there):
        with pytest.raises(StatespikeError, match="with half of one: load it"):
            Host(board, expected)
    assert Host(board, there, any_network=True).holds[3:] == bytes(4)


def test_a_host_whose_load_failed_runs_nothing(first, second, monkeypatch):
    board, link, _ = board_of(first, smallest(first))
    there = Link.of(second, shape=link.shape)
    payloads = list(payloads_of(loaded_shape(second, smallest(first)).tables, there))
    host = Host(board, link, attempts=2)
    u = first.inputs(random_samples(1, 1, seed=5))
    with monkeypatch.context() as patch:
        store = host._store

        def fail_in_the_middle(payload: bytes) -> None:
            if payload is payloads[4]:
                raise LinkError("silence")
            store(payload)

        patch.setattr(host, "_store", fail_in_the_middle)
        with pytest.raises(StatespikeError, match="the board's tables could not be loaded in 2 attempts"):
            host.load(there, payloads, lambda size: None)
    with pytest.raises(StatespikeError, match="with half of one: load it"):
        host.run(list(u))


def test_any_network_is_let_in_once(first, second):
    """A board that is restarted because of a fault must hold the network that it held before."""
    board, link, _ = board_of(first, smallest(first))
    host = Host(board, link, any_network=True)
    host._store(next(payloads_of(loaded_shape(second, smallest(first)).tables, link)))
    host._in_step = False
    with pytest.raises(StatespikeError, match="with half of one: load it"):
        host.run(list(first.inputs(random_samples(1, 1, seed=5))))


def test_another_circuit_is_refused_even_to_be_loaded(first):
    board, link, _ = board_of(first, smallest(first))
    with pytest.raises(StatespikeError, match="the board holds another design"):
        Host(board, replace(link, shape="another"), any_network=True)


def test_payloads_hold_every_table_and_the_identity_at_both_ends(first):
    shape = loaded_shape(first, smallest(first))
    link = Link.of(first, shape=shape.digest)
    *contents, identity = shape.tables
    *rows, last = payloads_of(shape.tables, link)
    taken_away = rows.pop(0)
    number = len(contents)
    assert taken_away == bytes([LOAD, number, 0, 0, 0, 3]) + bytes(4)
    assert last == bytes([LOAD, number, 0, 0, 0, 3]) + link.identity[3:]
    assert max(map(len, rows)) <= link.buffer_bytes
    found = {number: {} for number in range(len(contents))}
    for payload in rows:
        _, table, low, high, others, last_byte = payload[:6]
        size = last_byte + 1
        words = [payload[place : place + size] for place in range(6, len(payload), size)]
        assert len(words) == others + 1
        for place, word in enumerate(words, low | high << 8):
            found[table][place] = int.from_bytes(word, "little")
    assert [list(table.words) for table in contents] == [list(each.values()) for each in found.values()]
    assert identity.name == "identity"


def test_networks_of_other_shapes_are_told_apart(first, second):
    assert difference_of_shapes(first, second) is None
    wider = random_network("prf", 4, 2, 1, seed=1)
    assert difference_of_shapes(first, wider) == "encoder with size H 4, not 2"
    deeper = random_network("prf", 2, 2, 2, seed=1)
    assert difference_of_shapes(first, deeper) == "2 layers, not 1"
    normed = random_network("prf", 2, 2, 1, seed=1, final_norm="layer")
    assert difference_of_shapes(first, normed) == "a part norm"
    lean = random_network("gsu_lean", 2, 2, 1, seed=1)
    assert difference_of_shapes(first, lean) == "unit_0 with kind gsu_lean, not spike_linear"
    array = first.blocks[0].array
    finer = replace(first.blocks[0], array=replace(array, damping_shift=array.damping_shift + 1))
    shift = array.damping_shift
    found = difference_of_shapes(first, replace(first, blocks=(finer,)))
    assert found == f"array_0 with damping shift {shift + 1}, not {shift}"


def assert_alike(model: str, norm: str, seed: int) -> None:
    """Two draws have circuits that differ in nothing but contents, in their fastest and smallest builds."""
    network = random_network(model, 4, 4, 2, seed=1, norm=norm, final_norm=norm)
    other = sibling(network, model, 4, 4, 2, seed=seed, norm=norm, final_norm=norm)
    choices = foldings(network.for_any_contents(), find_device("ecp5-25k"))
    for folding in (choices[0], choices[-1]):
        ours, theirs = loaded_shape(network, folding), loaded_shape(other, folding)
        assert ours.digest == theirs.digest
        sizes = [[(table.name, table.depth, table.width) for table in each.tables] for each in (ours, theirs)]
        assert sizes[0] == sizes[1]
        assert [list(table.words) for table in ours.tables] != [list(table.words) for table in theirs.tables]


def test_circuits_of_one_shape_differ_in_contents_alone():
    assert_alike("gsu_lean", "batch", 2)


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["batch", "layer"])
@pytest.mark.parametrize("model", ["gsu_lean", "gsu", "binary_s4d", "prf", "s4d", "spiking_ssm", "tanh"])
def test_circuits_of_one_shape_differ_in_contents_alone_whatever_the_units(model, norm):
    assert_alike(model, norm, 9 if model in ("s4d", "tanh") else 2)


def test_formats_that_cannot_be_imposed_are_refused():
    network = random_network("s4d", 4, 4, 2, seed=1)
    with pytest.raises(StatespikeError, match="unit_0 cannot take the other network's formats: its tables"):
        sibling(network, "s4d", 4, 4, 2, seed=2)
    lean = random_network("gsu_lean", 4, 4, 2, seed=1)
    with pytest.raises(StatespikeError, match="unit_0 is of the kind gelu_glu, and there is one of the kind"):
        sibling(lean, "s4d", 4, 4, 2, seed=2)
    with pytest.raises(StatespikeError, match="pool has mean 0, and there it is 1"):
        sibling(lean, "gsu_lean", 4, 4, 2, seed=2, pooling="last")
    with pytest.raises(StatespikeError, match="encoder has H = 5, and there it is 4"):
        sibling(lean, "gsu_lean", 5, 4, 2, seed=2)
