"""The ports of a design under simulation, read from its signature."""

from dataclasses import dataclass

import numpy as np
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component
from numpy.typing import NDArray

from quantize.errors import StatespikeError
from sim.stimulus import Beats


@dataclass(frozen=True)
class Field:
    """Place of one field in a packed payload.

    Parameters
    ----------
    offset, width : int
        Position of its least significant bit, and number of bits.
    """

    offset: int
    width: int

    def unsigned(self, payload: int) -> int:
        """The field out of `payload`."""
        return (payload >> self.offset) & ((1 << self.width) - 1)

    def signed(self, payload: int) -> int:
        """The field out of `payload` as a two's complement number."""
        value = self.unsigned(payload)
        return value - (value >> (self.width - 1) << self.width)


@dataclass(frozen=True)
class Ports:
    """Payload fields and taps of a design with ports `i`, `o` and `tap_<name>`.

    Parameters
    ----------
    first, last, value : Field
        Of the payload of `i`, a `Beat`.
    logit_last, logit, overrun, ends : Field
        Of the payload of `o`, a `Logit` or an `AnswerLogit`; of the former each answer ends its sequence, as
        its `last` tells.
    taps : dict of name to int
        Width of each tap's value, in the order of the signature.
    """

    first: Field
    last: Field
    value: Field
    logit_last: Field
    logit: Field
    overrun: Field
    ends: Field
    taps: dict[str, int]

    def payloads(self, beats: Beats) -> NDArray[np.uint64]:
        """Packed payloads of the input stream, one a beat."""
        mask = np.int64((1 << self.value.width) - 1)
        return (
            ((beats.values & mask).astype(np.uint64) << np.uint64(self.value.offset))
            | (beats.first.astype(np.uint64) << np.uint64(self.first.offset))
            | (beats.last.astype(np.uint64) << np.uint64(self.last.offset))
        )


def ports_of(design: Component) -> Ports:
    """Read the ports of `design` from its signature.

    Raises
    ------
    StatespikeError
        If it lacks the streams `i` or `o`, or a field of their payloads, or a payload exceeds 64 bits.
    """
    members = design.signature.members
    layouts = {}
    for name in ("i", "o"):
        if name not in members or not isinstance(members[name].signature, stream.Signature):
            raise StatespikeError(f"{type(design).__name__} has no stream {name!r} to simulate")
        layouts[name] = data.Layout.cast(members[name].signature.members["payload"].shape)
        if layouts[name].size > 64:
            raise StatespikeError(f"the payload of {name!r} is wider than 64 bits: {layouts[name]!r}")
    taps = {
        name.removeprefix("tap_"): member.signature.members["value"].shape.width
        for name, member in members.items()
        if name.startswith("tap_")
    }
    return Ports(
        first=_field(layouts["i"], "first"),
        last=_field(layouts["i"], "last"),
        value=_field(layouts["i"], "value"),
        logit_last=_field(layouts["o"], "last"),
        logit=_field(layouts["o"], "value"),
        overrun=_field(layouts["o"], "overrun"),
        ends=_field(layouts["o"], "ends" if "ends" in dict(layouts["o"]) else "last"),
        taps=taps,
    )


def _field(layout: data.Layout, name: str) -> Field:
    try:
        entry = layout[name]
    except KeyError:
        raise StatespikeError(f"a stream payload has no field {name!r}: {layout!r}") from None
    return Field(entry.offset, entry.width)
