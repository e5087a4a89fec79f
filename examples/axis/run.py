"""Run the packets of a build folder through its design in Icarus Verilog: run.py FOLDER."""

import json
import sys
from pathlib import Path

from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

folder = Path(sys.argv[1]).resolve()
manifest = json.loads((folder / "manifest.json").read_text())
simulation, results = folder.parent / "sim_axis", folder.parent / "results.xml"
runner = get_runner("icarus")
runner.build(
    sources=[folder / "design.v"],
    hdl_toplevel=manifest["module"],
    build_dir=simulation,
    timescale=("1ns", "1ps"),
    always=True,
)
runner.test(
    test_module="packets",
    hdl_toplevel=manifest["module"],
    build_dir=simulation,
    test_dir=Path(__file__).parent,
    timescale=("1ns", "1ps"),
    results_xml=str(results),
    extra_env={"BUILD_FOLDER": str(folder)},
)
_, failed = get_results(results)
sys.exit(failed)
