"""Netlists of other generators of constant matrix products.

da4ml and alkaid (Sun et al. 2025, "da4ml: Distributed Arithmetic for Real-time Neural Networks on FPGAs")
write Verilog for FPGAs whose adders subtract as well as they add.
"""

import json
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from hdl.devices.devices import Device
from hdl.devices.resources import Resources
from hdl.toolchain import synthesise
from hdl.toolchain.synthesis import count
from hdl.toolchain.verilog import run_yosys
from quantize.errors import StatespikeError
from quantize.extras import how_to_get
from quantize.mixing import TernaryProduct

PEERS = ("da4ml", "alkaid")
FLOWS = ("joined", "apart", "merged")
"""How their adders are mapped: each made a carry chain by itself before all are joined, as ours are; each
mapped to cells by itself; or all in one piece, where Yosys merges additions into carry-save form."""
THEIRS = ("apart", "merged")
"""Those that owe nothing to our mapping: what ours are compared with."""
ADDITIONS = (0, 1)
"""Codes of addition and subtraction in both graphs."""


@dataclass(frozen=True)
class Peer:
    """A peer's circuit for a product: combinational, so a product takes one cycle."""

    name: str
    adders: int
    sources: Path

    def synthesise(self, device: Device, folder: Path, flow: str) -> Resources:
        """Cells of its circuit by one of the `FLOWS`."""
        shutil.copytree(self.sources, folder, dirs_exist_ok=True)
        sources = " ".join(sorted(path.name for path in folder.glob("*.v")))
        passes = {
            "joined": "proc\nopt_expr\nwreduce\nopt_clean\nalumacc\nflatten\nopt_clean\n"
            "write_rtlil flat.il\n",
            "merged": "proc\nflatten\nopt_clean\nwrite_rtlil flat.il\n",
            "apart": "setattr -mod -set keep_hierarchy 1 *adder* *negative*\n"
            f"synth_{device.family.name} -top top\nsetattr -mod -unset keep_hierarchy *\nflatten\nopt_clean\n"
            "tee -q -o cells.json stat -json\n",
        }
        run_yosys(
            f"read_verilog {sources}\nhierarchy -check -top product\nrename product top\n{passes[flow]}",
            folder,
        )
        if flow != "apart":
            return synthesise((folder / "flat.il").read_text(), device, folder / "synthesis").resources
        cells = json.loads((folder / "cells.json").read_text())["design"]["num_cells_by_type"]
        return count(cells, device.family)


def peer(name: str, product: TernaryProduct, folder: Path) -> Peer:
    """A peer's circuit for a product, checked against it.

    Raises
    ------
    StatespikeError
        If the peer is not installed, or its graph computes something else.
    """
    if find_spec(name) is None:
        raise StatespikeError(f"{name} is not installed; to compare with it, {how_to_get(name)}")
    table = product.table.astype(np.float32)
    graph, model = (_da4ml if name == "da4ml" else _alkaid)(table, product.input_width, folder)
    half = 1 << (product.input_width - 1)
    x = np.random.default_rng(0).integers(-half, half, (100, product.inputs))
    if not (graph.predict(x.astype(np.float64)) == product.compute(x)).all():
        raise StatespikeError(f"{name} does not compute the product of {product.table.shape}")
    model.write()
    sources = folder / "sources"
    sources.mkdir()
    generated = [path for path in (folder / "project" / "src").glob("*.v") if "_wrapper" not in path.stem]
    text = "".join(path.read_text() for path in generated)
    for path in [*generated, *(folder / "project" / "src" / "static").glob("*.v")]:
        if path in generated or path.stem in text:
            shutil.copy(path, sources)
    adders = sum(operation.opcode in ADDITIONS for operation in graph.ops)
    return Peer(f"{name} {version(name)}", adders, sources)


def _da4ml(table: Any, width: int, folder: Path) -> tuple[Any, Any]:
    from da4ml.codegen import RTLModel
    from da4ml.trace import FixedVariableArrayInput, HWConfig, comb_trace

    inputs = FixedVariableArrayInput((len(table),), hwconf=HWConfig(1, -1, -1))
    graph = comb_trace(inputs, inputs.quantize(1, width - 1, 0) @ table)
    return graph, RTLModel(graph, prj_name="product", path=folder / "project")


def _alkaid(table: Any, width: int, folder: Path) -> tuple[Any, Any]:
    from alkaid.codegen import RTLModel
    from alkaid.trace import FVArrayInput, trace

    inputs = FVArrayInput((len(table),))
    graph = trace(inputs, inputs.quantize(1, width - 1, 0) @ table)
    # Adders of three operands only suit parts with look-up tables of six inputs.
    return graph, RTLModel(graph, path=folder / "project", prj_name="product", ternary_fuse=False)
