"""The network behind AXI4-Stream ports, for designs that speak it."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.network.folding import Folding
from hdl.network.top import Network
from hdl.primitives.counters import wrapped_next
from quantize.network import QuantizedNetwork


def byte_aligned(width: int) -> int:
    """Bits of the whole bytes that hold a number of `width` bits."""
    return -(-width // 8) * 8


class AxiStream(wiring.Signature):
    """AXI4-Stream of sign-extended numbers, a number a transfer; all bytes are data, so there is no TKEEP.

    Parameters
    ----------
    width : int
        Bits of a number.

    Members
    -------
    tvalid : Out(1)
    tready : In(1)
    tdata : Out(byte_aligned(width))
    tlast : Out(1)
    tuser : Out(1)
    """

    def __init__(self, width: int):
        self.width = width
        super().__init__(
            {
                "tvalid": Out(1),
                "tready": In(1),
                "tdata": Out(byte_aligned(width)),
                "tlast": Out(1),
                "tuser": Out(1),
            }
        )


class AxisNetwork(wiring.Component):
    """A network with AXI4-Stream ports. A sequence is a packet, and so is each answer.

    Nothing is registered here: pace and latency are the network's. Transfers obey the rules of AXI4-Stream: a
    valid transfer stays as it is until it is taken, and no valid waits for a ready.

    Parameters
    ----------
    network : QuantizedNetwork
    folding : Folding

    Members
    -------
    s_axis : In(AxiStream)
        One beat a feature, or a token a step. TLAST marks the last beat of a sequence; it counts at the last
        beat of a step only. TUSER, high at the first beat of a step, begins a sequence there; behind a reset
        and behind TLAST a sequence begins without it, so it may be tied low. Bits of TDATA above the number
        are not read.
    m_axis : Out(AxiStream)
        One beat a class of each answer. TLAST marks the last class; TUSER is high where the sequence was
        longer than the network is made for, or, where sequences have several answers, in the last of them.
    """

    def __init__(self, network: QuantizedNetwork, folding: Folding):
        self.network = Network(network, folding)
        self.beats_per_step = network.beats_per_step
        super().__init__(
            {
                "s_axis": In(AxiStream(network.input.width)),
                "m_axis": Out(AxiStream(network.decoder.logit_width)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.network = network = self.network
        taken, given = self.s_axis, self.m_axis
        beat, logit = network.i.payload, network.o.payload

        transfer, step_begins, step_ends = Signal(), Signal(), Signal()
        sequence_begins, first = Signal(init=1), Signal(reset_less=True)
        m.d.comb += [
            network.i.valid.eq(taken.tvalid),
            taken.tready.eq(network.i.ready),
            transfer.eq(taken.tvalid & taken.tready),
            beat.value.eq(taken.tdata[: network.network.input.width]),
            beat.last.eq(taken.tlast),
            beat.first.eq(Mux(step_begins, sequence_begins | taken.tuser, first)),
        ]
        if self.beats_per_step == 1:
            m.d.comb += [step_begins.eq(1), step_ends.eq(1)]
        else:
            place = Signal(range(self.beats_per_step))
            m.d.comb += [step_begins.eq(place == 0), step_ends.eq(place == self.beats_per_step - 1)]
            with m.If(transfer):
                m.d.sync += place.eq(wrapped_next(place, self.beats_per_step))
        with m.If(transfer):
            m.d.sync += first.eq(beat.first)
            with m.If(step_ends):
                m.d.sync += sequence_begins.eq(taken.tlast)

        m.d.comb += [
            given.tvalid.eq(network.o.valid),
            network.o.ready.eq(given.tready),
            given.tdata.eq(logit.value),
            given.tlast.eq(logit.last),
            given.tuser.eq(logit.overrun if network.network.answer_stride is None else logit.ends),
        ]
        return m
