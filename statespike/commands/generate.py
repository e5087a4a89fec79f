"""`statespike generate`: a network as Verilog with a manifest."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from hdl.devices.devices import find_device
from hdl.emit.build_folder import MANIFEST, refuse_others
from hdl.emit.generate import DESIGN
from hdl.emit.interface import INTERFACES, PLAIN, interface_of
from hdl.planning.explain import ComponentCost, explain
from quantize.words import per_second
from statespike.library.circuits import generate as generate_folder
from statespike.library.circuits import plan as plan_network
from statespike.networks import integers_of, tell_smaller
from statespike.options import DeviceName, Folded, Json, NetworkPath, Rate, Seeds
from statespike.output import cycles_of, new_table, note, progress, say, show, write_json

BOTTLENECK = "*"
"""Mark of the components that set the pace."""


def generate(
    network: NetworkPath,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="folder to write", show_default=False)
    ],
    device: DeviceName = "up5k",
    rate: Rate = None,
    clock: Annotated[
        float | None,
        typer.Option(
            metavar="MHZ", help="clock to plan for  [default: one that designs reach]", show_default=False
        ),
    ] = None,
    folded: Folded = False,
    explained: Annotated[
        bool, typer.Option("--explain", help="show what each component takes, and which one sets the pace")
    ] = False,
    oversize: Annotated[
        bool, typer.Option("--oversize", help="write the smallest circuit even if the device is too small")
    ] = False,
    interface: Annotated[
        str, typer.Option(metavar="KIND", help=f"of the stream ports: {', '.join(INTERFACES)}")
    ] = PLAIN.form,
    name: Annotated[str, typer.Option(metavar="MODULE", help="name of the top module")] = PLAIN.name,
    prefix: Annotated[
        str,
        typer.Option(metavar="TEXT", help="before the names of the streams' ports", show_default=False),
    ] = PLAIN.prefix,
    pnr: Annotated[bool, typer.Option("--pnr", help="synthesise, place and route")] = False,
    seeds: Seeds = 3,
    json: Json = None,
) -> None:
    """Turn a network into Verilog for an FPGA.

    Ports, schedule and resources are written into a manifest. With --rate the circuit is the smallest
    one that makes so many steps a second at the planned clock, otherwise the fastest one that fits.

    Example: statespike generate smnist-gsu --device up5k -o build/gsu --pnr
    """
    refuse_others(output)
    interface_of(interface, name, prefix)
    usual = find_device(device)
    usual.at(clock)  # what is wrong is said before long work
    integers = integers_of(network, shared_formats=folded)
    with progress() as bars:
        bars.add_task("planning", total=None)
        plan = plan_network(
            integers, device, rate=rate, oversize=oversize, clock_mhz=clock, folded=folded or None
        )
        components = explain(integers, plan) if explained else []
    tell_smaller(integers, plan, rate)
    with progress() as bars:
        bars.add_task("generating, placing and routing" if pnr else "generating", total=None)
        manifest = generate_folder(
            integers,
            output,
            plan=plan,
            seeds=range(1, seeds + 1) if pnr else (),
            interface=interface,
            name=name,
            prefix=prefix,
        )
    if explained:
        show(_explanation(components))
    show(_summary(manifest))
    reached = usual.planning_mhz(plan.streamed)
    if plan.clock_mhz > reached and not pnr:
        note(
            f"designs of this kind reach {reached:g} MHz on {device}; whether this one reaches "
            f"{plan.clock_mhz:g} MHz shows when it is placed (--pnr)"
        )
    if plan.shortfall:
        note(f"{device} is too small for this circuit: it needs {', and '.join(plan.shortfall)}")
    say(f"wrote {output / DESIGN} and {output / MANIFEST}")
    if explained:
        manifest |= {"components": [asdict(component) for component in components]}
    write_json(json, manifest)


def _explanation(components: list[ComponentCost]) -> Table:
    """A row a component: at most 80 columns, of which those of the folding wrap."""
    table = new_table("layer", "component", "folding", title="components, each estimated by itself")
    for column in ("cycles/step", "LUTs", "FFs", "BRAM", "mult."):
        table.add_column(column, justify="right", no_wrap=True)
    for one in components:
        cycles = "" if one.cycles_per_step is None else str(one.cycles_per_step)
        table.add_row(
            "" if one.layer is None else str(one.layer),
            one.name,
            one.parallel,
            f"{BOTTLENECK} {cycles}" if one.bottleneck else cycles,
            str(one.estimate.lut),
            str(one.estimate.ff),
            str(one.estimate.bram),
            str(one.multipliers),
        )
    table.caption = f"{BOTTLENECK} bottleneck: nothing takes more cycles a step (units and norms: at most)"
    table.caption_justify = "left"
    return table


def _summary(manifest: dict[str, Any]) -> Table:
    table = new_table("", manifest["device"])
    table.add_row("cycles per step", cycles_of(manifest))
    for name in ("latency_cycles", "multiplications_per_step", "multipliers"):
        table.add_row(name.replace("_", " "), str(manifest[name]))
    table.add_row(
        f"steps per second at {manifest['clock_from']} {manifest['clock_mhz']:.4g} MHz",
        per_second(manifest["steps_per_second"]),
    )
    origin = "estimated" if manifest["resources_from"] == "estimate" else "in the netlist"
    for name, value in manifest["resources"].items():
        table.add_row(f"{name} {origin}", str(value))
    if manifest["fmax_mhz"]:
        table.add_row("fmax MHz, each seed", ", ".join(f"{value:.1f}" for value in manifest["fmax_mhz"]))
        if manifest["dense_seeds"]:
            table.add_row("seeds placed at full density", ", ".join(map(str, manifest["dense_seeds"])))
        if manifest["untimed"]:
            table.add_row("not timed by the tools", manifest["untimed"])
    return table
