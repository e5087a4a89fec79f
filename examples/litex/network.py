"""A network with AXI4-Stream ports as a module of LiteX, and registers for firmware in front of it."""

import json
from pathlib import Path

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from litex.soc.interconnect.csr import CSR, CSRField, CSRStatus, CSRStorage
from migen import ClockSignal, If, Instance, ResetSignal, Signal


class StatespikeNetwork(LiteXModule):
    """A build folder of `statespike generate --interface axis` as an instance.

    Parameters
    ----------
    platform
        Of LiteX; it is given the Verilog.
    folder : Path

    Attributes
    ----------
    sink : Endpoint with `value`, signed; `last` with the last beat of a sequence
    source : Endpoint with `value`, signed, and `overrun`; `last` with the last class
    """

    def __init__(self, platform, folder: Path):
        manifest = json.loads((folder / "manifest.json").read_text())
        ports, formats = manifest["top"]["ports"], manifest["formats"]
        width_in, width_out = formats["input"]["width"], formats["logits"]["width"]
        self.sink = stream.Endpoint([("value", (width_in, True))])
        self.source = stream.Endpoint([("value", (width_out, True)), ("overrun", 1)])
        tdata_in = Signal((ports["s_axis_tdata"]["width"], True))
        tdata_out = Signal((ports["m_axis_tdata"]["width"], True))
        self.comb += [tdata_in.eq(self.sink.value), self.source.value.eq(tdata_out)]
        self.specials += Instance(
            manifest["module"],
            i_clk=ClockSignal(),
            i_rst=ResetSignal(),
            i_s_axis_tdata=tdata_in,
            i_s_axis_tlast=self.sink.last,
            i_s_axis_tuser=0,  # a sequence begins behind the one before
            i_s_axis_tvalid=self.sink.valid,
            o_s_axis_tready=self.sink.ready,
            o_m_axis_tdata=tdata_out,
            o_m_axis_tlast=self.source.last,
            o_m_axis_tuser=self.source.overrun,
            o_m_axis_tvalid=self.source.valid,
            i_m_axis_tready=self.source.ready,
        )
        platform.add_source(str(folder / manifest["files"]["verilog"]))


class NetworkRegisters(LiteXModule):
    """Registers in front of a network's streams.

    A write to `beat` sends a beat; `status.room` says whether one more has room. `logit` shows the next logit
    while `status.answered` is high; a write to `take` takes it.

    Parameters
    ----------
    network
        With `sink` and `source` as `StatespikeNetwork` has them.
    depth : int
        Beats that wait in front of the network.
    """

    def __init__(self, network, depth: int = 16):
        values = network.sink.value, network.source.value
        self.fifo = fifo = stream.SyncFIFO([("value", (len(values[0]), True))], depth)
        self.beat = CSRStorage(
            fields=[CSRField("value", size=len(values[0])), CSRField("last", size=1)],
            description="A write sends a beat.",
        )
        self.status = CSRStatus(fields=[CSRField("room", size=1), CSRField("answered", size=1)])
        self.logit = CSRStatus(
            fields=[
                CSRField("value", size=len(values[1])),
                CSRField("last", size=1),
                CSRField("overrun", size=1),
            ],
            description="The next logit.",
        )
        self.take = CSR()
        self.lost = CSRStatus(description="A beat was written without room, since the last reset.")
        self.comb += [
            fifo.sink.valid.eq(self.beat.re),
            fifo.sink.value.eq(self.beat.fields.value),
            fifo.sink.last.eq(self.beat.fields.last),
            fifo.source.connect(network.sink),
            self.status.fields.room.eq(fifo.sink.ready),
            self.status.fields.answered.eq(network.source.valid),
            self.logit.fields.value.eq(network.source.value),
            self.logit.fields.last.eq(network.source.last),
            self.logit.fields.overrun.eq(network.source.overrun),
            network.source.ready.eq(self.take.re),
        ]
        self.sync += If(self.beat.re & ~fifo.sink.ready, self.lost.status.eq(1))
