"""A cocotb test with the sources and sinks of cocotbext-axi, imported inside the simulator.

The file named by AXIS_JOB holds packets of TDATA (`packets`, `lengths`) and a seed; the packets that come out
go beside it, to `answers.npz`: words, their number in each packet, and whether TUSER was high.
"""

import os
import random
from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource


def pauses(generator: random.Random):
    """Every third cycle at random."""
    while True:
        yield generator.random() < 0.33


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def packets_in_packets_out(dut) -> None:
    path = Path(os.environ["AXIS_JOB"])
    job = np.load(path)
    bytes_in, bytes_out = len(dut.s_axis_tdata) // 8, len(dut.m_axis_tdata) // 8
    Clock(dut.clk, 10, "ns").start()
    source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.clk, dut.rst, byte_lanes=1)
    sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.clk, dut.rst, byte_lanes=1)
    source.byte_size, sink.byte_size = 8 * bytes_in, 8 * bytes_out
    source.set_pause_generator(pauses(random.Random(int(job["seed"]))))
    sink.set_pause_generator(pauses(random.Random(int(job["seed"]) + 1)))
    dut.rst.value = 1
    for _ in range(3):
        await RisingEdge(dut.clk)
    dut.rst.value = 0
    for packet in np.split(job["packets"], np.cumsum(job["lengths"])[:-1]):
        words = [int(value) & ((1 << 8 * bytes_in) - 1) for value in packet]
        await source.send(AxiStreamFrame(words, tuser=[1] + [0] * (len(words) - 1)))
    words, lengths, marks = [], [], []
    for _ in job["lengths"]:
        frame = await sink.recv(compact=False)
        words += list(frame.tdata)
        lengths.append(len(frame.tdata))
        marks += list(frame.tuser)
    np.savez(path.with_name("answers.npz"), words=np.array(words), lengths=lengths, marks=marks)
