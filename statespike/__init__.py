"""Statespike turns trained spiking and gated state-space models into bit-exact circuits for open FPGAs.

>>> import statespike
>>> checkpoint = statespike.load("digits-prf")                        # real numbers, as trained
>>> network = statespike.quantise(checkpoint)                         # integers
>>> test = statespike.load_task("digits").test
>>> statespike.evaluate(network, test.x).accuracy(test.y) > 0.75      # the integer reference
True
>>> manifest = statespike.generate(network, "circuit", "ecp5-25k")    # Verilog

Everything is imported when it is first used: `import statespike` itself takes no time. The packages below it,
`quantize`, `hdl`, `sim` and `boards`, have more.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from statespike.own_packages import require_own_packages

if TYPE_CHECKING:
    from quantize.checkpoint import Checkpoint as Checkpoint
    from quantize.describe import describe as describe
    from quantize.errors import StatespikeError as StatespikeError
    from quantize.evaluate import evaluate as evaluate
    from quantize.network import QuantizedNetwork as QuantizedNetwork
    from quantize.session import Session as Session
    from statespike.cluster.workers import workers_at as workers_at
    from statespike.library.bitstreams import build as build
    from statespike.library.board import Board as Board
    from statespike.library.circuits import component as component
    from statespike.library.circuits import cost as cost
    from statespike.library.circuits import generate as generate
    from statespike.library.circuits import plan as plan
    from statespike.library.networks import import_network as import_network
    from statespike.library.networks import load as load
    from statespike.library.networks import save as save
    from statespike.library.networks import shipped_networks as shipped_networks
    from statespike.library.quantising import quantise as quantise
    from statespike.library.simulation import simulate as simulate
    from statespike.models.tasks.registry import load_task as load_task

_HOMES = {
    "shipped_networks": "statespike.library.networks",
    "load": "statespike.library.networks",
    "save": "statespike.library.networks",
    "import_network": "statespike.library.networks",
    "load_task": "statespike.models.tasks.registry",
    "quantise": "statespike.library.quantising",
    "describe": "quantize.describe",
    "evaluate": "quantize.evaluate",
    "Session": "quantize.session",
    "plan": "statespike.library.circuits",
    "cost": "statespike.library.circuits",
    "component": "statespike.library.circuits",
    "generate": "statespike.library.circuits",
    "simulate": "statespike.library.simulation",
    "workers_at": "statespike.cluster.workers",
    "build": "statespike.library.bitstreams",
    "Board": "statespike.library.board",
    "Checkpoint": "quantize.checkpoint",
    "QuantizedNetwork": "quantize.network",
    "StatespikeError": "quantize.errors",
}
"""Name -> the module that it comes from, in the order of a network's way."""

__all__ = list(_HOMES)

require_own_packages()


def __getattr__(name: str) -> Any:
    """Import what is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'statespike' has no attribute {name!r}; it has {', '.join(_HOMES)}")
    require_own_packages()  # the path may have changed
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
