"""`statespike demo`: a trained network becomes a circuit, and the circuit reads real handwriting."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from hdl.devices.devices import find_device
from hdl.emit.build_folder import MANIFEST
from hdl.emit.generate import convert, earlier, generate
from hdl.network.top import Network
from hdl.planning.planner import plan_network
from quantize.checkpoint import read_checkpoint
from quantize.convert import Precision
from quantize.evaluate import evaluate
from quantize.file import save_network
from sim.backends.cxxrtl import Cxxrtl
from sim.check import Check, check
from statespike.models import ZOO
from statespike.models.tasks.registry import load_task
from statespike.models.tasks.task import Sequences
from statespike.networks import quantise_checkpoint
from statespike.options import Json
from statespike.output import new_table, note, progress, say, show, tell_clipping, write_json

TASK = "smnist-sample"
DEVICE = "up5k"
NETWORK, CIRCUIT = "network.safetensors", "circuit"
"""Names in the results' folder."""
PER_ROW = 20
CHECKPOINT = ZOO / "smnist-gsu.safetensors"


def demo(
    images: Annotated[int, typer.Option(min=1, max=400, help="test images to run through the circuit")] = 20,
    folder: Annotated[Path, typer.Option(metavar="FOLDER", help="where the results go")] = Path("build/demo"),
    json: Json = None,
) -> None:
    """Run a trained network's circuit on handwritten digits.

    Every value is compared with the integer reference. Compiled circuit and synthesis are
    kept in the folder: a second run is quick.

    Example: statespike demo --images 50 --json demo.json
    """
    task = load_task(TASK)
    shown = task.test.take(slice(images))
    checkpoint = read_checkpoint(CHECKPOINT)
    network = quantise_checkpoint(checkpoint, task.calibration, Precision()).network
    folder.mkdir(parents=True, exist_ok=True)
    save_network(network, folder / NETWORK)
    plan = plan_network(network, find_device(DEVICE))
    circuit = convert(network, plan)
    known = earlier(circuit, folder / CIRCUIT)
    if known is None:
        note(f"synthesising for the {DEVICE} and compiling the circuit: some minutes, the first time only")
    # Beside the simulation, what neither elaborates circuits nor runs the integer reference: those two do not
    # bear company in one process.
    with ThreadPoolExecutor(2) as beside, progress() as bars:
        synthesis = beside.submit(lambda: known or generate(circuit, folder / CIRCUIT, synthesis=True))
        real = beside.submit(evaluate, checkpoint, task.test.x)
        bar = bars.add_task("compiling and simulating", total=images)
        result = check(
            lambda: Network(network, plan, taps=True),
            network,
            network.inputs(shown.x),
            None,
            Cxxrtl(),
            folder=folder / "simulation",
            on_progress=lambda done: bars.update(bar, completed=done),
        )
        bars.add_task("evaluating, and waiting for synthesis", total=None)
        integers = evaluate(network, task.test.x)
        figures = _circuit_figures(synthesis.result(), result, shown, folder) | {
            "accuracy_float": real.result().accuracy(task.test.y),
            "accuracy_integer": integers.accuracy(task.test.y),
            "accuracy_images": len(task.test),
        }
    assert integers.clipping is not None
    figures["clipping"] = integers.clipping.figures()
    show(_predictions(shown, result))
    show(_summary(figures))
    tell_clipping(integers.clipping)
    for name, path in figures["files"].items():
        say(f"{name.replace('_', ' ')}: {path}")
    write_json(json, figures)
    if not result.bit_exact:
        say(f"the circuit is NOT bit-exact: {result.mismatches} values differ, first {result.first_mismatch}")
        raise typer.Exit(1)
    say(
        f"bit-exact: all {result.compared_values} values of {images} images are those of the integer "
        "reference, every layer's output at every step and every logit"
    )


def _circuit_figures(
    manifest: dict[str, Any], result: Check, shown: Sequences, folder: Path
) -> dict[str, Any]:
    """What the simulation, the manifest and the clock say."""
    steps = shown.x.shape[1]
    files = {"network": folder / NETWORK, "manifest": folder / CIRCUIT / MANIFEST}
    files |= {name: folder / CIRCUIT / path for name, path in manifest["files"].items()}
    return {
        "task": TASK,
        "model": manifest["model"],
        "device": manifest["device"],
        "images": len(shown),
        "steps": steps,
        "compared_values": result.compared_values,
        "mismatches": result.mismatches,
        "bit_exact": result.bit_exact,
        "cycles_per_step": result.cycles_per_step,
        "clock_mhz": manifest["clock_mhz"],
        "seconds_per_image": steps * result.cycles_per_step / (manifest["clock_mhz"] * 1e6),
        "resources": manifest["resources"],
        "files": {name: str(path) for name, path in files.items()},
    }


def _predictions(shown: Sequences, result: Check) -> Table:
    """Prediction and label of each image."""
    assert shown.y is not None
    table = new_table(title="handwritten digits read by the circuit", show_header=False)
    predictions = result.logits.argmax(1)
    for start in range(0, len(shown), PER_ROW):
        shown_part = slice(start, start + PER_ROW)
        table.add_row("label", *(str(label) for label in shown.y[shown_part]))
        table.add_row(
            "circuit",
            *(
                f"[green]{got}[/]" if got == label else f"[bold red]{got}[/]"
                for got, label in zip(predictions[shown_part], shown.y[shown_part], strict=True)
            ),
            end_section=True,
        )
    return table


def _summary(figures: dict[str, Any]) -> Table:
    resources = ", ".join(f"{value} {name}" for name, value in figures["resources"].items())
    clock = figures["clock_mhz"]
    table = new_table(show_header=False)
    table.add_row("network", f"{figures['model']} on {figures['task']}")
    table.add_row(
        f"accuracy on {figures['accuracy_images']} images",
        f"{figures['accuracy_float']:.2%} in floating point, {figures['accuracy_integer']:.2%} in integers",
    )
    table.add_row("cycles a step", f"{figures['cycles_per_step']:.1f}")
    table.add_row(
        "time an image",
        f"{1e3 * figures['seconds_per_image']:.2f} ms ({figures['steps']} steps, {clock:g} MHz)",
    )
    table.add_row(f"{figures['device']} after synthesis", resources)
    return table
