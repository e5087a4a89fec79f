"""The serial link's buffers are never overrun: a frame fits its memory, an answer waits for the line.

A `FrameReceiver` of two bytes is given free bytes of the line, any checksum, and its output free stalls; one
byte at a free place of the payload is followed. A `MessageTransmitter` is given free logits, free messages,
and a line that takes bytes as it likes. The proofs reach over runs of any length.
"""

import pytest
from amaranth.hdl import Assert, Assume, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from boards import frame_receiver
from boards.frame_receiver import FrameReceiver
from boards.link import Link
from boards.message_transmitter import MessageTransmitter
from hdl.primitives.single_port import SinglePortMemory
from tests.formal.for_ever import Verdict, search
from tests.formal.prover import without_reset
from tests.hdl.collisions import garbage_for_undefined_reads

pytestmark = pytest.mark.formal

BUFFER = 2
"""Bytes of a frame's payload at most."""
HEADER, CHECKSUM = 3, 2
"""Bytes of a frame before its payload, and behind it."""


class FrameClaims(wiring.Component):
    """A receiver behind a free line, and what is claimed of it."""

    def __init__(self, receiver: FrameReceiver):
        self.receiver = receiver
        super().__init__(
            {
                "valid": In(1), "byte": In(8), "checksum": In(16), "ready": In(1), "taken": In(1),
                "place": In(range(BUFFER)),
            }
        )  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        without_reset(m)
        m.submodules.receiver = receiver = self.receiver
        begun, place = Signal(), Signal.like(self.place)
        m.d.sync += [begun.eq(1), place.eq(self.place)]
        m.d.comb += [
            Assume(~begun | (self.place == place)),
            receiver.i.valid.eq(self.valid),
            receiver.i.payload.eq(self.byte),
            receiver.checksum.eq(self.checksum),
            receiver.o.ready.eq(self.ready),
            receiver.taken.eq(self.taken),
        ]

        # The frame as the line gives it: its bytes counted, its length less one, the byte that is followed.
        receiving, dead = Signal(init=1), Signal()
        position, length = Signal(range(HEADER + BUFFER + CHECKSUM)), Signal(16)
        value, handed = Signal(8), Signal(range(BUFFER + 2))
        offer, waited, before = receiver.o.valid, Signal(), Signal(8)
        leaves = offer & self.ready
        m.d.sync += [
            handed.eq(handed + leaves),
            waited.eq(offer & ~self.ready),
            before.eq(receiver.o.payload),
        ]
        with m.If(self.valid & receiving & ~dead):
            m.d.sync += position.eq(position + 1)
            with m.Switch(position):
                with m.Case(1):
                    m.d.sync += length[:8].eq(self.byte)
                with m.Case(2):
                    m.d.sync += [length[8:].eq(self.byte), handed.eq(0)]
                    m.d.sync += dead.eq((self.byte != 0) | (length[:8] >= BUFFER))
                with m.Default():
                    with m.If(position == HEADER + self.place):
                        m.d.sync += value.eq(self.byte)
                    with m.If((position > 2) & (position == HEADER + length[:1] + CHECKSUM)):
                        m.d.sync += [position.eq(0), receiving.eq(0)]
        with m.If(receiver.accepted):
            m.d.sync += receiving.eq(1)
        with m.If(receiver.refused):
            m.d.sync += dead.eq(1)

        m.d.comb += [
            Assert(receiver.i.ready),
            Assert(~offer | (~receiving & ~dead)),
            Assert(~offer | (handed <= length)),
            Assert(~leaves | (handed != self.place) | (receiver.o.payload == value)),
            Assert(~waited | (offer & (receiver.o.payload == before))),
            Assert(~receiver.accepted | (handed == length + 1)),
        ]
        return m


def test_a_frame_never_overruns_its_buffer(tmp_path):
    with garbage_for_undefined_reads():
        assert search(FrameClaims(FrameReceiver(BUFFER)), tmp_path) is Verdict.HOLDS


def test_a_buffer_that_is_too_small_is_found(tmp_path, monkeypatch):
    def half(depth, *arguments):
        return SinglePortMemory(depth // 2, *arguments)

    monkeypatch.setattr(frame_receiver, "SinglePortMemory", half)
    assert search(FrameClaims(FrameReceiver(BUFFER)), tmp_path) is Verdict.VIOLATED


LINK = Link(1, 8, classes=1, logit_width=12, buffer_bytes=512, max_steps=None, network="")
"""A logit has two bytes."""


class AnswerClaims(wiring.Component):
    """A transmitter before a free line, and what is claimed of the logits that it takes.

    Parameters
    ----------
    early : bool
        A fault: a logit is taken with any small byte.
    """

    def __init__(self, *, early: bool = False):
        self.early = early
        names = {"valid": In(1), "logit": In(12), "ready": In(1), "accepted": In(1), "refused": In(1)}
        super().__init__(names)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        without_reset(m)
        m.submodules.messages = messages = MessageTransmitter(LINK)
        offered, waited = messages.i.payload, Signal()
        taken = messages.i.ready
        if self.early:
            taken = messages.i.valid & messages.o.valid & messages.o.ready & (messages.o.payload < 0x40)
        kept, told = Signal(12), Signal(2)
        m.d.sync += [waited.eq(self.valid & ~taken), kept.eq(self.logit)]
        # Of each message about a frame there is one.
        m.d.sync += told.eq(told | self.accepted | self.refused << 1)
        m.d.comb += [
            Assume(~waited | (self.valid & (self.logit == kept))),
            Assume(~(told[0] & self.accepted) & ~(told[1] & self.refused)),
            messages.i.valid.eq(self.valid),
            offered.value.eq(self.logit),
            offered.last.eq(1),
            messages.o.ready.eq(self.ready),
            messages.accepted.eq(self.accepted),
            messages.refused.eq(self.refused),
        ]
        sent = messages.o.valid & self.ready
        before = Signal(8)
        with m.If(sent):
            m.d.sync += before.eq(messages.o.payload)
        takes, whole = self.valid & taken, Signal(signed(16))
        m.d.comb += [
            whole.eq(self.logit.as_signed()),
            Assert(~takes | (sent & (before == whole[:8]) & (messages.o.payload == whole[8:]))),
        ]
        return m


def test_a_logit_is_taken_when_the_line_has_all_of_it(tmp_path):
    assert search(AnswerClaims(), tmp_path) is Verdict.HOLDS


def test_a_logit_that_is_taken_early_is_found(tmp_path):
    assert search(AnswerClaims(early=True), tmp_path) is Verdict.VIOLATED
