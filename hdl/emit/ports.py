"""The ports of a circuit's top module, as the circuit's own text declares them."""

import re
from collections.abc import Mapping
from typing import Any

_TOP = re.compile(r"^attribute \\top 1\nmodule \\(\S+)\n(.*?)^end$", re.DOTALL | re.MULTILINE)
_PORT = re.compile(r"^  wire width (\d+)(?: signed)? (input|output) \d+ +\\(\S+)$", re.MULTILINE)
_DIRECTIONS = {"input": "in", "output": "out"}


def ports_of(rtlil: str, pins: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Name, direction and width of every port of the top module; on a board its pin.

    No port is declared signed: what a port's bits mean is told with the formats.

    Parameters
    ----------
    rtlil : str
        Of the design, as Amaranth writes it.
    pins : mapping of port to pin, optional
    """
    top = _TOP.search(rtlil)
    assert top is not None, "Amaranth marks the top module"
    ports = {
        name: {"direction": _DIRECTIONS[way], "width": int(width)}
        for width, way, name in _PORT.findall(top[2])
    }
    for name, pin in (pins or {}).items():
        ports[name] = ports[name] | {"pin": pin}
    return {"module": top[1], "ports": ports}
