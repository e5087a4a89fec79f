"""How a netlist finds its place."""

import json

import pytest

from hdl.devices.devices import find_device
from hdl.devices.resources import Resources
from hdl.toolchain import placement
from hdl.toolchain.placement import DENSE, NO_PLACE, dense_seeds, place_and_route
from hdl.toolchain.synthesis import Synthesis
from quantize.errors import StatespikeError


def place(tmp_path, monkeypatch, errors: list[str]) -> tuple[list[list[str]], list[int]]:
    """The arguments of each call of a placer that fails with these errors before it succeeds.

    And the seeds that are told to be dense.
    """
    calls = []

    def run_tool(name, arguments, folder, log):
        calls.append(arguments)
        (folder / log).write_text("")
        if len(calls) <= len(errors):
            raise StatespikeError(errors[len(calls) - 1])
        figures = {"fmax": {"clk": {"achieved": 50.0}}, "utilization": {}}
        (folder / arguments[arguments.index("--report") + 1]).write_text(json.dumps(figures))

    monkeypatch.setattr(placement, "run_tool", run_tool)
    netlist = tmp_path / "netlist.json"
    netlist.write_text("{}")
    return calls, dense_seeds(place_and_route(synthesis_of(netlist), tmp_path, seeds=(2,)))


def synthesis_of(netlist) -> Synthesis:
    return Synthesis(find_device("up5k"), Resources(1, 1, 0, 0, 0), netlist, netlist, netlist)


def test_a_design_without_a_place_is_placed_at_full_density(tmp_path, monkeypatch):
    (first, second), dense = place(tmp_path, monkeypatch, [f"ERROR: {NO_PLACE} for all cells"])
    assert not set(DENSE) <= set(first)
    assert second == [*first, *DENSE]
    assert dense == [2]


def test_a_design_with_a_place_is_placed_once(tmp_path, monkeypatch):
    calls, dense = place(tmp_path, monkeypatch, [])
    assert len(calls) == 1
    assert dense == []


def test_another_failure_is_told(tmp_path, monkeypatch):
    with pytest.raises(StatespikeError, match="no such file"):
        place(tmp_path, monkeypatch, ["no such file"])


def test_a_design_that_finds_no_place_at_all_is_told(tmp_path, monkeypatch):
    with pytest.raises(StatespikeError, match=NO_PLACE):
        place(tmp_path, monkeypatch, [NO_PLACE, NO_PLACE])
