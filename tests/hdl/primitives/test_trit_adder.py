"""The carry cells of a `TritAdder` add what its portable form adds, and nothing is beside them."""

import pytest

from hdl.devices.devices import find_device
from hdl.devices.ecp5 import ECP5
from hdl.primitives.trit_adder import TritAdder
from hdl.toolchain import synthesise
from hdl.toolchain.verilog import rtlil_text, run_yosys


@pytest.mark.synth
@pytest.mark.parametrize(("width", "value_width"), [(1, 1), (2, 4), (4, 4), (5, 3), (6, 2)])
def test_carry_cells_add_what_the_portable_form_adds(width, value_width, tmp_path):
    adder = TritAdder(width, value_width)
    (tmp_path / "portable.il").write_text(rtlil_text(adder, "portable"))
    (tmp_path / "cells.il").write_text(rtlil_text(adder, "cells", platform=ECP5))
    run_yosys(
        "read_rtlil cells.il\nread_verilog -nooverwrite +/lattice/cells_sim_ecp5.v\nhierarchy -top cells\n"
        "proc\nflatten\nrename cells mapped\ndesign -stash mapped\n"
        "read_rtlil portable.il\nproc\nflatten\ndesign -copy-from mapped mapped\n"
        "miter -equiv -flatten portable mapped both\nsat -verify -prove trigger 0 both\n",
        tmp_path,
        "proof.log",
    )


@pytest.mark.synth
@pytest.mark.parametrize(("width", "value_width", "cells"), [(7, 4, 4), (8, 8, 5)])
def test_there_is_a_bit_before_those_of_the_sum_and_no_look_up_table_beside(
    width, value_width, cells, tmp_path
):
    text = rtlil_text(TritAdder(width, value_width), platform=ECP5)
    assert synthesise(text, find_device("ecp5-25k"), tmp_path).resources.lut == 2 * cells
