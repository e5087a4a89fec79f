"""Estimates beside synthesis, of drawn networks that no weight was fitted on.

    python -m benchmarks.estimates --count 12 --json estimates.json
    python -m benchmarks.estimates --count 36 --json estimates.json --page docs/estimates.md

Each seed draws a kind of unit, a size, arrays, norms, a head, an encoder, a precision, a device and one of
the planner's choices for it. The circuit is counted as `statespike cost` does it, and synthesised. A netlist
that the file already has is not made again as long as the circuit is the same; the estimate is always new.
"""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.command import command
from benchmarks.drawn import drawn_network
from benchmarks.results import earlier_rows, markdown_table
from hdl.devices.devices import Device, find_device
from hdl.network.folding import Folding
from hdl.network.top import Network
from hdl.planning.design_space import foldings
from hdl.planning.planner import assess
from hdl.primitives.drafts import drafts
from hdl.toolchain.synthesis import synthesise
from hdl.toolchain.verilog import rtlil_text
from quantize.configuration import MODELS
from quantize.convert import Precision
from quantize.network import QuantizedNetwork
from statespike.markdown import put_table
from statespike.output import progress, say, write_json

TABLE = "estimates"
PARTS = ("up5k", "hx8k", "ecp5-25k", "gw1nr-9c")
CHANNELS, MODES = (1, 2, 5, 8, 16, 24, 32, 64), (1, 2, 3, 4, 8, 16, 32)
SIZES = tuple(
    [(channels, modes) for channels in CHANNELS for modes in MODES if least <= channels * modes <= 256]
    for least in (1, 48)
)
"""Channels and modes of a layer, of any size and of the larger ones; beyond, synthesis takes minutes."""
NORMS = (("batch", "pre", "batch"), ("layer", "pre", "layer"), ("layer", "post", "batch"))
ARRAYS = ("s4d", "s4d", "s4d", "s4d_real")
PRECISIONS = (Precision(), Precision(6, 12), Precision(4, 10))
HEADS = ("mean", "last", "every_step", "running")
COUNTED = ("lut", "ff", "bram", "spram", "dsp")


@dataclass(frozen=True)
class Case:
    """A drawn network, one of the planner's choices for it, and a device."""

    name: str
    network: QuantizedNetwork
    folding: Folding
    device: Device


def drawn_case(seed: int) -> Case:
    """What a seed draws; consecutive seeds go through all kinds of units, all parts and all heads."""
    generator = np.random.default_rng([seed, 11])

    def one(choices: Sequence[Any]) -> Any:
        return choices[int(generator.integers(len(choices)))]

    around, kind = divmod(seed, len(MODELS))
    model, device = MODELS[kind], find_device(PARTS[(around + kind) % len(PARTS)])
    channels, modes = one(SIZES[around % 2])
    layers = 2 if channels * modes <= 16 else 1
    norm, position, final = one(NORMS)
    head, array = HEADS[(around + kind // 2) % len(HEADS)], one(ARRAYS)
    features = int(generator.integers(1, 4))
    precision, tokens = one(PRECISIONS), features > 1 and one((False, True))
    network = drawn_network(
        model, channels, modes, layers, precision, seed, tokens=tokens,
        options=dict(
            features=features, classes=int(generator.integers(2, 11)), pooling=head, norm=norm,
            norm_position=position, final_norm=final, array=array,
            **({"stride": 4, "time_constant": 8} if head == "running" else {}),
        ),
    )  # fmt: skip
    with drafts():
        choices = foldings(network, device)
    wanted = one((False, True, True))
    folding = one([each for each in choices if each.streamed == wanted] or choices)
    build = "streamed" if folding.streamed else "small"
    kinds = f"{array}, {norm} norm {position}, {head}{', tokens' if tokens else ''}"
    bits = f"{precision.coefficients} bits"
    return Case(
        f"{model} {layers} x {channels} x {modes}, {kinds}, {bits}, {build}", network, folding, device
    )


def row_of(seed: int, known: list[dict[str, Any]]) -> dict[str, Any]:
    """Estimate and netlist of a seed; the netlist of an earlier run, if the circuit is still the same."""
    case = drawn_case(seed)
    plan = assess(case.network, case.folding, case.device)
    text = rtlil_text(Network(case.network, case.folding), platform=case.device.family)
    circuit = {
        "seed": seed,
        "network": case.name,
        "device": case.device.name,
        "circuit": hashlib.sha256(text.encode()).hexdigest(),
    }
    row = circuit | {"estimate": plan.estimate.as_dict()}
    for one in known:
        if all(one.get(key) == value for key, value in circuit.items()):
            return row | {"synthesis": one["synthesis"]}
    with tempfile.TemporaryDirectory(prefix="statespike-") as temporary:
        found = synthesise(text, case.device, Path(temporary), no_collisions=True)
    return row | {"synthesis": found.resources.as_dict()}


def errors(row: dict[str, Any]) -> dict[str, float]:
    """Estimate over netlist, less 1, of look-up tables and flip-flops."""
    return {key: row["estimate"][key] / max(row["synthesis"][key], 1) - 1 for key in ("lut", "ff")}


def as_markdown(rows: list[dict[str, Any]]) -> str:
    """The table: estimate / netlist of everything counted, and how far both logic figures are off."""
    header = [
        "network",
        "part",
        "look-up tables",
        "off",
        "flip-flops",
        "off",
        "block RAM",
        "SPRAM",
        "multipliers",
    ]
    lines = []
    for row in rows:
        estimate, found = row["estimate"], row["synthesis"]
        lut, ff, *exact = (f"{estimate[key]:,} / {found[key]:,}" for key in COUNTED)
        off = errors(row)
        lines.append(
            [row["network"], row["device"], lut, f"{off['lut']:+.0%}", ff, f"{off['ff']:+.0%}", *exact]
        )
    return markdown_table(header, lines, names=2)


def summary(rows: list[dict[str, Any]]) -> str:
    """How many are within a tenth, and the largest error."""
    parts = []
    for key, name in (("lut", "look-up tables"), ("ff", "flip-flops")):
        off = [errors(row)[key] for row in rows]
        within = sum(abs(one) <= 0.1 for one in off)
        parts.append(f"{name} within 10 % in {within} of {len(rows)}, at worst {max(off, key=abs):+.0%}")
    exact = sum(all(row["estimate"][key] == row["synthesis"][key] for key in COUNTED[2:]) for row in rows)
    return f"{'; '.join(parts)}; memories and multipliers exact in {exact}."


def run(
    count: Annotated[int, typer.Option(min=1, metavar="N", help="so many seeds, from 0 on")] = 36,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="results; goes on with those it has")
    ] = None,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help=f"write the table into the place {TABLE} of a page")
    ] = None,
) -> None:
    """Compare estimates with synthesis."""
    known = earlier_rows(json)
    rows: list[dict[str, Any]] = []
    with progress() as bars:
        bar = bars.add_task("synthesising", total=count)
        for seed in range(count):
            rows.append(row_of(seed, known))
            others = [one for one in known if one["seed"] not in {row["seed"] for row in rows}]
            write_json(json, {"rows": [*rows, *others]})
            bars.advance(bar)
    say(as_markdown(rows))
    say(f"\n{summary(rows)}")
    if page is not None:
        put_table(page, TABLE, f"{as_markdown(rows)}\n\n{summary(rows)}")


if __name__ == "__main__":
    command(run)
