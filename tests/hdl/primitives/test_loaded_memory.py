# amaranth: UnusedElaboratable=no
"""A table in single-port memories, or with columns there, is read as its twin in block memories is."""

import numpy as np
import pytest
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from hdl.devices.devices import find_device
from hdl.primitives.memory import rom
from hdl.primitives.reload import collected_tables
from hdl.primitives.streams import Logit, beats
from hdl.toolchain import Expected, synthesise
from hdl.toolchain.verilog import rtlil_text
from sim.backends import backend
from sim.backends.netlist import Netlist
from sim.stimulus import Stimulus

WIDTH = 40


class Reader(Component):
    """A sequence is loaded into a table, then all of its rows leave.

    Meanwhile the table reads elsewhere; a row that waits to leave is held while the address moves on.
    """

    def __init__(self, rows: int, single_port_bits: int):
        self.rows, self.single_port_bits = rows, single_port_bits
        super().__init__({"i": In(beats(WIDTH)), "o": Out(stream.Signature(Logit(WIDTH)))})

    def elaborate(self, platform) -> Module:
        m = Module()
        with collected_tables((self.single_port_bits,)) as tables:
            port = rom(m, "table", [0] * self.rows, WIDTH)
        (table,) = tables
        address, end = Signal(range(self.rows)), Signal(range(self.rows))
        reads, offers = Signal(), Signal()
        m.d.comb += [
            table.address.eq(address),
            table.data.eq(self.i.payload.value),
            port.addr.eq(Mux(reads, address, ~address)),
            port.en.eq(~offers),
            self.o.valid.eq(offers),
            self.o.payload.value.eq(port.data.as_signed()),
            self.o.payload.last.eq(address == end),
        ]
        with m.FSM():
            with m.State("LOAD"):
                m.d.comb += [self.i.ready.eq(1), table.write.eq(self.i.valid)]
                with m.If(self.i.valid):
                    m.d.sync += address.eq(address + 1)
                    with m.If(self.i.payload.last):
                        m.d.sync += [end.eq(address), address.eq(0)]
                        m.next = "READ"
            with m.State("READ"):
                m.d.comb += reads.eq(1)
                m.next = "OFFER"
            with m.State("OFFER"):
                m.d.comb += offers.eq(1)
                with m.If(self.o.ready):
                    m.d.sync += address.eq(address + 1)
                    m.next = "READ"
                    with m.If(self.o.payload.last):
                        m.d.sync += address.eq(0)
                        m.next = "LOAD"
        return m


def drawn(sequences: int, rows: int) -> np.ndarray:
    """Rows of any bits, and of zeros and ones only."""
    found = np.random.default_rng(7).integers(-1 << WIDTH - 1, 1 << WIDTH - 1, (sequences, rows, 1))
    found[:, :2] = [[0], [-1]]
    return found


PACES = [{}, {"input_gaps": 0.8}, {"output_stalls": 0.8}, {"input_gaps": 0.5, "output_stalls": 0.5}]
PLACES = [0, 16, 32, WIDTH]


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize("single_port_bits", PLACES)
@pytest.mark.parametrize("rows", [4, 128])
def test_a_table_has_what_was_loaded_last(rows, single_port_bits, pace):
    x = drawn(3, rows)
    run = backend("amaranth").run(Reader(rows, single_port_bits), Stimulus(list(x), **pace))
    assert np.array_equal(run.logits, x[:, :, 0])


@pytest.mark.slow
@pytest.mark.synth
@pytest.mark.cosim
@pytest.mark.parametrize(
    ("single_port_bits", "expected"),
    [
        (0, Expected(bram=5, spram=0)),
        (16, Expected(bram=3, spram=1)),
        (32, Expected(bram=1, spram=2)),
        (WIDTH, Expected(bram=0, spram=3)),
    ],
)
def test_the_cells_equal_their_portable_twin(single_port_bits, expected, tmp_path):
    x, up5k = drawn(2, 512), find_device("up5k")
    stimulus = Stimulus(list(x), input_gaps=0.3, output_stalls=0.5)
    design = Reader(512, single_port_bits)
    synthesis = synthesise(rtlil_text(design, platform=up5k.family), up5k, tmp_path, expected)
    run = Netlist(synthesis.rtlil, synthesis.device).run(design, stimulus, tmp_path)
    assert np.array_equal(run.logits, x[:, :, 0])
    assert run.cycles == backend("amaranth").run(Reader(512, single_port_bits), stimulus).cycles
