"""Random legal networks on every back end against the integer reference.

    make fuzz N=20 SEED=1

Network number `seed` is `benchmarks.drawn.drawn(seed)`, so a failing network is made again from its number.
Each back end plays what `statespike simulate` plays by default; `verilated` is Verilator without cocotb, and
compiles in a third of the time. Synthesis is slow, so only every so many numbers are simulated as netlists,
and the network of such a number is a tiny one, `drawn(seed, tiny=True)`. A back end that does not run is told
with the reason, and no network counts for it. With `--json` a run goes on where an earlier one stopped.
"""

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.command import command
from benchmarks.drawn import Drawn, drawn
from benchmarks.results import earlier_rows
from hdl.devices.devices import find_device
from hdl.network.top import Network
from hdl.primitives.drafts import unused
from hdl.toolchain import synthesise
from hdl.toolchain.verilog import rtlil_text
from quantize.errors import StatespikeError
from quantize.files import scratch_folder
from sim.backends import backend
from sim.backends.base import Backend
from sim.backends.netlist import Netlist
from sim.backends.verilated import LIBRARY
from sim.check import check
from sim.pace import Varied
from statespike.output import progress, say, write_json

SIMULATORS = ("amaranth", "cxxrtl", "verilated", "icarus")
PARTS = ("up5k", "ecp5-25k", "gw2ar-18c")
"""A part of each family, for netlists; these are of tiny networks."""


def netlist(example: Drawn, part: str, folder: Path) -> Backend:
    """The circuit after synthesis for a part, with what that has in the place of the drawn features."""
    device = find_device(part)
    if example.folding.streamed and not device.family.distributed_memories:
        raise StatespikeError(f"{part} has no distributed memories, which streamed builds live on")
    blocks = example.folding.folded or device.features.tables_in_blocks
    target = replace(device.features, tables_in_blocks=blocks)
    circuit = Network(example.network, replace(example.folding, target=target), taps=True)
    Netlist(folder, device)  # refuses a part whose cells have no models, before the synthesis
    text = rtlil_text(circuit, platform=device.family)
    return Netlist(synthesise(text, device, folder, no_collisions=True).rtlil, device)


def outcome(example: Drawn, name: str, seed: int, folder: Path) -> str:
    """What a back end makes of a network: "equal", the first difference, or why it did not run.

    Of what is compiled in the folder, only Verilator's library is kept, which the next network needs too.
    """
    try:
        with unused():  # a netlist is simulated in the place of its circuit, which is then never elaborated
            chosen = netlist(example, name, folder / "synthesis") if name in PARTS else backend(name)
            found = check(
                example.circuit,
                example.network,
                example.inputs,
                example.lengths,
                chosen,
                Varied(seed),
                folder,
            )
    except StatespikeError as error:
        return f"did not run: {error}"
    finally:
        for made in folder.iterdir():
            if not made.name.startswith(LIBRARY):
                shutil.rmtree(made)
    return "equal" if found.bit_exact else f"differs: {found.first_mismatch}"


def run(
    count: Annotated[int, typer.Option("--count", min=1, help="networks to draw")] = 20,
    seed: Annotated[int, typer.Option(help="number of the first network")] = 1,
    netlists: Annotated[
        int, typer.Option(min=0, help="every so many networks are synthesised as well; 0: none")
    ] = 10,
    simulator: Annotated[list[str] | None, typer.Option(help="may be given again  [default: all]")] = None,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="write the rows, or go on with them")
    ] = None,
) -> None:
    """Compare drawn networks with their reference on every back end; exit status 1 if one is not equal."""
    rows = earlier_rows(json)
    known = {(row["seed"], row["backend"]) for row in rows}
    with scratch_folder() as folder, progress() as bars:
        bar = bars.add_task("comparing", total=count)
        for number in range(seed, seed + count):
            synthesised = PARTS if netlists and (number - seed) % netlists == 0 else ()
            chosen = [one for one in (*(simulator or SIMULATORS), *synthesised) if (number, one) not in known]
            for name in chosen:
                example = drawn(number, tiny=name in PARTS)
                told = outcome(example, name, number, folder)
                rows.append({"seed": number, "backend": name, "outcome": told, "recipe": example.recipe})
                write_json(json, {"rows": rows})
                if told != "equal":
                    say(f"network {number} on {name}: {told}\n    {example.recipe}")
            bars.advance(bar)
    counts = Counter((row["backend"], row["outcome"].partition(":")[0]) for row in rows)
    for (name, told), times in counts.items():
        say(f"{name}: {times} {told}")
    if any(row["outcome"].startswith("differs") for row in rows):
        raise typer.Exit(1)


if __name__ == "__main__":
    command(run)
