"""What a network's functions take of its circuit: components of all layers together, by what they do."""

import re

from hdl.devices.resources import Resources
from hdl.planning.census import census_of_parts
from hdl.planning.planner import Plan, counted_text
from quantize.network import QuantizedNetwork

PARTS = {
    "state update": r"\.array\.update(\.|$)",
    "rest of the arrays": r"\.array(\.|$)",
    "activation": r"\.unit\.(activations|spikes)(\.|$)",
    "gate": r"\.unit\.(gate|mixer\.product)(\.|$)",
    "mixer": r"\.unit\.mixer(\.|$)",
    "norm": r"(^|\.)norm(_before|_after)?(\.|$)",
    "input and output": r"^(encoder|pool|decoder)(\.|$)",
    "path and control": r"",
}
"""Part -> pattern of the paths of its instances; the first that is found tells where one belongs.

The rest of the arrays is their products, tables and schedule. The norm of a Gated Spiking Unit has the
product of its gate in it. Path and control are the residual path and what joins the others.
"""


def part_of(path: str) -> str:
    """The part that an instance belongs to by its path, such as "layer_0.array.update"."""
    return next(part for part, pattern in PARTS.items() if re.search(pattern, path))


def parts_of(network: QuantizedNetwork, plan: Plan) -> dict[str, Resources]:
    """The estimate of each part of a planned network, in the order of `PARTS`.

    Each for itself: the whole is some per cent less where synthesis works across their borders.

    Raises
    ------
    StatespikeError
        If Yosys is missing or fails.
    """
    counted = census_of_parts(counted_text(network, plan), part_of, plan.device.family)
    return {
        part: counted[part].resources(plan.device) if part in counted else Resources(0, 0, 0, 0, 0)
        for part in PARTS
    }
