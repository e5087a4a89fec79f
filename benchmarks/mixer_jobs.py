"""Circuits of one product that are to be synthesised: our builds, and the peers'."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks.peers import peer
from hdl.devices.devices import Device
from hdl.devices.resources import Resources
from hdl.mixers.cheapest import cheapest, mixer_builds
from hdl.mixers.event import TernaryEventMixer
from hdl.toolchain import synthesise
from hdl.toolchain.verilog import rtlil_text
from quantize.mixing import AdderGraph, TernaryProduct


@dataclass(frozen=True)
class Job:
    """A circuit to synthesise.

    Parameters
    ----------
    row : dict
        What is known of it ahead, `sha256` of its source among that.
    synthesise : callable
        Its cells; takes a folder for the tool's files.
    """

    row: dict[str, Any]
    synthesise: Callable[[Path], Resources]


def own_jobs(
    graph: AdderGraph, on: Device, builds: Sequence[str], lanes: Sequence[int], budgets: Sequence[int] = ()
) -> Iterator[Job]:
    """Our builds of a product on a part.

    Parameters
    ----------
    builds : names of `hdl.mixers.cheapest`
    lanes : int
        Of table and event; if none is given, all and half of what they have lanes for.
    budgets : int
        The cheapest build for each of so many cycles a product, instead of those.
    """
    product = graph.product
    most = {"table": product.inputs, "event": product.outputs}
    choices = mixer_builds(graph, on.family)
    chosen = {cheapest([one for one in choices if one.build in builds], budget).name for budget in budgets}
    for choice in choices:
        wanted = lanes or [most.get(choice.build, 0), -(-most.get(choice.build, 0) // 2)]
        if (
            choice.name not in chosen
            if budgets
            else not (choice.build in builds and (choice.lanes is None or choice.lanes in wanted))
        ):
            continue
        component = choice.component(graph, on.family)
        text = rtlil_text(component, platform=on.family)
        row: dict[str, Any] = {
            "name": choice.name,
            "adders": graph.adders if choice.lanes is None else None,
            "cycles": choice.cycles,
            "latency": None,
            "estimated": {"lut": choice.estimate.lut, "ff": choice.estimate.ff, "bram": choice.estimate.bram},
            "sha256": sha256(text.encode()).hexdigest(),
        }
        if isinstance(component, TernaryEventMixer):
            row["half_cycles"] = max(component.cycles(product.inputs // 2), product.inputs)
        else:
            row["latency"] = component.latency

        def made(folder: Path, text: str = text, wide_tables: bool = choice.wide_tables) -> Resources:
            # No build reads and writes one address of a memory in one cycle.
            return synthesise(text, on, folder, no_collisions=True, wide_tables=wide_tables).resources

        yield Job(row, made)


def peer_jobs(
    name: str, product: TernaryProduct, on: Device, flows: Sequence[str], folder: Path
) -> Iterator[Job]:
    """A peer's circuit for a product on a part, mapped in several ways; its sources go into the folder.

    It has no registers: its product comes in the cycle of its inputs.
    """
    other = peer(name, product, folder / name)
    for flow in flows:
        sources = "".join(path.read_text() for path in sorted(other.sources.glob("*.v")))
        row = {
            "name": f"{other.name}, {flow}",
            "flow": flow,
            "adders": other.adders,
            "cycles": 1,
            "latency": 0,
            "sha256": sha256(sources.encode()).hexdigest(),
        }

        def made(at: Path, flow: str = flow) -> Resources:
            return other.synthesise(on, at / flow, flow)

        yield Job(row, made)
