"""`statespike mixer`: a constant ternary matrix as a core of additions, with test bench and cost."""

import math
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from hdl.devices.devices import find_device
from hdl.emit.build_folder import refuse_others
from hdl.mixers.core import BUILDS, CHEAPEST, mixer_core
from hdl.mixers.folder import BENCH, DESIGN, write_core
from quantize.errors import StatespikeError
from quantize.mixing import TernaryProduct
from statespike.library.matrices import matrix_of
from statespike.options import DeviceName, Json
from statespike.output import note, progress, say, show, write_json


def mixer(
    weights: Annotated[
        Path,
        typer.Argument(
            metavar="WEIGHTS",
            help="matrix (inputs, outputs) of -s, 0 and s: .npy, or a tensor of a .pt or .safetensors file",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="folder to write", show_default=False)
    ],
    build: Annotated[
        str, typer.Option(metavar="BUILD", help=f"{', '.join(BUILDS)}, or the {CHEAPEST} of them")
    ] = CHEAPEST,
    cycles: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="at most so many from one product to the next", show_default=False
        ),
    ] = None,
    device: DeviceName = "hx8k",
    input_bits: Annotated[int, typer.Option(min=1, max=32, help="bits of an input, the sign included")] = 8,
    tensor: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="of a file that has several matrices", show_default=False),
    ] = None,
    scale: Annotated[
        float, typer.Option(metavar="S", help="that is stored beside the matrix, as BitNet's weight_scale")
    ] = 1.0,
    transpose: Annotated[
        bool, typer.Option("--transpose", help="the file has a row for each output, as PyTorch's layers do")
    ] = False,
    synthesis: Annotated[bool, typer.Option("--synthesis", help="count the cells in a netlist")] = False,
    json: Json = None,
) -> None:
    """Turn a constant ternary matrix into a core of additions.

    Writes Verilog, a test bench and the cost. The core computes y = x W / s for weights W of -s, 0 and s.
    The rest of your design multiplies by s and by --scale.

    Example: statespike mixer weights.npy --cycles 64 -o build/mixer
    """
    refuse_others(output)
    on = find_device(device)
    matrix = matrix_of(weights, tensor, transpose=transpose)
    if not (math.isfinite(scale) and scale > 0):
        raise StatespikeError(f"--scale is {scale:g}; a scale is a finite number above 0")
    with progress() as bars:
        bars.add_task("searching for shared sums, generating", total=None)
        core = mixer_core(TernaryProduct(matrix.table, input_bits), on, build, cycles)
        manifest = write_core(core, output, matrix.scale * scale, synthesis=synthesis)
    show(_summary(manifest))
    if core.passed_over:
        note(f"not considered, because the matrix is too large for them: {', '.join(core.passed_over)}")
    if manifest["shortfall"]:
        note(f"{device} is too small for this core: it needs {', and '.join(manifest['shortfall'])}")
    say(f"wrote {output / DESIGN}, {output / 'manifest.json'} and {output / BENCH}")
    write_json(json, manifest)


def _summary(manifest: dict[str, Any]) -> Table:
    table = Table("", manifest["device"])
    table.add_row("build", manifest["name"])
    table.add_row("inputs x outputs", f"{manifest['inputs']} x {manifest['outputs']}")
    entries = manifest["inputs"] * manifest["outputs"]
    table.add_row("zeros", f"{manifest['zeros'] / entries:.0%}")
    for port in ("input", "output"):
        table.add_row(f"bits of an {port}", str(manifest["formats"][port]["width"]))
    table.add_row("scale of the outputs", f"{manifest['scale']:g}")
    table.add_row("cycles a product", str(manifest["cycles_per_product"]))
    origin = "estimated" if manifest["resources_from"] == "estimate" else "in the netlist"
    for name in ("lut", "ff", "bram"):
        table.add_row(f"{name} {origin}", str(manifest["resources"][name]))
    return table
