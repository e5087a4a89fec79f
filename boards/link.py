"""What host and board have agreed on: how a network's steps and logits are bytes, and how many go at once.

A frame (`boards.framing`) holds whole steps of one sequence. A step is a header byte, 1 if it is the first of
its sequence + 2 if it is the last; then each feature's value, little-endian, in the fewest bytes that hold it
(two's complement). An answer is its logits, class after class, in the fewest bytes each. A network that
answers again and again sends an answer as soon as it has it, also before the frame of its step is accepted.
How many there are follows from the number of steps; the host waits for those to a frame before the next one.

A board with tables that can be loaded (`Link.shape`) takes records of them in place of steps: the number 8 in
place of a step's header, then the record (`hdl.primitives.table_receiver`). Of its identity, three bytes tell
its circuit, and four the network that is loaded; the latter are a table of the board, too. They are 0 while
a network is being loaded.

A board that counts (`Link.counted_layers`) is asked for its counters by a frame of one byte, the number 4 in
place of a step's header. It accepts the frame, then sends all counters (`boards.counters`), six bytes each.

The host sends a frame and waits until the board has accepted it. The board keeps the frame until its checksum
was found right, then gives it to the network, and accepts it when the network has taken all of it. So no byte
finds a buffer full, however slow the network is, and no damaged step enters the network.

Whatever goes wrong (a damaged, missing or additional byte in either direction), the host restarts the board
by a break, the line held low for longer than a byte, and sends the sequence again. A break resets network,
buffers and sequence number; the board then says that it is ready, and what it is. Over SPI a byte takes the
place of the break (`boards.spi_bytes`).
"""

import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from boards.counters import COUNTER_BYTES, counter_names
from boards.framing import CHECKSUM_BYTES, MOST_PAYLOAD, Kind
from hdl.network.counted import Counted
from hdl.network.reloadable import IDENTITY_BYTES as LOADED_BYTES
from quantize.errors import StatespikeError
from quantize.formats import Integers
from quantize.identity import network_digest
from quantize.network import QuantizedNetwork

VERSION = 3
"""Of the protocol. The first one had no frames, the second one a byte more of identity."""
FIRST, LAST = 1, 2
REPORT = 4
"""In place of a step's header: the counters are asked for. A bit of its own, which no header has."""
LOAD = 8
"""Before a record of a table, likewise."""
IDENTITY_BYTES = 7
"""With the version before it eight, which three bits count."""
CIRCUIT_BYTES = IDENTITY_BYTES - LOADED_BYTES
"""Of the identity of a board with tables that can be loaded: its circuit's. The others are the network's."""


def bytes_of(width: int) -> int:
    """Bytes that hold a number of `width` bits."""
    return -(-width // 8)


def _buffer_bytes(step_bytes: int) -> int:
    """Bytes of a frame's payload: 512, one block memory of the iCE40, or more where a step is large."""
    return max(512, 1 << (step_bytes - 1).bit_length())


@dataclass(frozen=True)
class Link:
    """What both ends must know of a network.

    Parameters
    ----------
    features, width : int
        Values of a step, and their bits.
    classes, logit_width : int
        Logits of an answer, and their bits.
    buffer_bytes : int
        Bytes that a frame may hold, a power of two, at most 65,536.
    max_steps : int, optional
        The longest sequence that the network was built for; None if it bears any.
    network : str
        Digest of the network (`quantize.identity`).
    answer_stride : int, optional
        Steps between two answers; None if a sequence has one, at its end (`quantize.answers`).
    counted_layers : int or "all", optional
        Layers whose clipped values the board counts, beside steps and cycles, each by itself or all together;
        None if it counts nothing.
    shape : str, optional
        Digest of the circuit without the contents of its tables, if they can be loaded
        (`hdl.emit.loaded.LoadedShape`).

    Raises
    ------
    StatespikeError
        If a step does not fit the buffer, or the buffer not the length in a frame.
    """

    features: int
    width: int
    classes: int
    logit_width: int
    buffer_bytes: int = 512
    max_steps: int | None = None
    network: str = ""
    answer_stride: int | None = None
    counted_layers: Counted | None = None
    shape: str | None = None

    def __post_init__(self) -> None:
        if self.steps_per_frame < 1:
            raise StatespikeError(
                f"a step of {self.step_bytes} bytes does not fit the link's buffer of {self.buffer_bytes}"
            )
        if self.buffer_bytes > MOST_PAYLOAD:
            raise StatespikeError(
                f"a step of {self.step_bytes} bytes does not fit a frame of the link, "
                f"which holds at most {MOST_PAYLOAD}"
            )

    @classmethod
    def of(
        cls, network: QuantizedNetwork, counted_layers: Counted | None = None, shape: str | None = None
    ) -> Self:
        """The link of a network, with the smallest buffer; with a `shape`, of one that can be loaded."""
        if shape is not None:
            network = network.for_any_contents()
        return cls(
            features=network.beats_per_step,
            width=network.input.width,
            classes=network.classes,
            logit_width=network.decoder.logit_width,
            buffer_bytes=_buffer_bytes(1 + network.beats_per_step * bytes_of(network.input.width)),
            max_steps=network.max_steps,
            network=network_digest(network),
            answer_stride=network.answer_stride,
            counted_layers=counted_layers,
            shape=shape,
        )

    @property
    def value_bytes(self) -> int:
        """Bytes of a feature's value."""
        return bytes_of(self.width)

    @property
    def logit_bytes(self) -> int:
        """Bytes of a logit."""
        return bytes_of(self.logit_width)

    @property
    def step_bytes(self) -> int:
        """Bytes of a step, header included."""
        return 1 + self.features * self.value_bytes

    @property
    def steps_per_frame(self) -> int:
        """Steps that fit a frame."""
        return self.buffer_bytes // self.step_bytes

    @property
    def facts(self) -> dict[str, Any]:
        """The parameters by name, for a manifest; a design that counts nothing has no word of it."""
        known = asdict(self)
        for name in ("counted_layers", "shape"):
            if known[name] is None:
                del known[name]
        return known

    @property
    def counters(self) -> list[str]:
        """Names of the board's counters, in the order in which they travel; none if it counts nothing."""
        return [] if self.counted_layers is None else counter_names(self.counted_layers)

    @property
    def identity(self) -> bytes:
        """What tells this link and its network from others."""
        known = self.facts
        if self.answer_stride is None:  # what a design of one answer is known by says nothing of it
            del known["answer_stride"]
        whole = sha256(json.dumps(known, sort_keys=True).encode()).digest()
        if self.shape is None:
            return whole[:IDENTITY_BYTES]
        del known["network"]
        circuit = sha256(json.dumps(known, sort_keys=True).encode()).digest()
        return circuit[:CIRCUIT_BYTES] + whole[: IDENTITY_BYTES - CIRCUIT_BYTES]

    @property
    def loaded_identity(self) -> int:
        """What a board with tables keeps of the identity: that of the network which is loaded."""
        return int.from_bytes(self.identity[CIRCUIT_BYTES:], "little")

    @property
    def ready_body(self) -> bytes:
        """Body of the board's first message: version and identity."""
        return bytes([VERSION]) + self.identity

    def message_bytes(self, kind: Kind) -> int:
        """Length of a message from the board."""
        answer = self.classes * self.logit_bytes
        bodies = {
            Kind.READY: len(self.ready_body),
            Kind.ANSWER: answer,
            Kind.OVERRUN: answer,
            Kind.COUNTERS: COUNTER_BYTES * len(self.counters),
        }
        return 2 + bodies.get(kind, 0) + CHECKSUM_BYTES

    def encode(self, steps: NDArray[np.integer], first: bool, last: bool) -> bytes:
        """Bytes of some steps (steps, features) of one sequence; `first`, `last`: they begin or end it."""
        values = np.asarray(steps, dtype="<i8")
        payload = np.zeros((len(values), self.step_bytes), dtype=np.uint8)
        payload[0, 0] += FIRST * first
        payload[-1, 0] += LAST * last
        octets = values.reshape(len(values), self.features, 1).view(np.uint8)
        payload[:, 1:] = octets[..., : self.value_bytes].reshape(len(values), -1)
        return payload.tobytes()

    def decode_counters(self, body: bytes) -> dict[str, int]:
        """Counters by name, of the body of a message that has them."""
        numbers = [body[start : start + COUNTER_BYTES] for start in range(0, len(body), COUNTER_BYTES)]
        return {
            name: int.from_bytes(number, "little")
            for name, number in zip(self.counters, numbers, strict=True)
        }

    def decode(self, answer: bytes) -> Integers:
        """Logits (classes,) of an answer's body."""
        size = self.logit_bytes
        return np.array(
            [
                int.from_bytes(answer[k * size : (k + 1) * size], "little", signed=True)
                for k in range(self.classes)
            ],
            dtype=np.int64,
        )
