"""A kind of array, unit, head or norm is known to every layer of the program, or to none."""

from collections.abc import Collection
from dataclasses import replace

import pytest

import hdl.network.kinds
import hdl.units
from hdl.network.kinds import components_of, values_in
from hdl.units.glu import Glu
from hdl.units.unit import UnitKind
from quantize import kinds
from quantize.configuration import NORMS
from quantize.layers.functions import Tanh
from quantize.layers.glu import SmoothGluSpec
from statespike.models import kinds as models
from statespike.models import norm

AXES = ("ARRAYS", "UNITS", "HEADS")


def missing(tables: dict[str, Collection[str]]) -> list[str]:
    """What tables lack of the kinds that others have."""
    known = sorted({kind for table in tables.values() for kind in table})
    return [
        f"{kind} is not in {name}" for kind in known for name, table in tables.items() if kind not in table
    ]


def tables() -> list[dict[str, Collection[str]]]:
    """The tables that must have the same kinds: by names in a configuration, and by specifications."""
    by_name: list[dict[str, Collection[str]]] = [
        {
            f"quantize.kinds.{axis}": getattr(kinds, axis),
            f"statespike.models.kinds.{axis}": getattr(models, axis),
        }
        for axis in AXES
    ]
    by_specification: list[dict[str, Collection[str]]] = [
        {
            f"quantize.kinds.{axis}": {kind.specification.kind for kind in getattr(kinds, axis).values()},
            f"hdl.network.kinds.{axis}": getattr(hdl.network.kinds, axis),
        }
        for axis in AXES
    ]
    norms: dict[str, Collection[str]] = {
        "quantize.configuration.NORMS": NORMS, "statespike.models.norm.NORMS": norm.NORMS,
    }  # fmt: skip
    return [*by_name, *by_specification, norms]


def test_every_kind_is_registered_everywhere():
    assert [sentence for group in tables() for sentence in missing(group)] == []


def test_what_is_missing_is_listed(monkeypatch):
    monkeypatch.delitem(hdl.network.kinds.UNITS, "gsu_lean")
    monkeypatch.delitem(models.ARRAYS, "s4d")
    assert [sentence for group in tables() for sentence in missing(group)] == [
        "s4d is not in statespike.models.kinds.ARRAYS",
        "gsu_lean is not in hdl.network.kinds.UNITS",
    ]


class SineGluSpec(SmoothGluSpec):
    """Another smooth activation from a table."""

    kind = "sine_glu"
    function = Tanh()


def test_a_unit_with_another_activation_has_its_component_already():
    sine = replace(kinds.UNITS["tanh"], specification=SineGluSpec)
    declared = [kind for kind in values_in(hdl.units) if isinstance(kind, UnitKind)]
    assert components_of({"sine": sine}, declared)["sine_glu"].component is Glu


def test_a_kind_without_a_component_is_left_out():
    assert components_of(kinds.UNITS, []) == {}


def test_two_components_for_one_specification_are_refused():
    declared = [UnitKind(SineGluSpec, Glu), UnitKind(SineGluSpec, Glu)]
    with pytest.raises(TypeError, match="SineGluSpec has two declarations"):
        components_of(kinds.UNITS, declared)
