"""Messages to the host: that the board is ready, that a frame was accepted or refused, and answers."""

from amaranth.hdl import Array, Const, Module, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from boards.counters import CounterByte
from boards.framing import Kind
from boards.link import LOADED_BYTES, Link
from hdl.primitives.streams import answer_layout


class MessageTransmitter(Component):
    """What the board has to say, into bytes of the line, each message with its checksum.

    It is ready after every reset, and says so first. What becomes of a frame goes before counters, and these
    go before an answer.

    Parameters
    ----------
    link : Link

    Members
    -------
    i : In(stream of Logit or AnswerLogit)
    number : In(8)
        Sequence number to put into messages.
    accepted, refused : In(1)
        High for one cycle: there is a message of this kind to send. Not again before it was sent.
    o : Out(stream of 8)
    checksum : In(16)
        Of the line's data bits since `clear`, in both directions; see `BoardTop`.
    clear : Out(1)
        The checksum has to begin anew.
    report : In(1), if the link has counters
        High for one cycle: they are to be sent. Not again before they were.
    counters : In(stream of CounterByte), if the link has counters
    identity : In(32), if tables can be loaded
        Of the network that is.
    """

    def __init__(self, link: Link):
        self.link = link
        counting = {"report": In(1), "counters": In(stream.Signature(CounterByte()))}
        super().__init__(
            {
                "i": In(stream.Signature(answer_layout(link.logit_width, link.answer_stride))),
                "number": In(8),
                "accepted": In(1),
                "refused": In(1),
                "o": Out(stream.Signature(8)),
                "checksum": In(16),
                "clear": Out(1),
                **(counting if link.counters else {}),
                **({"identity": In(8 * LOADED_BYTES)} if link.shape else {}),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        link = self.link
        ready, accepted, refused, answers = Signal(init=1), Signal(), Signal(), Signal()
        report, reports = Signal(), Signal()  # stay 0 where the link has no counters
        body: list[Value] = [Const(byte, 8) for byte in link.ready_body]
        if link.shape:
            body[-LOADED_BYTES:] = [self.identity.word_select(byte, 8) for byte in range(LOADED_BYTES)]
        part = Signal(range(max(len(body), link.logit_bytes)))
        logit = Signal(8 * link.logit_bytes)
        m.d.comb += logit.eq(self.i.payload.value.as_signed())
        with m.FSM():
            with m.State("KIND"):
                m.d.comb += [
                    self.clear.eq(~self.o.ready),  # while the byte before still leaves
                    self.o.valid.eq(ready | accepted | refused | report | self.i.valid),
                ]
                m.d.sync += [part.eq(0), answers.eq(0), reports.eq(0)]
                with m.If(self.o.valid & self.o.ready):
                    m.next = "NUMBER"
                with m.If(ready):
                    m.d.comb += self.o.payload.eq(Kind.READY)
                with m.Elif(accepted):
                    m.d.comb += self.o.payload.eq(Kind.ACCEPTED)
                    m.d.sync += accepted.eq(~self.o.ready)
                with m.Elif(refused):
                    m.d.comb += self.o.payload.eq(Kind.REFUSED)
                    m.d.sync += refused.eq(~self.o.ready)
                with m.Elif(report):
                    m.d.comb += self.o.payload.eq(Kind.COUNTERS)
                    m.d.sync += [report.eq(~self.o.ready), reports.eq(1)]
                with m.Else():
                    m.d.comb += self.o.payload.eq(Kind.ANSWER | self.i.payload.overrun)
                    m.d.sync += answers.eq(1)
            with m.State("NUMBER"):
                m.d.comb += [self.o.payload.eq(self.number), self.o.valid.eq(1)]
                with m.If(self.o.ready):
                    with m.If(ready):
                        m.next = "READY"
                    with m.Elif(answers):
                        m.next = "LOGITS"
                    if link.counters:
                        with m.Elif(reports):
                            m.next = "COUNTERS"
                    with m.Else():
                        m.next = "CHECKSUM_LOW"
            with m.State("READY"):
                m.d.comb += [
                    self.o.payload.eq(Array(body)[part]),
                    self.o.valid.eq(1),
                ]
                with m.If(self.o.ready):
                    m.d.sync += part.eq(part + 1)
                    with m.If(part == len(body) - 1):
                        m.d.sync += ready.eq(0)
                        m.next = "CHECKSUM_LOW"
            with m.State("LOGITS"):
                m.d.comb += [self.o.payload.eq(logit.word_select(part, 8)), self.o.valid.eq(self.i.valid)]
                with m.If(self.i.valid & self.o.ready):
                    m.d.sync += part.eq(part + 1)
                    with m.If(part == link.logit_bytes - 1):
                        m.d.sync += part.eq(0)
                        m.d.comb += self.i.ready.eq(1)
                        with m.If(self.i.payload.last):
                            m.next = "CHECKSUM_LOW"
            if link.counters:
                counters = self.counters
                with m.State("COUNTERS"):
                    m.d.comb += [
                        self.o.payload.eq(counters.payload.value),
                        self.o.valid.eq(counters.valid),
                        counters.ready.eq(self.o.ready),
                    ]
                    with m.If(counters.valid & self.o.ready & counters.payload.last):
                        m.next = "CHECKSUM_LOW"
            # As its own low byte is sent, the checksum moves the high one to its place.
            with m.State("CHECKSUM_LOW"):
                m.d.comb += [self.o.payload.eq(self.checksum[:8]), self.o.valid.eq(1)]
                with m.If(self.o.ready):
                    m.next = "CHECKSUM_HIGH"
            with m.State("CHECKSUM_HIGH"):
                m.d.comb += [self.o.payload.eq(self.checksum[:8]), self.o.valid.eq(1)]
                with m.If(self.o.ready):
                    m.next = "KIND"
        with m.If(self.accepted):
            m.d.sync += accepted.eq(1)
        with m.If(self.refused):
            m.d.sync += refused.eq(1)
        if link.counters:
            with m.If(self.report):
                m.d.sync += report.eq(1)
        return m
