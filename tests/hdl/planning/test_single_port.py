"""Tables that are loaded move into single-port memories where block memories run out, and only there."""

from dataclasses import replace

import pytest

from hdl.devices.devices import Device, find_device
from hdl.network.folding import Folding
from hdl.network.reloadable import circuit_of, tables_of
from hdl.planning.design_space import foldings
from hdl.planning.planner import Plan, assess
from hdl.toolchain import synthesise
from hdl.toolchain.verilog import rtlil_text
from quantize.network import QuantizedNetwork
from tests.networks import random_network

UP5K = find_device("up5k")


@pytest.fixture(scope="module")
def network() -> QuantizedNetwork:
    return random_network("gsu_lean", 32, 4, 1, seed=1).for_any_contents()


@pytest.fixture(scope="module")
def folding(network) -> Folding:
    return foldings(network, UP5K)[-1]


@pytest.fixture(scope="module")
def whole(network, folding) -> Plan:
    """On a part that has enough of all."""
    return assess(network, folding, UP5K)


def with_fewer(plan: Plan, blocks: int) -> Device:
    """The part with so many block memories less than a circuit takes."""
    return replace(UP5K, block_rams=plan.estimate.bram - blocks)


def test_tables_stay_in_blocks_that_begin_with_contents_while_there_are_enough(network, folding, whole):
    assert whole.single_port_bits == ()
    assert assess(network, folding, with_fewer(whole, 0)) == replace(
        whole, device=with_fewer(whole, 0), counted=None
    )


def test_a_table_moves_beside_the_networks_buffers_if_that_frees_as_much():
    """Each table of a small network takes one block, as much as a buffer would take."""
    small = random_network("prf", 8, 4, 1, seed=1).for_any_contents()
    folding = foldings(small, UP5K)[-1]
    whole = assess(small, folding, UP5K)
    plan = assess(small, folding, replace(with_fewer(whole, 1), sprams=whole.estimate.spram + 1))
    assert plan.shortfall == []
    assert not plan.target.buffers_in_blocks
    assert plan.estimate.spram == whole.estimate.spram + 1
    assert plan.estimate.bram == whole.estimate.bram - 1
    assert sum(bits > 0 for bits in plan.single_port_bits) == 1
    assert plan.cycles_per_step == whole.cycles_per_step


def test_buffers_leave_their_memories_to_tables_if_that_frees_more(network, folding, whole):
    """The coefficients, and all words of the unit, are deeper than a block."""
    deep = replace(UP5K, sprams=whole.estimate.spram, block_rams=whole.estimate.bram - 1)
    plan = assess(network, folding, deep)
    assert plan.shortfall == []
    assert plan.target.buffers_in_blocks
    assert plan.estimate.spram == deep.sprams
    assert plan.estimate.bram < whole.estimate.bram
    assert plan.cycles_per_step == whole.cycles_per_step


def test_no_single_port_memory_is_taken_that_frees_nothing(network, folding, whole):
    plan = assess(network, folding, replace(with_fewer(whole, 1), sprams=50))
    assert plan.estimate.spram < 50
    for number, bits in enumerate(plan.single_port_bits):
        assert bits in (0, *range(16, 200, 16), tables_of(network, folding)[number].width)


def test_circuits_of_constant_tables_and_parts_without_such_memories_stay(network, folding, whole):
    constant = random_network("gsu_lean", 32, 4, 1, seed=1)
    plan = assess(constant, folding, replace(UP5K, block_rams=1))
    assert plan.shortfall and plan.single_port_bits == ()
    ecp5 = replace(find_device("ecp5-25k"), block_rams=1)
    plan = assess(network, foldings(network, ecp5)[-1], ecp5)
    assert plan.shortfall and plan.single_port_bits == ()


@pytest.mark.slow
@pytest.mark.synth
@pytest.mark.parametrize("free", [0, 1])
def test_memories_of_moved_tables_are_those_of_synthesis(network, folding, whole, free, tmp_path):
    plan = assess(network, folding, replace(with_fewer(whole, 1), sprams=whole.estimate.spram + free))
    assert any(plan.single_port_bits)
    text = rtlil_text(circuit_of(network, plan), platform=UP5K.family)
    found = synthesise(text, UP5K, tmp_path).resources
    assert (found.bram, found.spram) == (plan.estimate.bram, plan.estimate.spram)
