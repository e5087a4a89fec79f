"""Packing a routed design into the file that configures the FPGA."""

from pathlib import Path

from hdl.devices.devices import Device
from hdl.toolchain.placement import PlaceAndRoute
from hdl.toolchain.tools import run_tool


def write_bitstream(routed: PlaceAndRoute, device: Device, folder: Path) -> Path:
    """Pack `routed`, and return the path of the bitstream (`design.bin` or `design.bit`) in `folder`.

    Raises
    ------
    StatespikeError
        If the packer is missing or fails.
    """
    source = routed.layout
    if device.family == "ice40":
        tool, arguments, name = "yowasp-icepack", [], "design.bin"
    else:
        tool, arguments, name = "yowasp-ecppack", ["--compress"], "design.bit"
    run_tool(tool, [*arguments, source.name, name], source.parent, f"{tool.removeprefix('yowasp-')}.log")
    target = folder / name
    if target.resolve() != (source.parent / name).resolve():
        target.write_bytes((source.parent / name).read_bytes())
    return target
