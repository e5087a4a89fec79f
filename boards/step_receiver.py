"""Payloads into beats."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from boards.link import LOAD, REPORT, Link
from hdl.primitives.streams import beats


class StepReceiver(Component):
    """Bytes of steps into beats.

    Parameters
    ----------
    link : Link

    Members
    -------
    i : In(stream of 8)
    o : Out(stream of Beat)
    taken : Out(1)
        High for one cycle when the last beat of a step is taken, the counters are asked for, or a record was
        written.
    report : Out(1), if the link has counters
        High for one cycle when they are asked for.
    tables : Out(stream of 8), if tables can be loaded
        The bytes of records.
    stored : In(1), if tables can be loaded
        High for one cycle when a record was written.
    """

    def __init__(self, link: Link):
        self.link = link
        members = {"i": In(stream.Signature(8)), "o": Out(beats(link.width)), "taken": Out(1)}
        members |= {"report": Out(1)} if link.counters else {}
        loading = {"tables": Out(stream.Signature(8)), "stored": In(1)}
        super().__init__(members | (loading if link.shape else {}))

    def elaborate(self, platform) -> Module:
        m = Module()
        link = self.link
        word = Signal(link.width, reset_less=True)
        place = Signal(range(link.value_bytes))
        channel = Signal(range(link.features + 1))
        beat = self.o.payload

        m.d.comb += beat.value.eq(word)
        with m.FSM():
            with m.State("HEADER"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += channel.eq(0)
                with m.If(self.i.valid):
                    m.d.sync += Cat(beat.first, beat.last).eq(self.i.payload[:2])
                    m.next = "VALUE"
                    if link.counters:
                        with m.If((self.i.payload & REPORT).any()):
                            m.next = "REPORT"
                    if link.shape:
                        with m.If((self.i.payload & LOAD).any()):
                            m.next = "RECORD"
            if link.shape:
                with m.State("RECORD"):
                    m.d.comb += [
                        self.tables.payload.eq(self.i.payload),
                        self.tables.valid.eq(self.i.valid),
                        self.i.ready.eq(self.tables.ready),
                        self.taken.eq(self.stored),
                    ]
                    with m.If(self.stored):
                        m.next = "HEADER"
            if link.counters:
                with m.State("REPORT"):
                    m.d.comb += [self.taken.eq(1), self.report.eq(1)]
                    m.next = "HEADER"
            with m.State("VALUE"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.d.sync += [word.word_select(place, 8).eq(self.i.payload), place.eq(place + 1)]
                    with m.If(place == link.value_bytes - 1):
                        m.d.sync += place.eq(0)
                        m.next = "OFFER"
            with m.State("OFFER"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.d.sync += channel.eq(channel + 1)
                    with m.If(channel == link.features - 1):
                        m.d.comb += self.taken.eq(1)
                        m.next = "HEADER"
                    with m.Else():
                        m.next = "VALUE"
        return m
