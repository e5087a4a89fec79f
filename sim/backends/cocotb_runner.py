"""cocotb on Verilator and on Icarus Verilog: the Verilog that people get, in simulators of their own."""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from amaranth.lib.wiring import Component

from hdl.toolchain.tools import find_tool, tool_failure
from hdl.toolchain.verilog import convert_to_verilog, rtlil_text
from quantize.errors import StatespikeError
from quantize.files import one_at_a_time, scratch_folder
from sim.backends.base import MANY_CYCLES, WATCHDOG, Backend, Prepared
from sim.backends.exchange import load_run, save_job
from sim.backends.verilated import compiler_levels, design_folder, verilator_settings
from sim.ports import Ports, ports_of
from sim.stimulus import Stimulus
from sim.trace import Run

_ROOT = Path(__file__).parents[2]


class Cocotb(Backend):
    """Backend that drives a Verilog simulator through cocotb.

    Parameters
    ----------
    simulator : "verilator" or "icarus"
        cocotb's name for it.
    arguments : sequence of str
        For the simulator's compiler, after cocotb's own: such as "-g2005", for Icarus' Verilog-2005 mode.
    """

    def __init__(self, simulator: str, arguments: Sequence[str] = ()):
        self.name, self.arguments = simulator, tuple(arguments)

    def prepare(self, design: Component, folder: Path, cycles: int = MANY_CYCLES) -> Prepared:
        """Build, unless the folder has it already. See `Backend.prepare`."""
        levels = compiler_levels(cycles) if self.name == "verilator" else {}
        text = rtlil_text(design)
        build = design_folder(folder, self.name, "\0".join([text, *self.arguments, *levels.values()]))
        self._require_tools()
        build.mkdir(parents=True, exist_ok=True)
        with one_at_a_time(build):
            if not (build / "built").exists():
                (build / "design.il").write_text(text)
                with _environment(self.name, levels):
                    self._build(convert_to_verilog(build / "design.il"), build)
        return partial(self._simulate, build, ports_of(design))

    def _simulate(
        self,
        build: Path,
        ports: Ports,
        stimulus: Stimulus,
        watchdog: int = WATCHDOG,
        record: bool = False,
    ) -> Run:
        """Simulate in another process, which no other shares its job with."""
        with scratch_folder() as folder:
            save_job(folder / "job.npz", stimulus, ports, watchdog, record)
            with _environment(self.name):
                self._test(build, folder)
            return load_run(folder / "result.npz")

    def _require_tools(self) -> None:
        """Tell of everything that is missing, cocotb and the simulator, at once."""
        missing = []
        if find_spec("cocotb_tools") is None:
            missing.append("cocotb is not installed; to get it: pip install cocotb")
        try:
            with _environment(self.name):
                pass
        except StatespikeError as error:
            missing.append(str(error))
        if missing:
            raise StatespikeError(", and ".join(missing))

    def _runner(self):
        from cocotb_tools.runner import get_runner

        return get_runner(self.name)

    def _build(self, source: Path, build: Path) -> None:
        arguments = [*(("-O3",) if self.name == "verilator" else ()), *self.arguments]
        with _told(f"{self.name} could not compile the design", build / "compiler.log"):
            self._runner().build(
                sources=[source],
                hdl_toplevel="top",
                build_dir=build,
                build_args=arguments,
                timescale=("1ns", "1ps"),
                log_file=build / "compiler.log",
            )
        (build / "built").touch()

    def _test(self, build: Path, folder: Path) -> None:
        result = folder / "result.npz"
        with _told(f"{self.name} ended without a result", folder / "simulation.log"):
            self._runner().test(
                test_module="sim.backends.cocotb_testbench",
                hdl_toplevel="top",
                hdl_toplevel_lang="verilog",
                build_dir=build,
                test_dir=folder,
                timescale=("1ns", "1ps"),
                log_file=folder / "simulation.log",
                extra_env={
                    "STATESPIKE_JOB": str(folder / "job.npz"),
                    "STATESPIKE_BACKEND": self.name,
                    "PYTHONPATH": os.pathsep.join([str(_ROOT), *sys.path]),
                },
            )
            if not result.exists():
                raise SystemExit


@contextlib.contextmanager
def _told(sentence: str, log: Path) -> Iterator[None]:
    """Turn the SystemExit and RuntimeError of cocotb's runner into an error that names the log."""
    try:
        yield
    except (SystemExit, RuntimeError) as error:
        raise tool_failure(f"{sentence}{f': {error}' if str(error) else ''}", log) from error


@contextlib.contextmanager
def _environment(simulator: str, levels: Mapping[str, str] | None = None) -> Iterator[None]:
    """The process environment in which cocotb's runner finds a simulator.

    Raises
    ------
    StatespikeError
        If the simulator, or what it needs, is not installed.
    """
    if simulator == "icarus":
        find_tool("iverilog")
        settings = {}
    else:
        settings = verilator_settings(levels)
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
