"""What units are said to take when their forms are compared is what synthesis makes of them."""

import pytest

from hdl.devices.devices import find_device
from hdl.toolchain import synthesise
from hdl.toolchain.verilog import rtlil_text
from hdl.units.gsu.sums import MovedSums, StandingSums
from tests.networks import random_network


@pytest.mark.synth
@pytest.mark.parametrize("sums", [MovedSums, StandingSums])
@pytest.mark.parametrize("device", ["hx8k", "ecp5-25k", "gw1nr-9c"])
def test_lanes_of_a_gsu_take_what_the_planner_compares(sums, device, tmp_path):
    spec, on = random_network("gsu", 24, 2, 1, seed=0).blocks[0].unit, find_device(device)
    few, more = (
        synthesise(rtlil_text(sums(spec, lanes)), on, tmp_path / str(lanes)).resources.lut for lanes in (2, 6)
    )
    assert sums.lane_cells(spec, on.family.costs) == pytest.approx((more - few) / 4, rel=0.15)
