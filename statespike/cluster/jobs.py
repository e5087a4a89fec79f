"""Jobs done by way of a client of Dask, and again where workers died of them."""

import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

import cloudpickle
from distributed import Client, Future, KilledWorker, as_completed
from distributed.comm import CommClosedError

from quantize.errors import StatespikeError
from statespike.cluster.version import this_version
from statespike.cluster.worker import OTHER, call

MOST_DEATHS = 8
"""How often a scheduler may give a job up because workers died of it, before it is to blame."""
AHEAD = 256
"""Jobs that are with the scheduler at a time: enough for many workers, few enough for its memory."""
LOOK = 0.02
"""Seconds between two looks for finished jobs."""

Job = TypeVar("Job")
Sent = tuple[Callable[[Any], Any], Any]
"""What a worker calls, and with what."""


@dataclass(frozen=True)
class Kind:
    """Jobs of one kind, in words.

    Parameters
    ----------
    plural : str
        What they are called.
    name : callable
        What one of them is called.
    remedy : str
        What helps if workers die of one, beside more memory.
    kept : str
        Behind "run the same command again", what that keeps.
    """

    plural: str
    name: Callable[[Any], str]
    remedy: str
    kept: str = ""


@dataclass
class Tally:
    """What was done where; it decides nothing.

    Parameters
    ----------
    workers : set of str
        Addresses of those that finished a job.
    jobs : int
        Finished.
    again : int
        Begun again, for a worker or the scheduler went away.
    """

    workers: set[str] = field(default_factory=set)
    jobs: int = 0
    again: int = 0


class SchedulerLost(Exception):
    """The scheduler went away, and with it what it knew."""


def run_jobs(
    client: Client,
    kind: Kind,
    jobs: Mapping[int, Job],
    send: Callable[[Job], Sent],
    tally: Tally,
    check: Callable[[], None] = lambda: None,
) -> Generator[tuple[int, Any], None, None]:
    """Do jobs, and those again whose workers died; yields the number of each with its result, in any order.

    Parameters
    ----------
    client : Client
    kind : Kind
    jobs : mapping of number to job
    send : callable
        What is sent for a job.
    tally : Tally
        Is kept up to date.
    check : callable, optional
        Called again and again while nothing is ready.

    Raises
    ------
    SchedulerLost
    StatespikeError
        If a worker runs another version of the program, or workers die of a job again and again.
    """
    deaths = dict.fromkeys(jobs, 0)
    waiting = iter(jobs)
    running = {_submitted(client, send(jobs[number])): number for number in islice(waiting, AHEAD)}
    done = as_completed(list(running))

    def begin(number: int) -> None:
        future = _submitted(client, send(jobs[number]))
        running[future] = number
        done.add(future)

    while running:
        while not done.has_ready():
            check()
            time.sleep(LOOK)
        future = next(done)
        number, status = running.pop(future), future.status
        if status == "finished":
            for following in islice(waiting, 1):
                begin(following)
            yield number, _result(future, tally)
            continue
        if status != "error":
            raise SchedulerLost
        error = future.exception()
        if not isinstance(error, KilledWorker):
            raise error
        deaths[number] += 1
        if deaths[number] >= MOST_DEATHS:
            raise StatespikeError(
                f"workers die whenever they run {kind.name(jobs[number])}; give them more memory, or "
                f"{kind.remedy}"
            ) from error
        tally.again += 1
        begin(number)


def _submitted(client: Client, sent: Sent) -> Future:
    try:
        return client.submit(call(), this_version().sha256, cloudpickle.dumps(sent), pure=False)
    except (CommClosedError, RuntimeError) as error:  # the client is closing, or closed
        raise SchedulerLost from error


def _result(future: Future, tally: Tally) -> Any:
    """The result of a finished job; what is raised is of the way to it, not of the job.

    Raises
    ------
    SchedulerLost
    StatespikeError
        If there is none, for the worker runs another version.
    """
    try:
        what, address, result = future.result()
    except (CancelledError, CommClosedError, OSError, TimeoutError) as error:
        raise SchedulerLost from error
    if what == OTHER:
        raise StatespikeError(
            f"worker {address} has version {result} of statespike, and this command {this_version()}; start "
            "workers of the same version"
        )
    tally.workers.add(address)
    tally.jobs += 1
    return result
