"""Packing a routed design into the file that configures the FPGA."""

from pathlib import Path

from hdl.devices.devices import Device
from hdl.toolchain.placement import PlaceAndRoute
from hdl.toolchain.tools import run_tool


def write_bitstream(routed: PlaceAndRoute, device: Device, folder: Path) -> Path:
    """Pack `routed`, and return the path of the bitstream (`design` with the family's suffix) in `folder`.

    Raises
    ------
    StatespikeError
        If the packer is missing or fails.
    """
    family, source = device.family, routed.layout
    name = f"design{family.bitstream_suffix}"
    arguments = family.packing_arguments(device, source.name, name)
    run_tool(family.packer, arguments, source.parent, f"{family.packer.removeprefix('yowasp-')}.log")
    target = folder / name
    if target.resolve() != (source.parent / name).resolve():
        target.write_bytes((source.parent / name).read_bytes())
    return target
