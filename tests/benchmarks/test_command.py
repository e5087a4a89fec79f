"""Benchmarks as commands: a package that is missing is a sentence, not a traceback."""

import subprocess
import sys

import pytest


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
