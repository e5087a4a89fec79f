"""The import tables of `docs/architecture.md` are what the code does, and imports point one way."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("quantize", "hdl", "sim", "boards", "statespike/models", "statespike", "benchmarks")
"""From the bottom to the top: each imports only what stands before it."""
ROOMS = (
    "devices", "primitives", "encoder", "ssm", "norm", "units", "head", "network", "toolchain", "planning",
    "energy", "emit", "mixers",
)  # fmt: skip
"""The folders of `hdl/`, likewise."""


def table(heading: str) -> dict[str, set[str]]:
    """Folder -> names in its last column, of the table below a heading of the document."""
    text = (ROOT / "docs/architecture.md").read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+?)/` \|.*\| ([^|]*) \|$", text, re.MULTILINE)
    return {folder: set(re.findall(r"`([^`]+)`", imports)) for folder, imports in rows}


@cache
def modules_imported(path: Path) -> set[str]:
    """Every module that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # What is imported from a package may be a module of it.
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def package_of(module: str) -> str | None:
    """The package of ours that a module lies in."""
    parts = module.split(".")
    if parts[:2] == ["statespike", "models"]:
        return "statespike/models"
    return parts[0] if parts[0] in PACKAGES else None


def imports_of(package: str) -> set[str]:
    """The other packages that the files of one import."""
    files = [path for path in (ROOT / package).rglob("*.py")]
    if package == "statespike":
        files = [path for path in files if not path.is_relative_to(ROOT / "statespike/models")]
    found = {package_of(module) for path in files for module in modules_imported(path)}
    return {name for name in found if name is not None} - {package}


def rooms_imported(room: str) -> set[str]:
    """The other rooms of `hdl/` that the files of one import."""
    modules = {name for path in (ROOT / "hdl" / room).glob("*.py") for name in modules_imported(path)}
    return {name.split(".")[1] for name in modules if name.startswith("hdl.")} - {room}


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_what_the_document_says(package):
    assert imports_of(package) == table("The packages")[package]


def test_packages_import_only_those_below():
    for place, package in enumerate(PACKAGES):
        assert imports_of(package) <= set(PACKAGES[:place])


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_of_hdl_import_what_the_document_says(room):
    assert rooms_imported(room) == table("hdl/: the folders are the data path")[room]


def test_rooms_of_hdl_import_only_those_below():
    assert {path.parent.name for path in (ROOT / "hdl").glob("*/__init__.py")} == set(ROOMS)
    for place, room in enumerate(ROOMS):
        assert rooms_imported(room) <= set(ROOMS[:place])


def users_of(library: str) -> set[str]:
    """Files that import a library."""
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    using = [path for path in files if any(name.split(".")[0] == library for name in modules_imported(path))]
    return {path.relative_to(ROOT).as_posix() for path in using}


def test_only_training_needs_torch():
    training = ("statespike/models/", "statespike/commands/train.py", "statespike/torch.py", "benchmarks/")
    assert all(path.startswith(training) for path in users_of("torch"))


def test_numbers_need_no_gates():
    assert not any(path.startswith(("quantize/", "statespike/models/")) for path in users_of("amaranth"))


def additions() -> dict[str, list[str]]:
    """What is added -> the files that its entry in the document names, in backticks."""
    text = (ROOT / "docs/architecture.md").read_text()
    text = text.partition("## Adding something\n")[2].partition("\n## ")[0]
    entries = re.findall(r"^- \*\*(.+?)\*\*:(.*?)(?=\n- |\Z)", text, re.MULTILINE | re.DOTALL)
    return {what: re.findall(r"`([\w/]+\.py)`", entry) for what, entry in entries}


@pytest.mark.parametrize("what", sorted(additions()))
def test_an_addition_takes_few_new_files_and_the_others_exist(what):
    new = [name for name in additions()[what] if re.search(r"/[A-Z]+\.py$", name)]
    assert len(new) <= 3
    for name in additions()[what]:
        if name in new:
            assert (ROOT / name).parent.is_dir()
        else:
            assert (ROOT / name).is_file()
