from dataclasses import replace

import pytest

from hdl.devices.devices import DEVICES, find_device, require_rate
from hdl.devices.features import LOGIC_MULTIPLIERS, MULTIPLIER_BLOCKS
from quantize.errors import StatespikeError


def test_up5k():
    up5k = find_device("up5k")
    assert (up5k.luts, up5k.block_rams, up5k.sprams, up5k.dsps) == (5280, 30, 4, 8)
    words, bits = up5k.family.single_port_shape
    assert up5k.sprams * words * bits == 1 << 20


def test_unknown_part_is_told_with_the_known_ones():
    with pytest.raises(
        StatespikeError, match=r"unknown device 'virtex'; choose one of up5k, hx8k, lp8k, ecp5-25k"
    ):
        find_device("virtex")


def test_parts_that_stream_plan_a_clock_for_it():
    assert all(
        (one.planning_mhz(streamed=True) > 0) == one.family.distributed_memories for one in DEVICES.values()
    )
    assert find_device("ecp5-25k").planning_mhz(streamed=False) == find_device("ecp5-25k").clock_mhz


def test_parts_without_blocks_multiply_in_logic_which_takes_a_cycle_more():
    assert find_device("hx8k").features == find_device("lp8k").features == LOGIC_MULTIPLIERS
    for one in DEVICES.values():
        if one.dsps:
            assert one.features == replace(MULTIPLIER_BLOCKS, single_port_memories=one.sprams > 0)
    assert LOGIC_MULTIPLIERS.product_latency == MULTIPLIER_BLOCKS.product_latency + 1


@pytest.mark.parametrize("clock", [500.0, 1e9, 0.0, 1e-9, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("name", DEVICES)
def test_a_clock_that_no_design_can_have_is_refused(name, clock):
    with pytest.raises(StatespikeError, match=f"{name} cannot be clocked at .* MHz: .* carries at most"):
        find_device(name).require_clock(clock)


def test_every_planned_clock_is_one_that_the_device_can_have():
    for one in DEVICES.values():
        one.require_clock(max(one.clock_mhz, one.streamed_mhz))


def test_a_clock_of_ones_own_is_that_of_every_kind_of_build():
    up5k, ecp5 = find_device("up5k"), find_device("ecp5-25k")
    assert up5k.at(None) is up5k
    assert (up5k.at(20).clock_mhz, up5k.at(20).streamed_mhz) == (20, 0)
    assert ecp5.at(20).planning_mhz(streamed=True) == ecp5.at(20).planning_mhz(streamed=False) == 20
    with pytest.raises(StatespikeError, match="up5k cannot be clocked at 300 MHz"):
        up5k.at(300)


@pytest.mark.parametrize("rate", [0.0, 1e-9, -1.0, float("nan"), float("inf")])
def test_a_rate_that_no_circuit_can_be_asked_for_is_refused(rate):
    with pytest.raises(StatespikeError, match="steps a second cannot be asked for"):
        require_rate(rate)
