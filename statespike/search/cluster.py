"""Where trials run: on workers of Dask distributed, in processes here or on other machines.

Trials are pure, so whatever is lost is run again: on another worker when one dies, and as a whole when the
scheduler was away. Nothing that the client does depends on who ran a trial, or when.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, as_completed
from distributed.comm import CommClosedError

from quantize.errors import StatespikeError
from statespike.search.evaluation import evaluate_trial
from statespike.search.explore import Evaluate, Run
from statespike.search.trial import Outcome, Trial

PATIENCE = 60.0
"""Seconds that a scheduler may be away, or this machine without workers."""
SOON = 3.0
"""Seconds without an answer after which waiting for a scheduler is told."""
MOST_DEATHS = 8
"""How often a scheduler may give a trial up because workers died of it, before it is to blame."""
LOOK = 0.02
"""Seconds between two looks for finished trials."""
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")}

_alone = threading.Lock()


def evaluate_alone(trial: Trial) -> Outcome:
    """Evaluate a trial while no other one runs in this process: they would draw from one generator."""
    with _alone:
        return evaluate_trial(trial)


@contextmanager
def local_workers(count: int, evaluate: Evaluate = evaluate_alone) -> Iterator[Run]:
    """Processes on this machine, gone at the end.

    Raises
    ------
    StatespikeError
        If all of them die while trials run, and none comes back.
    """
    settings = {
        "distributed.scheduler.worker-saturation": 1.0,
        "distributed.scheduler.allowed-failures": 0,  # a death is counted by `_run`
    }

    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=count, threads_per_worker=1, processes=True, dashboard_address=":0", env=ONE_THREAD,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):  # fmt: skip
        yield lambda trials: _run(client, trials, evaluate, _Attendance(cluster, count).check)


@contextmanager
def scheduler_at(
    address: str,
    evaluate: Evaluate = evaluate_alone,
    tell: Callable[[str], None] = lambda text: None,
    patience: float = PATIENCE,
) -> Iterator[Run]:
    """The workers of a scheduler that somebody started.

    Parameters
    ----------
    address : str
        "tcp://host:port".
    evaluate : callable
        Importable on the workers.
    tell : callable, optional
        Called with what a user should know, in a sentence.
    patience : float
        Seconds for which the scheduler may be away.

    Raises
    ------
    StatespikeError
        If there is no scheduler, or it stays away while trials run.
    """
    connection = _Connection(address, tell, patience)
    try:
        yield lambda trials: connection.run(trials, evaluate)
    finally:
        connection.close()


class _Connection:
    """A client that comes back when its scheduler does."""

    def __init__(self, address: str, tell: Callable[[str], None], patience: float) -> None:
        self._address, self._tell, self._patience = address, tell, patience
        self.client = self._connected()

    def run(self, trials: Sequence[Trial], evaluate: Evaluate) -> Iterator[tuple[Trial, Outcome]]:
        """Run trials; those whose scheduler went away, again on the next one."""
        missing = {trial.key: trial for trial in trials}
        while missing:
            try:
                for trial, outcome in _run(self.client, list(missing.values()), evaluate):
                    del missing[trial.key]
                    yield trial, outcome
            except _SchedulerLost:
                self._tell(f"the scheduler at {self._address} went away; {len(missing)} trials are run again")
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
                "scheduler`, and run the same command again: finished trials are kept"
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

    def __init__(self, cluster: LocalCluster, count: int) -> None:
        self._cluster, self._count = cluster, count
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
                "again with fewer --workers, which need less memory: finished trials are kept"
            )


def _run(
    client: Client, trials: Sequence[Trial], evaluate: Evaluate, check: Callable[[], None] = lambda: None
) -> Iterator[tuple[Trial, Outcome]]:
    """Run trials, and those again whose workers died; calls `check` again and again while it waits.

    Raises
    ------
    _SchedulerLost
        If the scheduler went away.
    """
    deaths = dict.fromkeys((trial.key for trial in trials), 0)
    running = {_submitted(client, evaluate, trial): trial for trial in trials}
    done = as_completed(list(running))
    while running:
        while not done.has_ready():
            check()
            time.sleep(LOOK)
        future = next(done)
        trial, status = running.pop(future), future.status
        if status == "finished":
            yield trial, _result(future)
            continue
        if status != "error":
            raise _SchedulerLost
        error = future.exception()
        if not isinstance(error, KilledWorker):
            raise error
        deaths[trial.key] += 1
        if deaths[trial.key] >= MOST_DEATHS:
            raise StatespikeError(
                f"workers die whenever they run {trial.specification} (candidate {trial.key[:8]}); give them "
                "more memory, or leave networks of its size out of the search space"
            ) from error
        again = _submitted(client, evaluate, trial)
        running[again] = trial
        done.add(again)


class _SchedulerLost(Exception):
    """The scheduler went away, and with it what it knew."""


def _submitted(client: Client, evaluate: Evaluate, trial: Trial) -> Future:
    try:
        return client.submit(evaluate, trial, pure=False)
    except (CommClosedError, RuntimeError) as error:  # the client is closing, or closed
        raise _SchedulerLost from error


def _result(future: Future) -> Outcome:
    """The outcome of a finished trial; what is raised is of the way to it, not of the trial."""
    try:
        return future.result()
    except (CancelledError, CommClosedError, OSError, TimeoutError) as error:
        raise _SchedulerLost from error
