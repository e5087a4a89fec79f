"""Commands that give their work to the workers of a scheduler, where a user names one."""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from quantize.words import count
from statespike.output import note, say

if TYPE_CHECKING:  # it brings Dask
    from statespike.cluster.workers import Workers


def asked_workers(scheduler: str | None) -> AbstractContextManager["Workers | None"]:
    """The workers of a scheduler as a context, or None without an address.

    Raises
    ------
    StatespikeError
        See `statespike.cluster.workers.workers_at`.
    """
    if scheduler is None:
        return nullcontext()
    from statespike.cluster.workers import workers_at

    return workers_at(scheduler, tell=note)


def tell_workers(workers: "Workers | None") -> None:
    """Print how many workers did how many jobs."""
    if workers is not None:
        tally = workers.tally
        again = f", {tally.again} of them run again" if tally.again else ""
        say(f"{count(tally.jobs, 'job')} on {count(len(tally.workers), 'worker')}{again}")


def figures_of(scheduler: str | None, workers: "Workers | None") -> dict[str, Any] | None:
    """The same for a JSON file; None on this machine alone."""
    if workers is None:
        return None
    tally = workers.tally
    return {
        "address": scheduler,
        "workers": len(tally.workers),
        "jobs": tally.jobs,
        "run_again": tally.again,
    }
