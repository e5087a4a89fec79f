"""The ports of a design in every cycle of a run, as every backend keeps them."""

from sim.ports import Ports

STREAMS = ("i_valid", "i_ready", "i_payload", "o_valid", "o_ready", "o_payload")


def columns_of(ports: Ports) -> list[str]:
    """Names of a recording's columns.

    Payloads are the bits of the port, and 0 while nothing is valid. A tap has the columns `NAME_valid` and
    `NAME_value`, a signed number that is 0 while nothing is transferred.
    """
    return [*STREAMS, *(f"{name}_{part}" for name in ports.taps for part in ("valid", "value"))]
