"""What commands print: tables of 80 columns, progress on a terminal and in a pipe, colours."""

import os
import pty
import subprocess
import sys
from errno import ENOSPC

import pytest

from quantize.errors import writing_to
from statespike import output
from statespike.output import new_table, progress, say_prose, show


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize(
    "command",
    [
        ("inspect", "smnist-gsu"),
        ("cost", "digits-spiking_ssm-4bit", "--device", "hx8k", "--device", "ecp5-25k"),
        ("generate", "digits-binary_s4d", "--explain", "-o", "build"),
    ],
)
def test_tables_have_80_columns_and_lose_nothing(run, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*command)
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "…" not in result.stdout


def test_a_word_too_long_for_its_column_is_folded(capsys):
    table = new_table("a", "b")
    table.add_row("x" * 100, "y")
    show(table)
    assert capsys.readouterr().out.count("x") == 100


def test_without_a_terminal_work_is_told_in_a_line(capsys):
    with progress() as bars:
        bar = bars.add_task("simulating", total=1000)
        for _ in range(1000):
            bars.advance(bar)
        bars.add_task("planning", total=None)
    assert capsys.readouterr().err == "simulating 0/1,000\nplanning\n"


def test_without_a_terminal_long_work_is_told_again(capsys, monkeypatch):
    now = 0.0
    monkeypatch.setattr(output.time, "monotonic", lambda: now)
    with progress() as bars:
        bar = bars.add_task("simulating", total=10)
        for _ in range(5):
            now += output.SECONDS_BETWEEN_LINES / 2
            bars.advance(bar)
    assert capsys.readouterr().err == "simulating 0/10\nsimulating 2/10\nsimulating 4/10\n"


def on_a_terminal(code, **environment):
    """What a program prints on a terminal of 80 columns."""
    near, far = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=far,
        stderr=far,
        stdin=far,
        env=os.environ | {"TERM": "xterm-256color"} | environment,
    )
    os.close(far)
    printed = b""
    while True:
        try:
            part = os.read(near, 1 << 16)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        printed += part
    os.close(near)
    assert process.wait() == 0
    return printed.decode()


def test_unknown_totals_are_not_counted_on_a_terminal():
    code = (
        "import time\nfrom statespike.output import progress\n"
        "with progress() as bars:\n  bars.add_task('planning', total=None)\n"
        "  bars.add_task('simulating', total=7)\n  time.sleep(0.3)"
    )
    printed = on_a_terminal(code)
    assert "planning" in printed
    assert "0/7" in printed
    assert "?" not in printed.replace("\x1b[?25", "")


def test_no_colours_when_they_are_not_wanted():
    code = (
        "from statespike.output import new_table, show\n"
        "table = new_table('a')\ntable.add_row('[green]text[/]')\nshow(table)"
    )
    assert "\x1b[32m" in on_a_terminal(code)
    assert "\x1b[32m" not in on_a_terminal(code, NO_COLOR="1")


@pytest.mark.parametrize("columns", ["0", "1"])
def test_a_terminal_without_columns_still_shows_everything(run, monkeypatch, capsys, columns):
    monkeypatch.setenv("COLUMNS", columns)
    assert "digits-gsu" in run("inspect").stdout
    say_prose("a word and another")
    assert capsys.readouterr().out == "a word and another\n"


def test_an_error_of_writing_names_what_is_written_to():
    with pytest.raises(OSError, match="standard output") as told, writing_to("standard output"):
        raise OSError(ENOSPC, "No space left on device")
    assert told.value.errno == ENOSPC
    with pytest.raises(OSError, match=r"a\.npy"), writing_to("standard output"):
        raise OSError(ENOSPC, "No space left on device", "a.npy")
    with pytest.raises(BrokenPipeError), writing_to("standard output"):
        raise BrokenPipeError


def test_standard_output_of_any_encoding_takes_any_name(tmp_path):
    name = os.fsencode(tmp_path) + "/\u00fc \u221a ".encode() + b"\xff.json"
    told = subprocess.run(
        [sys.executable, "-m", "statespike", "inspect", "--json", name],
        env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, check=True,
    )  # fmt: skip
    assert b"digits-gsu" in told.stdout
    assert [os.fsencode(path) for path in tmp_path.iterdir()] == [name]
