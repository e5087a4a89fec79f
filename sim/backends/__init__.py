"""Every way to run a circuit, by name.

`sim.backends.netlist` offers one more, which needs the result of a synthesis.
"""

from quantize.errors import look_up
from sim.backends.amaranth_simulator import AmaranthSimulator
from sim.backends.base import Backend
from sim.backends.cocotb_runner import Cocotb
from sim.backends.cxxrtl import Cxxrtl
from sim.backends.verilated import Verilated

BACKENDS: dict[str, Backend] = {
    backend.name: backend
    for backend in (AmaranthSimulator(), Cxxrtl(), Verilated(), Cocotb("verilator"), Cocotb("icarus"))
}


def backend(name: str) -> Backend:
    """The backend called `name`.

    Raises
    ------
    StatespikeError
        If there is none; the message lists the known names.
    """
    return look_up(BACKENDS, name, "backend")
