"""The byte protocol between host and board, its two ends in gates, and the top that joins them to a network.

A serial line has no back-pressure, so the host paces itself: the board acknowledges every step that its
network has taken, and the host never has more than `Link.window` steps unacknowledged. That many fit the
board's buffer whole, so no byte is ever lost, however slow the network is. On the way back nothing can be
lost either: the network waits for the line.

Host to board, a step: one header byte, 0x50 + 1 if it is the first of its sequence + 2 if it is the last;
then each feature's value, little-endian, in the fewest bytes that hold it (two's complement). Where a header
is due, any other byte is skipped.

Board to host, a message: 0x2E acknowledges one step; or 0x3D, followed by the logits of a sequence, class
after class, little-endian in the fewest bytes each.

A break (the line held low for longer than a byte) resets the board: network, buffers and half-received steps.
"""

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out, connect
from numpy.typing import NDArray

from boards.byte_queue import ByteQueue
from boards.uart import UartReceiver, UartTransmitter
from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.primitives.streams import Logit, beats
from quantize.errors import StatespikeError
from quantize.formats import Integers

HEADER = 0x50
FIRST, LAST = 1, 2
ACKNOWLEDGE = 0x2E
ANSWER = 0x3D


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
        Depth of the board's receive buffer, a power of two. 512 is one block memory of the iCE40.

    Raises
    ------
    StatespikeError
        If a step does not fit the buffer.
    """

    features: int
    width: int
    classes: int
    logit_width: int
    buffer_bytes: int = 512

    def __post_init__(self) -> None:
        if self.window < 1:
            raise StatespikeError(
                f"a step of {self.step_bytes} bytes does not fit the link's buffer of {self.buffer_bytes}"
            )

    @property
    def value_bytes(self) -> int:
        """Bytes of a feature's value."""
        return -(-self.width // 8)

    @property
    def logit_bytes(self) -> int:
        """Bytes of a logit."""
        return -(-self.logit_width // 8)

    @property
    def step_bytes(self) -> int:
        """Bytes of a step, header included."""
        return 1 + self.features * self.value_bytes

    @property
    def window(self) -> int:
        """Steps that the host may send ahead of their acknowledgement."""
        return (self.buffer_bytes - 1) // self.step_bytes

    def encode(self, steps: NDArray[np.integer], first: bool, last: bool) -> bytes:
        """Bytes of some steps (steps, features) of one sequence; `first`, `last`: they begin or end it."""
        values = np.asarray(steps, dtype="<i8")
        message = np.empty((len(values), self.step_bytes), dtype=np.uint8)
        message[:, 0] = HEADER
        message[0, 0] += FIRST * first
        message[-1, 0] += LAST * last
        octets = values.reshape(len(values), self.features, 1).view(np.uint8)
        message[:, 1:] = octets[..., : self.value_bytes].reshape(len(values), -1)
        return message.tobytes()

    def decode(self, answer: bytes) -> Integers:
        """Logits (classes,) of an answer, its first byte (0x3D) already taken off."""
        size = self.logit_bytes
        return np.array(
            [
                int.from_bytes(answer[k * size : (k + 1) * size], "little", signed=True)
                for k in range(self.classes)
            ],
            dtype=np.int64,
        )


class StepReceiver(Component):
    """Bytes into beats.

    Parameters
    ----------
    link : Link

    Members
    -------
    i : In(stream of 8)
    o : Out(stream of Beat)
    accepted : Out(1)
        High for one cycle when the last beat of a step is taken.
    """

    def __init__(self, link: Link):
        self.link = link
        super().__init__({"i": In(stream.Signature(8)), "o": Out(beats(link.width)), "accepted": Out(1)})

    def elaborate(self, platform) -> Module:
        m = Module()
        link = self.link
        word = Signal(8 * link.value_bytes, reset_less=True)
        left = Signal(range(link.value_bytes + 1))
        channel = Signal(range(link.features + 1))
        beat = self.o.payload

        m.d.comb += beat.value.eq(word[: link.width])
        with m.FSM():
            with m.State("HEADER"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [channel.eq(0), left.eq(link.value_bytes - 1)]
                with m.If(self.i.valid & (self.i.payload[2:] == HEADER >> 2)):
                    m.d.sync += Cat(beat.first, beat.last).eq(self.i.payload[:2])
                    m.next = "VALUE"
            with m.State("VALUE"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.d.sync += [word.eq(Cat(word, self.i.payload)[8:]), left.eq(left - 1)]
                    with m.If(left == 0):
                        m.next = "OFFER"
            with m.State("OFFER"):
                m.d.comb += self.o.valid.eq(1)
                m.d.sync += left.eq(link.value_bytes - 1)
                with m.If(self.o.ready):
                    m.d.sync += channel.eq(channel + 1)
                    with m.If(channel == link.features - 1):
                        m.d.comb += self.accepted.eq(1)
                        m.next = "HEADER"
                    with m.Else():
                        m.next = "VALUE"
        return m


class AnswerTransmitter(Component):
    """Acknowledgements and logits into bytes; acknowledgements due during an answer follow it.

    Parameters
    ----------
    link : Link

    Members
    -------
    i : In(stream of Logit)
    accepted : In(1)
        In each cycle that it is high, one more acknowledgement is due.
    o : Out(stream of 8)
    """

    def __init__(self, link: Link):
        self.link = link
        super().__init__(
            {
                "i": In(stream.Signature(Logit(link.logit_width))),
                "accepted": In(1),
                "o": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        link = self.link
        due = Signal(range(link.window + 1))
        sent = Signal()
        part = Signal(range(link.logit_bytes + 1))
        word = Signal(8 * link.logit_bytes)

        m.d.comb += word.eq(self.i.payload.value.as_signed())
        with m.If(self.accepted ^ sent):
            m.d.sync += due.eq(due + Cat(1, sent.replicate(len(due) - 1)))  # plus or minus 1: one adder
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += part.eq(0)
                with m.If(due != 0):
                    m.d.comb += [self.o.payload.eq(ACKNOWLEDGE), self.o.valid.eq(1), sent.eq(self.o.ready)]
                with m.Elif(self.i.valid):
                    m.d.comb += [self.o.payload.eq(ANSWER), self.o.valid.eq(1)]
                    with m.If(self.o.ready):
                        m.next = "LOGITS"
            with m.State("LOGITS"):
                m.d.comb += [self.o.payload.eq(word.word_select(part, 8)), self.o.valid.eq(self.i.valid)]
                with m.If(self.i.valid & self.o.ready):
                    m.d.sync += part.eq(part + 1)
                    with m.If(part == link.logit_bytes - 1):
                        m.d.sync += part.eq(0)
                        m.d.comb += self.i.ready.eq(1)
                        with m.If(self.i.payload.last):
                            m.next = "IDLE"
        return m


class BoardTop(Component):
    """A network behind a serial line.

    All of it, and the network, is reset by a break: who makes the clock domain resets it by `restart` too.
    A reset of its own for the parts inside would cost a look-up table for many a flip-flop.

    Parameters
    ----------
    network : Component
        With ports `i` and `o`; taps are left unconnected.
    link : Link
    divisor : int
        Clock cycles a bit of the line.
    target : DeviceFeatures
        Of the device: where the receive buffer lies.

    Members
    -------
    rx : In(1)
    tx : Out(1)
    led : Out(1)
        High from a sequence's first step to its answer.
    restart : Out(1)
        High for one cycle at the end of a break.
    """

    def __init__(
        self, network: Component, link: Link, divisor: int, target: DeviceFeatures = MULTIPLIER_BLOCKS
    ):
        self.network = network
        self.target = target
        self.link = link
        self.divisor = divisor
        super().__init__({"rx": In(1), "tx": Out(1), "led": Out(1), "restart": Out(1)})

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.receiver = receiver = UartReceiver(self.divisor)
        m.submodules.transmitter = transmitter = UartTransmitter(self.divisor)
        m.submodules.queue = queue = ByteQueue(self.link.buffer_bytes, self.target)
        m.submodules.steps = steps = StepReceiver(self.link)
        m.submodules.network = self.network
        m.submodules.answers = answers = AnswerTransmitter(self.link)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            self.restart.eq(receiver.broken),
            answers.accepted.eq(steps.accepted),
        ]
        connect(m, receiver.o, queue.i)
        connect(m, queue.o, steps.i)
        connect(m, steps.o, self.network.i)
        connect(m, self.network.o, answers.i)
        connect(m, answers.o, transmitter.i)

        with m.If(answers.i.valid & answers.i.ready & answers.i.payload.last):
            m.d.sync += self.led.eq(0)
        with m.Elif(steps.accepted):
            m.d.sync += self.led.eq(1)
        return m
