"""Place and route by nextpnr, over several seeds: one seed says little about the clock a design can make."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hdl.devices.devices import Device
from hdl.toolchain.synthesis import Synthesis
from hdl.toolchain.tools import run_tool, steady, tool_failure
from quantize.errors import StatespikeError

NO_PLACE = "Unable to find legal placement"
"""What nextpnr says where its placer gave up."""
DENSE = ("--placer-heap-beta", "1")
"""Lets the placer fill every region, of which it leaves a tenth free by default."""


@dataclass(frozen=True)
class PlaceAndRoute:
    """One placed and routed design.

    Parameters
    ----------
    seed : int
        Of the placer.
    fmax_mhz : float
        The least over all clock nets. On the UP5K, nextpnr times every pin of SB_MAC16 and SPRAM as if
        registered: the figure holds only where the design registers operands and product inside the cell.
    utilisation : dict of nextpnr's cell type to (used, available)
        Of cells that have a place on the part.
    layout : Path
        For the bitstream.
    log : Path
    dense : bool
        It found its place at full density only.
    """

    seed: int
    fmax_mhz: float
    utilisation: dict[str, tuple[int, int]]
    layout: Path
    log: Path
    dense: bool = False


def place_and_route(
    synthesis: Synthesis,
    folder: Path,
    seeds: Sequence[int] = (1, 2, 3),
    clock_mhz: float | None = None,
    constraints: Path | None = None,
    jobs: int = 2,
) -> list[PlaceAndRoute]:
    """Place and route once for each seed.

    A design that misses the clock is no error here: its `fmax_mhz` says so. One that finds no place, as it
    may where it takes more than nine tenths of the cells, is placed once more at full density.

    Parameters
    ----------
    synthesis : Synthesis
        Of a design with few enough ports for pins: a board top, or a `SerialHarness`.
    folder : Path
        Receives layouts, reports and logs.
    seeds : sequence of int
    clock_mhz : float, optional
        Target; by default the part's planning clock. It steers the placer.
    constraints : Path, optional
        Pins, in the family's format. Without, ports take any pin.
    jobs : int
        Seeds worked on at the same time.

    Returns
    -------
    list of PlaceAndRoute, one a seed, in their order

    Raises
    ------
    StatespikeError
        If the design does not fit, or nextpnr is missing or fails.
    """
    require_fit(synthesis)
    if clock_mhz is not None:
        synthesis.device.require_clock(clock_mhz)
    folder.mkdir(parents=True, exist_ok=True)
    target = clock_mhz or synthesis.device.clock_mhz
    netlist, pins = _bring(synthesis.netlist, folder), _pins(synthesis.device, constraints, folder)

    def place(seed: int) -> PlaceAndRoute:
        device = synthesis.device
        layout = f"seed{seed}{device.family.layout_suffix}"
        own = device.family.placement_arguments(device, layout, pins, free=constraints is None)
        return _place(device, folder, seed, layout, ["--json", netlist, *own, "--freq", str(target)])

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(place, seeds))


def require_fit(synthesis: Synthesis) -> None:
    """Compare a netlist with what its part holds.

    Raises
    ------
    StatespikeError
        If something is short; the message says what, and by how much.
    """
    device = synthesis.device
    short = synthesis.resources.shortfall(device)
    if short:
        raise StatespikeError(f"the design does not fit {device.name}: it needs {', and '.join(short)}")


def _bring(path: Path, folder: Path) -> str:
    """Name of a file inside `folder`, copied there if it lies elsewhere; nextpnr sees only relative names."""
    if path.parent.resolve() != folder.resolve():
        (folder / path.name).write_bytes(path.read_bytes())
    return path.name


def _pins(device: Device, constraints: Path | None, folder: Path) -> str | None:
    """Name of the constraint file inside `folder`, if there is one."""
    if constraints is not None:
        return _bring(constraints, folder)
    if not device.free_constraints:
        return None
    free = folder / f"free{device.family.constraint_suffix}"
    free.write_text(device.free_constraints)
    return free.name


def _place(device: Device, folder: Path, seed: int, layout: str, arguments: list[str]) -> PlaceAndRoute:
    report, log = f"seed{seed}.json", f"seed{seed}.log"
    common = [*arguments, "--report", report, "--seed", str(seed), "--timing-allow-fail"]
    dense = False
    try:
        run_tool(device.family.placer, common, folder, log)
    except StatespikeError as error:
        if NO_PLACE not in str(error):
            raise
        dense = True
        run_tool(device.family.placer, [*common, *DENSE], folder, log)
    figures = json.loads((folder / report).read_text())
    if not figures["fmax"]:
        raise tool_failure("nextpnr found no clock in the design", folder / log)
    return PlaceAndRoute(
        seed=seed,
        fmax_mhz=min(clock["achieved"] for clock in figures["fmax"].values()),
        utilisation={
            name: (entry["used"], entry["available"])
            for name, entry in figures["utilization"].items()
            if entry["available"]
        },
        layout=folder / layout,
        log=steady(folder / log),
        dense=dense,
    )


def dense_seeds(routed: Sequence[PlaceAndRoute]) -> list[int]:
    """The seeds that found a place at full density only: the device is nearly full."""
    return [one.seed for one in routed if one.dense]
