"""A network as Verilog with a manifest, and on request measured: synthesis, place and route."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hdl.devices.devices import Device
from hdl.emit.build_folder import build_folder, read_manifest
from hdl.emit.companions import NONE, Companions
from hdl.emit.harness import SerialHarness
from hdl.emit.header import header_of
from hdl.emit.interface import PLAIN, Interface
from hdl.emit.manifest import manifest_of
from hdl.emit.ports import ports_of
from hdl.planning.cost import counted_form
from hdl.planning.planner import Plan, counted_text
from hdl.toolchain import Expected, dense_seeds, place_and_route, synthesise
from hdl.toolchain.verilog import convert_to_verilog, rtlil_text
from quantize.network import QuantizedNetwork

DESIGN, SOURCE = "design.v", "design.il"


@dataclass(frozen=True)
class Circuit:
    """A network's circuit as text: what comes after it runs tools only, and may do so in a thread.

    Parameters
    ----------
    device : Device
    rtlil : str
        Of the network itself, for any tool.
    mapped : str or None
        The same with the part's own cells, for synthesis.
    harness : str or None
        RTLIL of the network behind two pins, without which it cannot be placed and routed.
    expected : Expected
        The most that synthesis may infer.
    manifest : dict
        What is known so far.
    """

    device: Device
    rtlil: str
    mapped: str | None
    harness: str | None
    expected: Expected
    manifest: dict[str, Any]


def expected_of(plan: Plan) -> Expected:
    """The most that synthesis may infer from a planned network."""
    return Expected(dsp=plan.estimate.dsp, bram=plan.estimate.bram, spram=plan.estimate.spram)


def convert(
    network: QuantizedNetwork,
    plan: Plan,
    *,
    synthesis: bool = True,
    harness: bool = False,
    interface: Interface = PLAIN,
) -> Circuit:
    """Elaborate a network for a part, on request with the harness for place and route.

    Without `synthesis` only Verilog can be made of it. The names of an interface are those of the Verilog;
    synthesis needs none.
    """
    device = plan.device
    counted = counted_form(device)  # that form of the plain circuit may be there already
    plain = counted is None and interface == PLAIN
    portable = counted_text(network, plan) if plain else interface.rtlil(network, plan)
    digest = hashlib.sha256(portable.encode()).hexdigest()
    mapped = framed = None
    if synthesis and counted == device.family and interface.form == PLAIN.form:
        mapped = counted_text(network, plan)
    elif synthesis:
        mapped = rtlil_text(interface.component(network, plan), platform=device.family)
    if harness:
        framed = rtlil_text(SerialHarness(interface.component(network, plan)), platform=device.family)
    return Circuit(
        device=device,
        rtlil=portable,
        mapped=mapped,
        harness=framed,
        expected=expected_of(plan),
        manifest=manifest_of(network, plan, interface) | {"top": ports_of(portable), "rtlil_sha256": digest},
    )


def generate(
    circuit: Circuit,
    folder: Path,
    *,
    synthesis: bool = False,
    seeds: Sequence[int] = (),
    jobs: int = 2,
    clock_mhz: float | None = None,
    companions: Companions = NONE,
) -> dict[str, Any]:
    """Write a build folder, and return its manifest.

    After place and route its clock and its speed are the slowest seed's; where the placer does not time all
    cells, no more than the placer was asked for.

    Parameters
    ----------
    circuit : Circuit
    folder : Path
        Receives `design.v`, the RTLIL that it is made of, `manifest.json` and the tools' files, all or
        nothing.
    synthesis : bool
        Count the resources in the netlist; otherwise they are the plan's estimate.
    seeds : sequence of int
        Place and route with each, which implies synthesis and takes a circuit with its harness; none by
        default.
    jobs : int
        Seeds worked on at the same time.
    clock_mhz : float, optional
        What the placer is asked for; by default the planning clock of this kind of build.
    companions : Companions
        Files to write beside the Verilog; none by default.

    Raises
    ------
    ValueError
        If the circuit was not converted for what is asked.
    StatespikeError
        If a tool is missing or fails, infers more multipliers or memories than planned, or the
        design does not fit.
    """
    manifest = circuit.manifest | {
        "resources": circuit.manifest["estimate"],
        "resources_from": "estimate",
        "fmax_mhz": [],
        "dense_seeds": [],
        "files": {"verilog": DESIGN, "rtlil": SOURCE} | companions.names,
        **companions.facts,
    }
    with build_folder(folder) as build:
        unfinished = build.folder
        source = unfinished / SOURCE
        source.write_text(circuit.rtlil)
        convert_to_verilog(source, header_of(manifest))
        for path, text in companions.texts.items():
            (unfinished / path).parent.mkdir(exist_ok=True)
            (unfinished / path).write_text(text)
        if synthesis or seeds:
            if circuit.mapped is None:
                raise ValueError("a circuit is converted for synthesis before it is synthesised")
            netlist = synthesise(
                circuit.mapped, circuit.device, unfinished / "synthesis", circuit.expected, no_collisions=True
            )
            manifest |= {"resources": netlist.resources.as_dict(), "resources_from": "synthesis"}
            manifest["files"] |= {
                "netlist": str(netlist.rtlil.relative_to(unfinished)),
                "synthesis_log": str(netlist.log.relative_to(unfinished)),
            }
        if seeds:
            if circuit.harness is None:
                raise ValueError("a circuit is placed and routed with its harness: convert it with one")
            tools = unfinished / "placement"
            framed = synthesise(circuit.harness, circuit.device, tools, circuit.expected, no_collisions=True)
            clock = circuit.manifest["clock_mhz"] if clock_mhz is None else clock_mhz
            routed = place_and_route(framed, tools, seeds, clock, jobs=jobs)
            manifest |= clocks(manifest, [one.fmax_mhz for one in routed], clock)
            manifest |= {"utilisation": routed[0].utilisation, "dense_seeds": dense_seeds(routed)}
        build.manifest = manifest
    return build.manifest


def clocks(manifest: Mapping[str, Any], fmax_mhz: Sequence[float], asked_mhz: float) -> dict[str, Any]:
    """Entries that a manifest gets or changes when the placer has found a clock with each seed.

    Parameters
    ----------
    manifest : mapping
    fmax_mhz : sequence of float
    asked_mhz : float
        What the placer was asked for. If it made that but does not time all cells, the clock stays as it
        was.
    """
    slowest = min(fmax_mhz)
    if manifest["untimed"] and slowest >= asked_mhz:
        return {"fmax_mhz": list(fmax_mhz)}
    return {
        "fmax_mhz": list(fmax_mhz),
        "clock_mhz": slowest,
        "clock_from": "measured",
        "steps_per_second": slowest * 1e6 / manifest["cycles_per_step"],
    }


def earlier(circuit: Circuit, folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder that holds this very circuit, synthesised by these very tools; else None."""
    manifest = read_manifest(folder)
    if manifest is None:
        return None
    wanted = circuit.manifest | {"resources_from": "synthesis"}
    # A clock may have been measured since, of the same circuit.
    for name in ("clock_mhz", "clock_from", "steps_per_second"):
        del wanted[name]
    return manifest if all(manifest.get(key) == value for key, value in wanted.items()) else None
