"""A source and a sink of cocotbext-axi at the network's ports; imported by cocotb inside the simulator."""

import os
import random
from itertools import pairwise
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource

FOLDER = Path(os.environ["BUILD_FOLDER"])


def packets(name: str, width: int) -> list[list[int]]:
    """TDATA of each packet in a file of words: TDATA, TLAST and TUSER side by side."""
    words = [int(line, 16) for line in (FOLDER / "tb" / name).read_text().split()]
    ends = [0, *(place + 1 for place, word in enumerate(words) if word >> width & 1)]
    data = [word & ((1 << width) - 1) for word in words]
    return [data[start:end] for start, end in pairwise(ends)]


def pauses(seed: int):
    """A pause in every third cycle, at random."""
    dice = random.Random(seed)
    while True:
        yield dice.random() < 0.33


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def every_packet_is_answered(dut):
    width_in, width_out = len(dut.s_axis_tdata), len(dut.m_axis_tdata)
    # A word of TDATA is one number, however many bytes it has.
    source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.clk, dut.rst, byte_lanes=1)
    sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.clk, dut.rst, byte_lanes=1)
    source.byte_size, sink.byte_size = width_in, width_out
    source.set_pause_generator(pauses(1))
    sink.set_pause_generator(pauses(2))
    Clock(dut.clk, 10, "ns").start()
    dut.rst.value = 1
    await ClockCycles(dut.clk, 4)
    dut.rst.value = 0

    for packet in packets("inputs.hex", width_in):
        await source.send(AxiStreamFrame(packet, tuser=[1] + [0] * (len(packet) - 1)))
    for number, expected in enumerate(packets("expected.hex", width_out)):
        frame = await sink.recv(compact=False)
        assert list(frame.tdata) == expected, f"packet {number} is {frame.tdata}, not {expected}"
