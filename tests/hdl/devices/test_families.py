"""A family is one file: nothing else names it, and every family fills in the whole contract."""

import ast
from inspect import isabstract
from pathlib import Path
from typing import get_type_hints

import pytest
from amaranth.hdl import Module, Signal

from hdl.devices.devices import DEVICES, FAMILIES
from hdl.devices.family import Family
from quantize.errors import StatespikeError

ROOT = Path(__file__).parents[3]
PACKAGES = ("quantize", "hdl", "sim", "boards", "statespike")
FAMILY_IDS = [family.name for family in FAMILIES]


def strings_of(path: Path) -> set[str]:
    """All string constants of a module."""
    tree = ast.parse(path.read_text())
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_only_its_own_file_names_a_family():
    names = set(FAMILY_IDS)
    naming = {
        path.relative_to(ROOT).as_posix()
        for package in (*PACKAGES, "benchmarks")
        for path in (ROOT / package).rglob("*.py")
        if strings_of(path) & names
    }
    assert naming == {f"hdl/devices/{name}.py" for name in names}


def test_only_its_own_file_names_a_cell_of_a_family():
    cells = {cell for family in FAMILIES for kinds in family.cells.values() for cell in kinds}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            if path.stem not in FAMILY_IDS:
                assert not strings_of(path) & cells, f"{path} names a vendor's cell"


@pytest.mark.parametrize("family", FAMILIES, ids=FAMILY_IDS)
def test_a_family_fills_in_the_contract(family):
    assert not isabstract(type(family))
    for name in get_type_hints(Family, include_extras=True):
        assert hasattr(family, name), f"{family.title} does not say its {name}"
    assert set(family.cells) == {"lut", "bram", "spram", "dsp"}
    assert family.block_bits == max(
        width << kind.address_bits - index
        for kind in family.block_kinds
        for index, width in enumerate(kind.widths)
    )


def test_two_objects_of_a_family_are_equal_and_two_families_are_not():
    assert all(type(family)() == family for family in FAMILIES)
    assert len({*FAMILIES, *(type(family)() for family in FAMILIES)}) == len(FAMILIES)


def test_single_port_memories_are_those_of_families_that_have_a_cell_for_them():
    assert all(device.family.cells["spram"] for device in DEVICES.values() if device.sprams)
    without = {family for family in FAMILIES if not family.cells["spram"]}
    assert without.isdisjoint(device.family for device in DEVICES.values() if device.sprams)
    for family in without:
        with pytest.raises(StatespikeError, match="no single-port memories"):
            family.single_port_memory(Module(), *(Signal() for _ in range(5)))
