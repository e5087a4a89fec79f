"""The families and the devices that we build for."""

from hdl.devices import ecp5, gowin, ice40
from hdl.devices.device import Device, require_rate
from hdl.devices.family import Family
from quantize.errors import look_up

__all__ = ["DEVICES", "FAMILIES", "Device", "Family", "find_device", "require_rate"]

DEVICES: dict[str, Device] = {
    device.name: device for family in (ice40, ecp5, gowin) for device in family.DEVICES
}
FAMILIES: tuple[Family, ...] = tuple(dict.fromkeys(device.family for device in DEVICES.values()))


def find_device(name: str) -> Device:
    """The device called `name`.

    Raises
    ------
    StatespikeError
        If there is none; the message lists the known names.
    """
    return look_up(DEVICES, name, "device")
