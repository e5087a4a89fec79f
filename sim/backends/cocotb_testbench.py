"""The cocotb test that plays a job: imported by cocotb inside the simulator, not by us.

The file named by the environment's STATESPIKE_JOB holds the job; the result goes beside it, to `result.npz`.
"""

import os
import time
from pathlib import Path

import cocotb
from cocotb.triggers import Timer

from quantize.errors import StatespikeError
from sim.backends.exchange import load_job, save_run
from sim.player import Phase, Player


@cocotb.test()
async def play(dut) -> None:
    """Play the job cycle by cycle.

    The clock is driven here as well: inputs change with its falling edge and outputs are read just before its
    rising edge, so nothing depends on the order of events at an edge.
    """
    job = Path(os.environ["STATESPIKE_JOB"])
    stimulus, ports, watchdog, record = load_job(job)
    player = Player(stimulus, ports, watchdog, record)
    taps = [(getattr(dut, f"tap_{name}__valid"), getattr(dut, f"tap_{name}__value")) for name in ports.taps]
    widths = list(ports.taps.values())
    half = Timer(1, "ns")
    start = time.thread_time()
    try:
        while player.phase is not Phase.DONE:
            drive = player.drive()
            dut.clk.value = 0
            dut.rst.value = int(drive.reset)
            dut.i__valid.value = int(drive.valid)
            dut.i__payload.value = drive.payload
            dut.o__ready.value = int(drive.ready)
            await half
            valid = bool(dut.o__valid.value)
            player.observe(
                ready=bool(dut.i__ready.value),
                valid=valid,
                payload=int(dut.o__payload.value) if valid else 0,
                taps=[
                    (index, _signed(int(value.value), widths[index]))
                    for index, (moved, value) in enumerate(taps)
                    if moved.value
                ],
            )
            dut.clk.value = 1
            await half
    except StatespikeError as error:
        save_run(job.with_name("result.npz"), error)
    else:
        run = player.run(os.environ["STATESPIKE_BACKEND"], time.thread_time() - start)
        save_run(job.with_name("result.npz"), run)


def _signed(bits: int, width: int) -> int:
    return bits - (bits >> (width - 1) << width)
