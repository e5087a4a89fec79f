"""Where jobs are done: processes of this machine, or the workers of a scheduler that somebody started."""

import logging
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import dask
from distributed import Client, LocalCluster

from quantize.errors import StatespikeError
from quantize.jobs import Given, Job, Result
from statespike.cluster.jobs import AHEAD, Kind, SchedulerLost, Sent, Tally, run_jobs

PATIENCE = 60.0
"""Seconds that a scheduler may be away, or this machine without workers."""
SOON = 3.0
"""Seconds without an answer after which waiting for a scheduler is told."""
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")}
SEQUENCES = Kind(
    "blocks of sequences",
    lambda part: f"sequences {part.start} to {part.stop - 1}",
    "leave these sequences out",
)
"""Jobs that are slices of a set of sequences."""
ANY_SIZE = {"distributed.admin.large-graph-warning-threshold": "1TB"}
"""Dask would warn of jobs with long sequences."""

Send = Callable[[Any], Sent]


class Workers:
    """Does jobs at workers; a `quantize.jobs.Run`.

    Attributes
    ----------
    tally : Tally
        Of all jobs so far.
    """

    def __init__(self, run: Callable[[Mapping[int, Any], Send, Tally], Iterator[tuple[int, Any]]]) -> None:
        self._run = run
        self.tally = Tally()

    @property
    def at_once(self) -> int:
        """How many workers took part."""
        return len(self.tally.workers)

    def __call__(
        self, do: Callable[[Given], Result], jobs: Sequence[Job], given: Callable[[Job], Given]
    ) -> Generator[tuple[Job, Result], None, None]:
        """See `quantize.jobs.Run`; `do` must be importable at the workers."""
        for number, result in self._run(dict(enumerate(jobs)), lambda job: (do, given(job)), self.tally):
            yield jobs[number], result


@contextmanager
def workers_here(count: int, kind: Kind) -> Iterator[Workers]:
    """Processes on this machine, gone at the end.

    Raises
    ------
    StatespikeError
        If all of them die while jobs run, and none comes back.
    """
    settings = {
        "distributed.scheduler.worker-saturation": 1.0,
        "distributed.scheduler.allowed-failures": 0,  # a death is counted by `run_jobs`
        **ANY_SIZE,
    }
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=count, threads_per_worker=1, processes=True, dashboard_address=":0", env=ONE_THREAD,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):  # fmt: skip
        check = _Attendance(cluster, count, kind).check
        yield Workers(lambda jobs, send, tally: run_jobs(client, kind, jobs, send, tally, check))


@contextmanager
def workers_at(
    address: str,
    kind: Kind = SEQUENCES,
    tell: Callable[[str], None] = lambda text: None,
    patience: float = PATIENCE,
) -> Iterator[Workers]:
    """The workers of a Dask scheduler that somebody started, for `evaluate` and `simulate`.

    Workers need the same version of statespike, and may come and go. Results are those of this machine.

    Parameters
    ----------
    address : str
        "tcp://host:port".
    kind : Kind, optional
        What jobs are called; by default blocks of sequences.
    tell : callable, optional
        Called with what a user should know, in a sentence.
    patience : float
        Seconds for which the scheduler may be away.

    Raises
    ------
    StatespikeError
        If there is no scheduler, it stays away while jobs run, or a worker has another version.

    Examples
    --------
    >>> import numpy, statespike
    >>> from distributed import LocalCluster
    >>> network = statespike.quantise(statespike.load("digits-prf"))
    >>> x = numpy.zeros((3, 8, 1))
    >>> with LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster:
    ...     with statespike.workers_at(cluster.scheduler_address) as workers:
    ...         result = statespike.evaluate(network, x, workers=workers)
    >>> bool((result.logits == statespike.evaluate(network, x).logits).all())
    True
    """
    with dask.config.set(ANY_SIZE), _without_logs():
        connection = _Connection(address, kind, tell, patience)
        try:
            yield Workers(connection.run)
        finally:
            connection.close()


@contextmanager
def _without_logs() -> Iterator[None]:
    """Keep Dask from logging a lost scheduler with tracebacks: it is told in a sentence."""
    log = logging.getLogger("distributed.client")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


class _Connection:
    """A client that comes back when its scheduler does."""

    def __init__(self, address: str, kind: Kind, tell: Callable[[str], None], patience: float) -> None:
        self._address, self._kind, self._tell, self._patience = address, kind, tell, patience
        self.client = self._connected()

    def run(self, jobs: Mapping[int, Any], send: Send, tally: Tally) -> Iterator[tuple[int, Any]]:
        """Do jobs; those whose scheduler went away, again on the next one."""
        missing = dict(jobs)
        while missing:
            try:
                for number, result in run_jobs(self.client, self._kind, dict(missing), send, tally):
                    del missing[number]
                    yield number, result
            except SchedulerLost:
                lost = min(len(missing), AHEAD)
                tally.again += lost
                self._tell(
                    f"the scheduler at {self._address} went away; {lost} {self._kind.plural} are run again"
                )
                self.close()
                self.client = self._connected()

    def close(self) -> None:
        """Leave the scheduler, whether it is there or not."""
        self.client.close(timeout=1)

    def _connected(self) -> Client:
        try:
            client = self._awaited()
        except (OSError, TimeoutError, ValueError) as error:
            raise StatespikeError(
                f"no scheduler answers at {self._address} within {self._patience:g} s; start one with `dask "
                f"scheduler`, and run the same command again{self._kind.kept}"
            ) from error
        if not client.scheduler_info()["workers"]:
            self._tell(
                f"{self._address} has no worker yet; `dask worker {self._address} --nthreads 1` starts one"
            )
        return client

    def _awaited(self) -> Client:
        """A client of the scheduler, as soon as it is there; a wait that may be long is told."""
        if self._patience > SOON:
            with suppress(OSError, TimeoutError):
                return Client(self._address, timeout=SOON)
            self._tell(
                f"no scheduler answers at {self._address} so far; waiting up to {self._patience:g} s "
                "(`dask scheduler` starts one, Ctrl-C ends this)"
            )
        return Client(self._address, timeout=self._patience)


class _Attendance:
    """Whether the workers of this machine are there, by the copy of the list that their cluster keeps."""

    def __init__(self, cluster: LocalCluster, count: int, kind: Kind) -> None:
        self._cluster, self._count, self._kind = cluster, count, kind
        self._seen = time.monotonic()

    def check(self) -> None:
        """Refuse to wait any longer for workers that stay away.

        Raises
        ------
        StatespikeError
        """
        now = time.monotonic()
        if self._cluster.scheduler_info["workers"]:
            self._seen = now
        elif now - self._seen > PATIENCE:
            raise StatespikeError(
                f"the {self._count} workers died, and none came back within {PATIENCE:g} s; run the command "
                f"again with fewer --workers, which need less memory{self._kind.kept}"
            )
