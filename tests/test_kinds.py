"""A kind of array, unit, head or norm is known to every layer of the program, or to none."""

from collections.abc import Collection

import hdl.network.kinds
import statespike.models.kinds
from quantize import configuration, kinds, layer_kinds
from statespike.models.norm import NORMS


def missing(tables: dict[str, Collection[str]]) -> list[str]:
    """What tables lack of the kinds that others have."""
    known = sorted({kind for table in tables.values() for kind in table})
    return [
        f"{kind} is not in {name}" for kind in known for name, table in tables.items() if kind not in table
    ]


def tables() -> list[dict[str, Collection[str]]]:
    """The tables that must have the same kinds: by names in a configuration, and by specifications."""
    return [
        {
            "quantize.configuration.ARRAY_TENSORS": configuration.ARRAY_TENSORS,
            "quantize.kinds.ARRAYS": kinds.ARRAYS,
            "statespike.models.kinds.ARRAYS": statespike.models.kinds.ARRAYS,
        },
        {
            "quantize.layer_kinds.ARRAY_KINDS": layer_kinds.ARRAY_KINDS,
            "quantize.kinds.ARRAYS": {kind.specification.kind for kind in kinds.ARRAYS.values()},
            "hdl.network.kinds.ARRAYS": hdl.network.kinds.ARRAYS,
        },
        {
            "quantize.configuration.UNIT_TENSORS": configuration.UNIT_TENSORS,
            "quantize.kinds.UNITS": kinds.UNITS,
            "statespike.models.kinds.UNITS": statespike.models.kinds.UNITS,
        },
        {
            "quantize.layer_kinds.UNIT_KINDS": layer_kinds.UNIT_KINDS,
            "quantize.kinds.UNITS": {kind.specification.kind for kind in kinds.UNITS.values()},
            "hdl.network.kinds.UNITS": hdl.network.kinds.UNITS,
        },
        {
            "quantize.configuration.HEADS": configuration.HEADS,
            "quantize.kinds.HEADS": kinds.HEADS,
            "statespike.models.kinds.HEADS": statespike.models.kinds.HEADS,
        },
        {
            "quantize.layer_kinds.HEAD_KINDS": layer_kinds.HEAD_KINDS,
            "quantize.kinds.HEADS": {kind.specification.kind for kind in kinds.HEADS.values()},
            "hdl.network.kinds.HEADS": hdl.network.kinds.HEADS,
        },
        {
            "quantize.configuration.OUTPUTS": configuration.OUTPUTS,
            "quantize.kinds.OUTPUTS": kinds.OUTPUTS,
            "quantize.layer_kinds.DECODER_KINDS": {
                kind.output for kind in layer_kinds.DECODER_KINDS.values()
            },
        },
        {"quantize.configuration.NORMS": configuration.NORMS, "statespike.models.norm.NORMS": NORMS},
    ]


def test_every_kind_is_registered_everywhere():
    assert [sentence for group in tables() for sentence in missing(group)] == []


def test_what_is_missing_is_listed(monkeypatch):
    monkeypatch.delitem(hdl.network.kinds.UNITS, "gsu_lean")
    monkeypatch.delitem(statespike.models.kinds.ARRAYS, "s4d")
    assert [sentence for group in tables() for sentence in missing(group)] == [
        "s4d is not in statespike.models.kinds.ARRAYS",
        "gsu_lean is not in hdl.network.kinds.UNITS",
    ]
