# amaranth: UnusedElaboratable=no
"""Sequences through the virtual board come back as the exact logits."""

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from boards.byte_queue import ByteQueue
from boards.host import Host, SerialPort
from boards.link import ACKNOWLEDGE, BoardTop, Link
from boards.uart import divisor
from boards.virtual import VirtualBoard
from hdl.devices.devices import find_device
from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.primitives.single_port import SinglePortMemory
from hdl.primitives.streams import Logit, beats
from hdl.toolchain import Expected, synthesise
from hdl.toolchain.verilog import rtlil_text
from quantize.errors import StatespikeError
from sim.backends import backend
from sim.backends.netlist import Netlist
from sim.stimulus import Stimulus


@pytest.fixture
def board(tiny):
    """Builds a tiny network's virtual board: (host, network)."""

    def build(features=3, width=8, pause=0, watchdog=20_000, clock_divisor=4, buffer_bytes=512):
        network = tiny(features, width=width, total_width=20, pause=pause)
        link = Link(features, width, features, 20, buffer_bytes)
        return Host(VirtualBoard(BoardTop(network, link, clock_divisor), watchdog), link), network

    return build


def test_exact_logits(board, draw):
    host, network = board()
    x = draw(3, 6, 3, seed=4)
    assert np.array_equal(host.run(list(x)), network.compute(x).logits)


@pytest.mark.parametrize("clock_divisor", [5, 13])
def test_divisors(board, draw, clock_divisor):
    host, network = board(clock_divisor=clock_divisor)
    x = draw(1, 3, 3)
    assert np.array_equal(host.run(list(x)), network.compute(x).logits)


@pytest.mark.parametrize("width", [1, 7, 9, 12])
def test_widths(board, width):
    host, network = board(features=2, width=width)
    x = np.random.default_rng(width).integers(-(1 << (width - 1)), 1 << (width - 1), (2, 5, 2))
    assert np.array_equal(host.run(list(x)), network.compute(x).logits)


def test_network_slower_than_the_line_loses_nothing(board, draw):
    host, network = board(features=3, pause=200, buffer_bytes=16)
    assert host.link.window == 3
    x = draw(1, 12, 3, seed=5)
    assert np.array_equal(host.run(list(x)), network.compute(x).logits)


def test_break_clears_a_half_sent_sequence(board, draw):
    host, network = board()
    x = draw(1, 4, 3, seed=6)
    host.pipe.write(host.link.encode(x[0], first=True, last=False)[:-2])
    assert host.pipe.read(3) == bytes([ACKNOWLEDGE] * 3)
    host = Host(host.pipe, host.link)
    assert np.array_equal(host.run(list(x)), network.compute(x).logits)


def test_bytes_where_a_header_is_due_are_skipped(board, draw):
    host, network = board()
    x = draw(1, 2, 3, seed=7)
    host.pipe.write(b"\x00\xffhello"[:4])
    assert np.array_equal(host.run(list(x)), network.compute(x).logits)


def test_silent_board_is_told(board):
    host, _ = board(watchdog=2000)
    with pytest.raises(StatespikeError, match="the virtual board fell silent for 2000 cycles"):
        host.pipe.read(1)


def test_sequence_of_another_width_is_told(board, draw):
    host, _ = board()
    with pytest.raises(StatespikeError, match=r"shape \(6, 2\); expected \(at least one step, 3\)"):
        host.run(list(draw(1, 6, 2)))


def test_foreign_bytes_are_told():
    class Babble:
        def send_break(self): ...
        def write(self, data): ...
        def read(self, count):
            return b"x" * count

    with pytest.raises(StatespikeError, match="sent 0x78 where the protocol has 0x2e"):
        Host(Babble(), Link(1, 8, 2, 16)).run([np.zeros((1, 1), int)])


def test_serial_port_carries_bytes_and_tells_silence():
    port = SerialPort("loop://", 115_200, timeout=0.1)
    port.write(b"abc")
    assert port.read(3) == b"abc"
    with pytest.raises(StatespikeError, match=r"fell silent for 0\.1 s"):
        port.read(1)
    port.close()


def test_serial_port_that_is_not_there_is_told():
    with pytest.raises(StatespikeError, match="cannot open the serial port /dev/nothing"):
        SerialPort("/dev/nothing", 115_200)


def test_divisor():
    assert divisor(12e6, 1e6) == 12
    assert divisor(12e6, 115_200) == 104
    with pytest.raises(StatespikeError, match="921600 baud cannot be made from a clock of 2 MHz"):
        divisor(2e6, 921_600)


def test_step_larger_than_the_buffer_is_told():
    with pytest.raises(StatespikeError, match="a step of 10 bytes does not fit the link's buffer of 8"):
        Link(9, 8, 2, 16, buffer_bytes=8)


class Echo(Component):
    """A sequence through a queue, never filled beyond what it holds."""

    def __init__(self, depth: int, steps: int, target: DeviceFeatures = MULTIPLIER_BLOCKS):
        self.depth, self.steps, self.target = depth, steps, target
        super().__init__({"i": In(beats(8)), "o": Out(stream.Signature(Logit(8)))})

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.queue = queue = ByteQueue(self.depth, self.target)
        count = Signal(range(self.steps))
        inside = Signal(range(self.depth))
        taken, given = self.i.valid & self.i.ready, self.o.valid & self.o.ready
        m.d.sync += inside.eq(inside + taken - given)
        m.d.comb += [
            self.i.ready.eq(inside != self.depth - 1),
            queue.i.valid.eq(taken),
            queue.i.payload.eq(self.i.payload.value),
            self.o.valid.eq(queue.o.valid),
            self.o.payload.value.eq(queue.o.payload),
            self.o.payload.last.eq(count == self.steps - 1),
            queue.o.ready.eq(self.o.ready),
        ]
        with m.If(given):
            m.d.sync += count.eq(count + 1)
        return m


PACES = [{}, {"input_gaps": 0.8}, {"output_stalls": 0.8}, {"input_gaps": 0.5, "output_stalls": 0.5}]


@pytest.mark.parametrize("depth", [2, 16])
@pytest.mark.parametrize("pace", PACES)
def test_queue_keeps_every_byte_in_order(draw, depth, pace):
    x = draw(1, 100, 1, seed=8)
    run = backend("amaranth").run(Echo(depth, 100), Stimulus(list(x), **pace))
    assert np.array_equal(run.logits[0], x[0, :, 0])


@pytest.mark.slow
@pytest.mark.synth
@pytest.mark.cosim
def test_queue_in_the_single_port_memory_equals_its_portable_twin(draw, tmp_path):
    x = draw(1, 300, 1, seed=9)
    stimulus = Stimulus(list(x), input_gaps=0.3, output_stalls=0.5)
    up5k = find_device("up5k")
    design = Echo(64, 300, up5k.features)
    text = rtlil_text(design, platform=up5k.family)
    synthesis = synthesise(text, up5k, tmp_path, Expected(bram=0, spram=1))
    run = Netlist(synthesis.rtlil, synthesis.device).run(design, stimulus, tmp_path)
    assert np.array_equal(run.logits[0], x[0, :, 0])
    assert run.cycles == backend("amaranth").run(Echo(64, 300), stimulus).cycles


def test_memory_larger_than_the_cell_is_refused():
    up5k = find_device("up5k")
    with pytest.raises(ValueError, match="has 16384 words, not more"):
        rtlil_text(SinglePortMemory((1 << 14) + 1, 16, up5k.features), platform=up5k.family)
