"""How a network meets the design around it: the names of its module and ports, and what the ports carry."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from amaranth.lib.data import Layout, StructLayout
from amaranth.lib.wiring import Component

from hdl.emit.identifiers import require_identifier
from hdl.network.axis import AxisNetwork, byte_aligned
from hdl.network.counted import MOST_COUNTED, CountedNetwork, counter_ports
from hdl.network.folding import Folding
from hdl.network.top import Network
from hdl.primitives.fast_contents import port_name
from hdl.primitives.streams import Beat, answer_layout
from hdl.toolchain.verilog import rtlil_text
from quantize.describe import when_answered
from quantize.errors import StatespikeError, look_up
from quantize.formats import Integers
from quantize.network import QuantizedNetwork

Fields = dict[str, list[int]]
"""Field -> its lowest and its highest bit."""


@dataclass(frozen=True)
class StreamPorts:
    """The ports of one stream.

    Parameters
    ----------
    meaning : str
        Direction and contents.
    valid, ready : str
        Names of the ports of the handshake.
    data : dict of name to fields
        The other ports, those of a transfer; side by side, the first in the lowest bits, they are its word.
    """

    meaning: str
    valid: str
    ready: str
    data: dict[str, Fields]

    @property
    def widths(self) -> dict[str, int]:
        """Bits of each port of `data`."""
        return {name: max(high for _, high in fields.values()) + 1 for name, fields in self.data.items()}


@dataclass(frozen=True)
class Interface(ABC):
    """The names of a network's module and ports, and the kind of its streams.

    Parameters
    ----------
    name : str
        Of the top module; the modules below it are called `name.part`.
    prefix : str
        Before the names of the streams' ports; `clk` and `rst` keep theirs.

    Raises
    ------
    StatespikeError
        If Verilog does not take a name.
    """

    form: ClassVar[str]

    name: str = "top"
    prefix: str = ""

    def __post_init__(self) -> None:
        require_identifier(self.name, "the module's name")
        if self.prefix:
            require_identifier(f"{self.prefix}i", f"with the prefix {self.prefix!r} the name of a port,")

    @abstractmethod
    def component(self, network: QuantizedNetwork, folding: Folding) -> Component:
        """The circuit, made anew."""

    @abstractmethod
    def port(self, path: Sequence[str | int]) -> str:
        """Name of a port by its place in the component's signature."""

    @abstractmethod
    def streams(self, network: QuantizedNetwork) -> tuple[StreamPorts, StreamPorts]:
        """Input and output."""

    @abstractmethod
    def input_words(self, network: QuantizedNetwork, steps: Integers) -> list[int]:
        """The transfers of one sequence (steps, beats), each as the word of `StreamPorts.data`."""

    @abstractmethod
    def output_words(self, network: QuantizedNetwork, logits: Integers, overrun: bool) -> list[int]:
        """The transfers of a sequence's logits, likewise: (classes,), or (answers, classes) with a stride."""

    def rtlil(self, network: QuantizedNetwork, folding: Folding) -> str:
        """The circuit as portable RTLIL with these names."""
        return rtlil_text(self.component(network, folding), self.name, port=self.port)

    def describe(self, network: QuantizedNetwork) -> dict[str, Any]:
        """Every port, for the manifest."""
        ports: dict[str, Any] = {"clk": "in: rising edge", "rst": "in: synchronous, high"}
        streams = dict(zip(("i", "o"), self.streams(network), strict=True))
        for name, stream in streams.items():
            ports[name] = f"{stream.meaning}; transferred when {stream.valid} and {stream.ready}"
        for stream in streams.values():
            ports |= stream.data
        return ports


@dataclass(frozen=True)
class Plain(Interface):
    """Streams of payloads: `i__payload`, `i__valid`, `i__ready`, and the same of `o`."""

    form = "plain"

    def component(self, network: QuantizedNetwork, folding: Folding) -> Component:
        return Network(network, folding)

    def port(self, path: Sequence[str | int]) -> str:
        return self.prefix + port_name(path)

    def streams(self, network: QuantizedNetwork) -> tuple[StreamPorts, StreamPorts]:
        given = self._stream(
            "i",
            "in: one beat a feature, or a token a step; first and last throughout those steps",
            Beat(network.input.width),
        )
        meaning = f"out: one beat a class {when_answered(network)}"
        if network.answer_stride is not None:
            meaning += "; begins and ends throughout the first and the last answer of a sequence"
        answer = self._stream("o", meaning, _answer_of(network))
        return given, answer

    def _stream(self, name: str, meaning: str, payload: StructLayout) -> StreamPorts:
        fields = {field: [place.offset, place.offset + place.width - 1] for field, place in payload}
        return StreamPorts(
            meaning,
            self.port([name, "valid"]),
            self.port([name, "ready"]),
            {self.port([name, "payload"]): fields},
        )

    def input_words(self, network: QuantizedNetwork, steps: Integers) -> list[int]:
        layout, end = Beat(network.input.width), len(steps) - 1
        return [
            _bits(layout, first=step == 0, last=step == end, value=int(value))
            for step, row in enumerate(steps)
            for value in row
        ]

    def output_words(self, network: QuantizedNetwork, logits: Integers, overrun: bool) -> list[int]:
        layout, answers = _answer_of(network), np.atleast_2d(logits)
        words = []
        for index, answer in enumerate(answers):
            marks: dict[str, int] = {"overrun": overrun}
            if network.answer_stride is not None:
                marks |= {"begins": index == 0, "ends": index == len(answers) - 1}
            for place, value in enumerate(answer):
                words.append(_bits(layout, last=place == len(answer) - 1, value=int(value), **marks))
        return words


@dataclass(frozen=True)
class Axis(Interface):
    """AXI4-Stream: `s_axis_tdata`, `s_axis_tvalid`, ..., and `m_axis_...`; see `AxisNetwork`."""

    form = "axis"

    def component(self, network: QuantizedNetwork, folding: Folding) -> AxisNetwork:
        return AxisNetwork(network, folding)

    def port(self, path: Sequence[str | int]) -> str:
        return self.prefix + "_".join(map(str, path))

    def streams(self, network: QuantizedNetwork) -> tuple[StreamPorts, StreamPorts]:
        given = self._stream(
            "s_axis",
            "in: AXI4-Stream, one beat a feature, or a token a step; TLAST with the last beat of a sequence, "
            "TUSER with its first, which may be left low behind TLAST and behind a reset",
            network.input.width,
            "first",
        )
        again = network.answer_stride is not None
        answer = self._stream(
            "m_axis",
            f"out: AXI4-Stream, one beat a class {when_answered(network)}; TLAST with the last class"
            + ("; TUSER throughout the last answer of a sequence" if again else ""),
            network.decoder.logit_width,
            "ends" if again else "overrun",
        )
        return given, answer

    def _stream(self, name: str, meaning: str, width: int, user: str) -> StreamPorts:
        whole = byte_aligned(width)
        fields = {"value": [0, width - 1]} | ({"sign": [width, whole - 1]} if whole > width else {})
        return StreamPorts(
            meaning,
            self.port([name, "tvalid"]),
            self.port([name, "tready"]),
            {
                self.port([name, "tdata"]): fields,
                self.port([name, "tlast"]): {"last": [0, 0]},
                self.port([name, "tuser"]): {user: [0, 0]},
            },
        )

    def input_words(self, network: QuantizedNetwork, steps: Integers) -> list[int]:
        values = [int(value) for value in steps.reshape(-1)]
        return [
            _packet_word(network.input.width, value, last=place == len(values) - 1, user=place == 0)
            for place, value in enumerate(values)
        ]

    def output_words(self, network: QuantizedNetwork, logits: Integers, overrun: bool) -> list[int]:
        answers = np.atleast_2d(logits)
        words = []
        for index, answer in enumerate(answers):
            user = overrun if network.answer_stride is None else index == len(answers) - 1
            for place, value in enumerate(answer):
                last = place == len(answer) - 1
                words.append(_packet_word(network.decoder.logit_width, int(value), last=last, user=user))
        return words


def _bits(layout: Layout, **fields: int) -> int:
    """A payload as a number."""
    return sum(
        (int(value) & ((1 << layout[name].width) - 1)) << layout[name].offset
        for name, value in fields.items()
    )


def _packet_word(width: int, value: int, *, last: bool, user: bool) -> int:
    """TDATA, TLAST and TUSER side by side."""
    whole = byte_aligned(width)
    return value & ((1 << whole) - 1) | int(last) << whole | int(user) << (whole + 1)


@dataclass(frozen=True)
class Counted(Plain):
    """Plain streams, and counters of clipped values beside them; see `CountedNetwork`."""

    form = "counted"

    def component(self, network: QuantizedNetwork, folding: Folding) -> CountedNetwork:
        if folding.folded:
            raise StatespikeError(
                "one block serves all layers of this circuit, and counts of each layer's clipped values are "
                "not made there; choose another interface, or a plan that is not folded"
            )
        return CountedNetwork(network, folding)

    def describe(self, network: QuantizedNetwork) -> dict[str, Any]:
        """Every port, for the manifest."""
        meaning = f"out: values clipped since the reset; stays at {MOST_COUNTED}"
        names = counter_ports(len(network.blocks))
        return super().describe(network) | {self.port([name]): meaning for name in names}


PLAIN = Plain()
"""Ports as they are by default."""
INTERFACES: dict[str, type[Interface]] = {one.form: one for one in (Plain, Axis, Counted)}


def interface_of(form: str, name: str = Interface.name, prefix: str = Interface.prefix) -> Interface:
    """The interface of a form.

    Raises
    ------
    StatespikeError
        If there is no such form, or Verilog does not take a name.
    """
    return look_up(INTERFACES, form, "interface")(name, prefix)


def _answer_of(network: QuantizedNetwork) -> StructLayout:
    return answer_layout(network.decoder.logit_width, network.answer_stride)
