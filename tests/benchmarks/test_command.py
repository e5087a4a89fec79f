"""Benchmarks as commands: a package that is missing is a sentence, not a traceback."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import pytest
import typer

from benchmarks.command import command
from quantize.files import extending


@pytest.mark.parametrize(
    ("benchmark", "module", "extra", "arguments"),
    [
        ("curves", "matplotlib", "plots", ["curves.svg"]),
        ("mixers", "matplotlib", "plots", ["half-16", "--curve", "mixers.svg"]),
        ("training", "torch", "train", []),
    ],
)
def test_a_missing_package_is_a_sentence(benchmark, module, extra, arguments):
    code = (
        f"import runpy, sys\nsys.modules[{module!r}] = None\nsys.argv[1:] = {arguments!r}\n"
        f"runpy.run_module('benchmarks.{benchmark}', run_name='__main__')"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr == (
        f"error: {module} is not installed; run `pip install -e '.[{extra}]'` in a clone of statespike\n"
    )


def test_options_of_a_benchmark_are_not_taken_for_those_of_a_command(monkeypatch, tmp_path):
    """`statespike run` looks at other options when it is given --keep."""

    def run(keep: Annotated[Path, typer.Option()]) -> None:
        keep.write_text("kept")

    monkeypatch.setattr("sys.argv", ["benchmark", "--keep", str(tmp_path / "file")])
    with pytest.raises(SystemExit) as ended:
        command(run)
    assert not ended.value.code
    assert (tmp_path / "file").read_text() == "kept"


def test_a_file_of_rows_that_another_run_extends_is_refused(monkeypatch, tmp_path, capsys):
    def run(json: Annotated[Path, typer.Option()]) -> None:
        json.write_text("{}")

    path = tmp_path / "rows.json"
    monkeypatch.setattr("sys.argv", ["benchmark", "--json", str(path)])
    with extending(path), pytest.raises(SystemExit) as ended:
        command(run)
    assert ended.value.code == 2 and not path.exists()
    assert "is being written by another process" in capsys.readouterr().err
