"""A scheduler of Dask, two workers and a client, each a process that can be killed and started again."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}


class Cast:
    """Whoever takes part, by name: "scheduler", "worker 1", "worker 2" and "client".

    Parameters
    ----------
    folder : Path
        Where they run, and log.
    client : str
        A module and its arguments, with `{address}` for the scheduler's.
    host : str
        Where the scheduler listens.
    inside : callable, optional
        From a name to the words before its command.
    """

    def __init__(
        self,
        folder: Path,
        client: str,
        host: str = "127.0.0.1",
        inside: Callable[[str], Sequence[str]] = lambda name: (),
    ) -> None:
        self.folder, self._client, self._host, self._inside = folder, client, host, inside
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://{host}:{free.getsockname()[1]}"
        self.processes = {name: self._start(name) for name in ("scheduler", "worker 1", "worker 2", "client")}

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        port = self.address.rpartition(":")[2]
        arguments = {
            "scheduler": f"distributed.cli.dask_scheduler --host {self._host} --port {port} --no-dashboard",
            "client": self._client.format(address=self.address),
        }.get(
            name,
            f"distributed.cli.dask_worker {self.address} --nthreads 1 --no-dashboard --no-nanny "
            f"--local-directory {self.folder}",
        )
        with self._log(name).open("a") as log:
            return subprocess.Popen(
                [*self._inside(name), sys.executable, "-m", *arguments.split()],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                env=ENVIRONMENT,
            )

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.txt"

    @property
    def running(self) -> bool:
        """Whether the client is."""
        return self.processes["client"].poll() is None

    def told(self, name: str = "") -> str:
        """All that one of them told, or the ends of what each did."""
        if name:
            return self._log(name).read_text()
        return "\n".join(f"{name}: {self._log(name).read_text()[-1000:]}" for name in self.processes)

    def kill(self, name: str) -> None:
        """Kill one, and start another in its place."""
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()
        self.processes[name] = self._start(name)

    def leave(self, name: str) -> None:
        """Ask one to end, and wait until it has."""
        self.processes[name].send_signal(signal.SIGTERM)
        self.processes[name].wait()

    def hold(self, name: str) -> None:
        """Let one do nothing, but be there."""
        self.processes[name].send_signal(signal.SIGSTOP)

    def release(self, name: str) -> None:
        """Let it go on."""
        self.processes[name].send_signal(signal.SIGCONT)

    def revive(self) -> None:
        """Start workers again that left of themselves: they do when their scheduler stays away."""
        for name in ("worker 1", "worker 2"):
            if self.processes[name].poll() is not None:
                self.processes[name] = self._start(name)

    def end(self) -> None:
        """Kill all."""
        for process in self.processes.values():
            process.kill()
            process.wait()
