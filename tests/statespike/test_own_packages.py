"""A folder whose modules are called like ours: it works, or one sentence says what is in the way."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).parents[2]


def run(folder, *arguments, path=(HOME,)):
    """Run Python in a folder, with other folders behind it on the path."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def package(folder, init=True):
    folder.mkdir(parents=True)
    (folder / ("__init__.py" if init else "other.py")).write_text("X = 1\n")
    return folder


def assert_sentence(result, foreign, name):
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert f"{foreign} " in line
    assert f"{HOME / name};" in line
    assert "rename" in line
    assert len(line) < 400


def test_a_foreign_models_folder_is_in_nobodys_way(tmp_path):
    package(tmp_path / "models")
    assert run(tmp_path, "-m", "statespike", "inspect", "--help").returncode == 0
    script = tmp_path / "script.py"
    script.write_text("import models, statespike, statespike.models\nassert models.X == 1\n")
    result = run(tmp_path, script)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", ["quantize", "hdl", "sim", "boards"])
def test_a_foreign_package_is_named_by_the_program_and_by_a_script(tmp_path, name):
    foreign = package(tmp_path / name)
    assert_sentence(run(tmp_path, "-m", "statespike", "--help"), foreign, name)
    script = tmp_path / "script.py"
    script.write_text("import statespike\n")
    assert_sentence(run(tmp_path, script), foreign, name)


def test_a_foreign_module_is_named(tmp_path):
    foreign = tmp_path / "hdl.py"
    foreign.write_text("")
    assert_sentence(run(tmp_path, "-m", "statespike", "--help"), foreign, "hdl")


def test_a_foreign_package_elsewhere_on_the_path_is_named(tmp_path):
    foreign = package(tmp_path / "elsewhere" / "boards")
    (tmp_path / "here").mkdir()
    result = run(tmp_path / "here", "-c", "import statespike", path=(tmp_path / "elsewhere", HOME))
    assert_sentence(result, foreign, "boards")


def test_a_foreign_package_behind_ours_is_in_nobodys_way(tmp_path):
    package(tmp_path / "elsewhere" / "boards")
    (tmp_path / "here").mkdir()
    result = run(tmp_path / "here", "-c", "import statespike", path=(HOME, tmp_path / "elsewhere"))
    assert (result.returncode, result.stderr) == (0, "")


def test_a_foreign_module_that_is_imported_already_is_named(tmp_path):
    foreign = package(tmp_path / "sim")
    result = run(tmp_path, "-c", "import sim, sys; sys.path.pop(0); import statespike")
    assert_sentence(result, foreign, "sim")


def test_a_folder_without_an_init_yields_to_our_package(tmp_path):
    for name in ("sim", "models", "quantize"):
        package(tmp_path / name, init=False)
    result = run(tmp_path, "-m", "statespike", "inspect", "--help")
    assert (result.returncode, result.stderr) == (0, "")


def test_a_folder_without_an_init_before_an_editable_installation_is_named(tmp_path):
    # An editable installation finds packages by a finder that comes behind the path.
    foreign = package(tmp_path / "here" / "sim", init=False)
    result = run(
        foreign.parent,
        "-c",
        f"""
import importlib.util, pathlib, sys
class Finder:
    def find_spec(name, path=None, target=None):
        place = pathlib.Path({str(HOME)!r}, name)
        if path is None and (place / "__init__.py").exists():
            return importlib.util.spec_from_file_location(
                name, place / "__init__.py", submodule_search_locations=[str(place)])
sys.meta_path.append(Finder)
import statespike
""",
        path=(),
    )
    assert_sentence(result, foreign, "sim")


def test_a_program_can_do_without(tmp_path):
    package(tmp_path / "sim")
    code = "try:\n  import statespike\nexcept ImportError as error:\n  print(error.name)"
    result = run(tmp_path, "-c", code)
    assert (result.returncode, result.stdout) == (0, "sim\n")
