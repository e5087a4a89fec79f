"""The energy of a circuit is the sum of its parts, in the right units, and a range all the way."""

import pytest

from hdl.devices.devices import DEVICES, find_device
from hdl.devices.power import PowerCosts, Range
from hdl.energy.model import Load, cycle_pj, power_uw
from hdl.energy.step import load_of, step_energy
from hdl.planning.planner import plan_network
from quantize.errors import StatespikeError
from tests.networks import random_network

COSTS = PowerCosts(
    volts=1.2, static_uw=Range(100, 200), oscillator_uw=Range(40, 50), clock_pj=Range(50, 60),
    clocked_cell_pj=Range(0, 0.1), toggle_pj=Range(0.2, 0.4), multiplier_pj=Range(10, 20),
    block_ram_pj=Range(1, 2), single_port_pj=Range(5, 10),
)  # fmt: skip
LOAD = Load(1000, multipliers=2, block_rams=3, single_ports=1, use=Range(0.5, 1), toggles=Range(0.1, 0.5))


def test_a_range_keeps_its_order():
    assert Range(1, 2) + Range(3, 5) == Range(4, 7)
    assert Range(1, 2) * Range(3, 5) == Range(3, 10)
    assert Range(1, 2) * 3 == Range(3, 6)
    with pytest.raises(ValueError, match="a range from 2 to 1"):
        Range(2, 1)


def test_a_picojoule_a_cycle_is_a_microwatt_at_a_megahertz():
    expected = {
        "clock": (50, 160),
        "cells": (20, 200),
        "multipliers": (10, 40),
        "block memories": (1.5, 6),
        "single-port memories": (2.5, 10),
    }
    found = {name: (part.low, part.high) for name, part in cycle_pj(COSTS, LOAD).items()}
    assert list(found) == list(expected)
    for name, bounds in expected.items():
        assert found[name] == pytest.approx(bounds)
    power = power_uw(COSTS, LOAD, 10)
    assert (power.low, power.high) == pytest.approx((100 + 840, 200 + 4160))
    assert power_uw(COSTS, LOAD, 0) == COSTS.static_uw


@pytest.fixture(scope="module")
def planned():
    """A tiny network and its plan."""
    network = random_network("prf", 1, 1, 1, seed=1)
    return network, plan_network(network, find_device("up5k"))


def test_a_step_at_full_speed_takes_the_power_of_its_load(planned):
    network, plan = planned
    step = step_energy(network, plan, COSTS, clock_mhz=10)
    assert step.seconds == pytest.approx(plan.cycles_per_step / 10e6)
    power = power_uw(COSTS, load_of(network, plan), 10)
    assert (step.power_uw.low, step.power_uw.high) == pytest.approx((power.low, power.high))
    assert step.microjoules.low == pytest.approx(power.low * step.seconds)


def test_a_stopped_clock_leaves_the_static_power(planned):
    network, plan = planned
    full = step_energy(network, plan, COSTS, clock_mhz=10)
    slow = step_energy(network, plan, COSTS, clock_mhz=10, rate=100)
    waited = 0.01 - full.seconds
    assert slow.microjoules.low == pytest.approx(full.microjoules.low + 100 * waited)
    assert slow.microjoules.high == pytest.approx(full.microjoules.high + 200 * waited)
    assert slow.parts["clock"] == full.parts["clock"]


def test_an_impossible_rate_is_refused(planned):
    with pytest.raises(StatespikeError, match="steps a second are not possible on up5k: at 10 MHz"):
        step_energy(*planned, COSTS, clock_mhz=10, rate=1e9)
    with pytest.raises(StatespikeError, match="cannot be asked for"):
        step_energy(*planned, COSTS, clock_mhz=10, rate=0.0)


def test_multipliers_work_at_least_for_the_products_of_the_network(planned):
    network, plan = planned
    use = load_of(network, plan).use
    assert use.low * plan.multipliers * plan.cycles_per_step == pytest.approx(
        network.multiplications_per_step
    )
    assert use.high == 1


def test_only_what_was_measured_is_modelled():
    assert [name for name, device in DEVICES.items() if device.power is not None] == ["up5k"]
