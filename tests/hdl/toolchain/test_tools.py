"""Logs hold what a tool said, and nothing that changes from run to run."""

from hdl.toolchain.tools import steady


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
