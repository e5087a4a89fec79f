"""Frames from the host: kept until their checksum was found right, then handed on."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.primitives.single_port import SinglePortMemory


class FrameReceiver(Component):
    """Bytes of the line into payloads of good frames.

    Bytes that come while a payload is handed on are no part of a frame: the host waits. After a frame that is
    damaged, too long, or not the one that is due, nothing is taken until reset.

    Parameters
    ----------
    buffer_bytes : int
        Payload that a frame may have, a power of two.
    target : DeviceFeatures
        See `SinglePortMemory`.

    Members
    -------
    i : In(stream of 8), always ready
    checksum : In(16)
        Of the line's data bits since `clear`, in both directions; see `BoardTop`.
    listening, clear : Out(1)
        Bits that come belong to a frame; the checksum has to begin anew.
    o : Out(stream of 8)
        The payload.
    taken : In(1)
        What stood behind `o` has taken a step whole.
    number : Out(8)
        Sequence number of the frame that is due.
    accepted, refused : Out(1)
        High for one cycle when all of a frame was taken, or when a frame was found wrong.
    """

    def __init__(self, buffer_bytes: int, target: DeviceFeatures = MULTIPLIER_BLOCKS):
        self.buffer_bytes, self.target = buffer_bytes, target
        super().__init__(
            {
                "i": In(stream.Signature(8)),
                "checksum": In(16),
                "listening": Out(1),
                "clear": Out(1),
                "o": Out(stream.Signature(8)),
                "taken": In(1),
                "number": Out(8),
                "accepted": Out(1),
                "refused": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.memory = memory = SinglePortMemory(self.buffer_bytes, 8, self.target)
        address = Signal(range(self.buffer_bytes))
        end = Signal.like(address, reset_less=True)
        wrong, at_end = Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(1),
            self.listening.eq(1),
            at_end.eq(address == end),
            memory.address.eq(address),
            memory.w_data.eq(self.i.payload),
            self.o.payload.eq(memory.r_data),
        ]
        with m.FSM():
            with m.State("NUMBER"), m.If(self.i.valid):
                m.d.sync += [wrong.eq(self.i.payload != self.number), address.eq(0)]
                m.next = "LENGTH_LOW"
            with m.State("LENGTH_LOW"), m.If(self.i.valid):
                m.d.sync += [
                    end[:8].eq(self.i.payload),
                    wrong.eq(wrong | self.i.payload[len(end) :].any()),
                ]
                m.next = "LENGTH_HIGH"
            with m.State("LENGTH_HIGH"), m.If(self.i.valid):
                m.d.sync += [
                    end[8:].eq(self.i.payload),
                    wrong.eq(wrong | self.i.payload[max(0, len(end) - 8) :].any()),
                ]
                m.next = "PAYLOAD"
            with m.State("PAYLOAD"), m.If(self.i.valid):
                m.d.comb += memory.write.eq(1)
                m.d.sync += address.eq(address + 1)
                with m.If(at_end):
                    m.next = "CHECKSUM_LOW"
            with m.State("CHECKSUM_LOW"), m.If(self.i.valid):
                m.next = "CHECKSUM_HIGH"
            with m.State("CHECKSUM_HIGH"), m.If(self.i.valid):
                m.d.sync += wrong.eq(wrong | self.checksum.any())
                m.next = "CHECKED"
            with m.State("CHECKED"):
                m.d.comb += [self.refused.eq(wrong), self.clear.eq(1), self.listening.eq(0)]
                m.d.sync += address.eq(0)
                m.next = "FETCH"
                with m.If(wrong):
                    m.next = "REFUSED"
            with m.State("FETCH"):
                m.d.comb += self.listening.eq(0)
                m.next = "OFFER"
            with m.State("OFFER"):
                m.d.comb += [self.o.valid.eq(1), self.listening.eq(0)]
                with m.If(self.o.ready):
                    m.d.sync += address.eq(address + 1)
                    m.next = "FETCH"
                    with m.If(at_end):
                        m.next = "LAST_STEP"
            with m.State("LAST_STEP"):
                m.d.comb += self.listening.eq(0)
                with m.If(self.taken):
                    m.d.comb += self.accepted.eq(1)
                    m.d.sync += self.number.eq(self.number + 1)
                    m.next = "NUMBER"
            with m.State("REFUSED"):
                m.d.comb += self.listening.eq(0)
        return m
