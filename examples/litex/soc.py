"""A SoC with a network: its registers in Migen's simulator, its Verilog in Icarus Verilog. soc.py FOLDER."""

import contextlib
import subprocess
import sys
from pathlib import Path

from litex.build.generic_platform import Pins
from litex.build.io import CRG
from litex.build.sim import SimPlatform
from litex.gen import LiteXModule
from litex.soc.integration.soc_core import SoCMini
from litex.soc.interconnect import stream
from migen import Array, Display, Finish, If, Module, Signal, run_simulation
from network import NetworkRegisters, StatespikeNetwork

TEST_BENCH = """
`timescale 1ns / 1ns
module bench;
  reg clk = 0;
  always #5 clk = ~clk;
  initial #10000000 begin
    $display("FAIL: no end");
    $finish;
  end
  sim dut (.sys_clk(clk), .sim_trace());
endmodule
"""


class Model(LiteXModule):
    """In the place of a network: the sum of each sequence, as two logits."""

    def __init__(self):
        self.sink = stream.Endpoint([("value", (9, True))])
        self.source = stream.Endpoint([("value", (24, True)), ("overrun", 1)])
        total, answering, second = Signal((24, True)), Signal(), Signal()
        self.comb += [
            self.sink.ready.eq(~answering),
            self.source.valid.eq(answering),
            self.source.value.eq(total + second),
            self.source.last.eq(second),
        ]
        self.sync += [
            If(
                self.sink.valid & self.sink.ready,
                total.eq(total + self.sink.value),
                answering.eq(self.sink.last),
            ),
            If(
                self.source.valid & self.source.ready,
                second.eq(~second),
                If(second, answering.eq(0), total.eq(0)),
            ),
        ]


def play_registers() -> None:
    """Firmware's accesses, in front of the model."""
    top = Module()
    top.submodules.model = model = Model()
    top.submodules.registers = registers = NetworkRegisters(model)
    logits = []

    def firmware():
        for values in ([3, -5, 100], [-200]):
            for place, value in enumerate(values):
                assert (yield registers.status.fields.room)
                yield from registers.beat.write((value & 0x1FF) | (place == len(values) - 1) << 9)
            last = False
            while not last:
                while not (yield registers.status.fields.answered):
                    yield
                logits.append((yield registers.logit.fields.value))
                last = yield registers.logit.fields.last
                yield from registers.take.write(1)
                yield
        assert not (yield registers.lost.status)

    run_simulation(top, firmware())
    expected = [98, 99, -200 & 0xFFFFFF, -199 & 0xFFFFFF]
    assert logits == expected, f"{logits} instead of {expected}"
    print("PASS: registers")


class SelfTest(LiteXModule):
    """Plays the words of a build folder through a network's streams, and compares the answers."""

    def __init__(self, network, folder: Path):
        given, expected = words(folder / "inputs.hex"), words(folder / "expected.hex")
        sent, received = Signal(16), Signal(16)
        width_in, width_out = len(network.sink.value), len(network.source.value)
        whole_in, whole_out = -(-width_in // 8) * 8, -(-width_out // 8) * 8
        beat, answer = Signal(whole_in + 2), Signal(whole_out + 2)
        self.comb += [
            beat.eq(Array(given)[sent]),
            answer.eq(Array(expected)[received]),
            network.sink.valid.eq(sent < len(given)),
            network.sink.value.eq(beat[:width_in]),
            network.sink.last.eq(beat[whole_in]),
            network.source.ready.eq(1),
        ]
        logit, equal = Signal((width_out, True)), Signal()
        self.comb += [
            logit.eq(answer[:width_out]),
            equal.eq((network.source.value == logit) & (network.source.last == answer[whole_out])),
        ]
        self.sync += [
            If(network.sink.valid & network.sink.ready, sent.eq(sent + 1)),
            If(
                network.source.valid,
                received.eq(received + 1),
                If(~equal, Display("FAIL: transfer %d", received), Finish()).Elif(
                    received == len(expected) - 1, Display(f"PASS: {len(expected)} transfers"), Finish()
                ),
            ),
        ]


def words(path: Path) -> list[int]:
    """The words of a file of hexadecimal numbers."""
    return [int(line, 16) for line in path.read_text().split()]


def simulate_soc(folder: Path) -> None:
    """A SoC with registers before one network, and another one that is tested, in Icarus Verilog."""
    platform = SimPlatform("sim", [("sys_clk", 0, Pins(1))], name="sim")
    soc = SoCMini(platform, clk_freq=1_000_000)
    soc.crg = CRG(platform.request("sys_clk"))
    soc.network = StatespikeNetwork(platform, folder)
    soc.registers = NetworkRegisters(soc.network)
    soc.tested = StatespikeNetwork(platform, folder)
    soc.self_test = SelfTest(soc.tested, folder / "tb")
    soc.finalize()
    print("registers:", ", ".join(register.name for register in soc.csr_regions["registers"].obj))

    place = folder.parent / "litex"
    place.mkdir(exist_ok=True)
    with contextlib.chdir(place):  # LiteX writes the contents of memories where it is
        platform.get_verilog(soc, name="sim").write("sim.v")
    (place / "bench.v").write_text(TEST_BENCH)
    sources = ["bench.v", "sim.v", str((folder / "design.v").resolve())]
    subprocess.run(["iverilog", "-g2005", "-o", "bench.vvp", "-s", "bench", *sources], cwd=place, check=True)
    done = subprocess.run(["vvp", "-N", "bench.vvp"], cwd=place, check=True, capture_output=True, text=True)
    print(done.stdout.strip())
    if "PASS" not in done.stdout:
        sys.exit(1)


if __name__ == "__main__":
    play_registers()
    simulate_soc(Path(sys.argv[1]).resolve())
