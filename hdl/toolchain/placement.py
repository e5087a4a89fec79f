"""Place and route by nextpnr, over several seeds: one seed says little about the clock a design can make."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hdl.devices.devices import Device
from hdl.toolchain.synthesis import Synthesis
from hdl.toolchain.tools import run_tool, tool_failure
from quantize.errors import StatespikeError

_LAYOUT = {"ice40": ("--asc", "asc"), "ecp5": ("--textcfg", "config")}
_CONSTRAINTS = {"ice40": "--pcf", "ecp5": "--lpf"}
# On the ECP5-85F, router1 had not routed a network of 21,000 cells after ten minutes, router2 had after two;
# the static placer made 94 MHz of what the default one made 89 MHz of, in less time. Router2 sends wires on
# detours; to rip up those that miss the clock made 115 MHz of 101. It gives up after 1,500 rounds.
_METHODS = {
    "ice40": ("--router", "router1"),
    "ecp5": ("--placer", "static", "--router", "router2", "--tmg-ripup"),
}
# That placer may put a clock without a place at a pin from which no route leads to the clock network. A clock
# pin of the package CABGA381, in which all ECP5 of hdl/devices/devices.py come.
_CLOCK_PIN = 'LOCATE COMP "clk" SITE "G2";\n'


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
    layout : Path
        For the bitstream.
    log : Path
    """

    seed: int
    fmax_mhz: float
    utilisation: dict[str, tuple[int, int]]
    layout: Path
    log: Path


def place_and_route(
    synthesis: Synthesis,
    folder: Path,
    seeds: Sequence[int] = (1, 2, 3),
    clock_mhz: float | None = None,
    constraints: Path | None = None,
    jobs: int = 2,
) -> list[PlaceAndRoute]:
    """Place and route once for each seed.

    A design that misses the clock is no error here: its `fmax_mhz` says so.

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
        Pins (.pcf or .lpf). Without, ports take any pin.
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
    folder.mkdir(parents=True, exist_ok=True)
    target = clock_mhz or synthesis.device.clock_mhz
    files = ["--json", _bring(synthesis.netlist, folder), *_pins(synthesis.device, constraints, folder)]
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda seed: _place(synthesis.device, folder, seed, target, files), seeds))


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


def _pins(device: Device, constraints: Path | None, folder: Path) -> list[str]:
    """What tells nextpnr of the pins: their file, or that all but the clock's are free."""
    if constraints is not None:
        return [_CONSTRAINTS[device.family], _bring(constraints, folder)]
    if device.family == "ice40":
        return []
    (folder / "clock.lpf").write_text(_CLOCK_PIN)
    return [_CONSTRAINTS[device.family], "clock.lpf", "--lpf-allow-unconstrained"]


def _place(device: Device, folder: Path, seed: int, clock_mhz: float, files: list[str]) -> PlaceAndRoute:
    option, suffix = _LAYOUT[device.family]
    layout, report, log = (f"seed{seed}.{ending}" for ending in (suffix, "json", "log"))
    arguments = [
        *device.flags, "--package", device.package, *files, option, layout, "--report", report,
        "--seed", str(seed), "--freq", str(clock_mhz), "--timing-allow-fail",
        *_METHODS[device.family],
    ]  # fmt: skip
    run_tool(f"yowasp-nextpnr-{device.family}", arguments, folder, log)
    figures = json.loads((folder / report).read_text())
    if not figures["fmax"]:
        raise tool_failure("nextpnr found no clock in the design", folder / log)
    return PlaceAndRoute(
        seed=seed,
        fmax_mhz=min(clock["achieved"] for clock in figures["fmax"].values()),
        utilisation={
            name: (entry["used"], entry["available"]) for name, entry in figures["utilization"].items()
        },
        layout=folder / layout,
        log=folder / log,
    )
