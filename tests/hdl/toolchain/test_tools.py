"""Logs hold what a tool said, and nothing that changes from run to run; a stopped tool is gone."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from hdl.toolchain import tools
from hdl.toolchain.tools import run_tool, steady
from quantize.errors import StatespikeError
from quantize.files import scratch_folder


def test_times_and_temporary_folders_leave_a_log(tmp_path):
    log = tmp_path / "tool.log"
    log.write_text(
        "ABC: + read_blif <abc-temp-dir> /tmp/yosys-abc-Xy12z/input.blif\n"
        "Info: HeAP Placer Time: 0.12s, 48.25 MHz after 12.5ns\n"
        "End of script. Logfile hash: 4717fee1c2, time: 0.82s, user: 0.83s, MEM: 13 MB\n"
        "Time spent: 45% 1x techmap (0 sec)\n"
        "Warning: kept\n"
    )
    assert steady(log).read_text() == (
        "ABC: + read_blif <abc-temp-dir> /tmp/yosys-abc/input.blif\n"
        "Info: HeAP Placer Time: some time, 48.25 MHz after 12.5ns\n"
        "End of script. Logfile hash: 4717fee1c2\n"
        "Warning: kept\n"
    )


def test_a_stopped_tool_takes_along_what_it_started(monkeypatch, tmp_path):
    """A compiler's driver waits for the compiler itself."""
    (tmp_path / "driver").write_text("#!/bin/sh\nsleep 60 & echo $! > part; mv part child; wait\n")
    (tmp_path / "driver").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(tools, "_STOPPED", Event())
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(run_tool, "driver", [], tmp_path, "log")
        while not (tmp_path / "child").exists():
            assert not running.done(), running.result()
            time.sleep(0.01)
        tools.end_tools()
        with pytest.raises(StatespikeError, match="driver was stopped"):
            running.result()
    child = Path("/proc", (tmp_path / "child").read_text().strip(), "stat")
    deadline = time.monotonic() + 5
    while child.exists() and child.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_log_that_an_error_names_is_there_when_the_tools_folder_is_gone(monkeypatch, tmp_path):
    (tmp_path / "driver").write_text("#!/bin/sh\necho much said\necho ERROR: it went wrong\nexit 3\n")
    (tmp_path / "driver").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    expected = pytest.raises(StatespikeError, match="driver failed: ERROR: it went wrong")
    with expected as raised, scratch_folder() as folder:
        run_tool("driver", [], folder, "driver.log")
    assert not folder.exists()
    log = Path(str(raised.value).rpartition("(log: ")[2].rstrip(")"))
    assert log.read_text() == "much said\nERROR: it went wrong\n"


@pytest.mark.parametrize("environment", [None, {"PATH": os.defpath}])
def test_a_tool_has_its_temporary_files_in_its_folder(environment, monkeypatch, tmp_path):
    (tmp_path / "driver").write_text("#!/bin/sh\ntouch $TMPDIR/temporary\n")
    (tmp_path / "driver").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path)
    run_tool("driver", [], Path("work"), "log", environment)
    assert (tmp_path / "work" / "temporary").exists()
