"""What goes on at a worker: one job, if both ends run the same version of the program."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from distributed import get_worker

from quantize.errors import StatespikeError
from statespike.cluster.version import this_version

DONE, OTHER = "done", "other"
"""First entry of what comes back; the others are the worker's address, and a result or a version."""


def call() -> Callable[[str, bytes], tuple[str, str, Any]]:
    """What a worker is asked to call, with the digest of the client's version and a pickled job.

    Neither the scheduler nor a worker needs the program to read it: a function inside another is sent as its
    code. So a worker without the program, or with one that lacks this module, says so, too.
    """

    def asked(sha256: str, job: bytes) -> tuple[str, str, Any]:
        from distributed import get_worker

        try:
            from statespike.cluster.worker import done
        except ImportError as error:
            return "other", get_worker().address, f"none that takes jobs ({error})"
        return done(sha256, job)

    return asked


def done(sha256: str, job: bytes) -> tuple[str, str, Any]:
    """Do a job in one thread, or tell this worker's version.

    Raises
    ------
    StatespikeError
        If the job does, or a file cannot be read or written; the sentence names the worker.
    """
    address = get_worker().address
    if this_version().sha256 != sha256:
        return OTHER, address, str(this_version())
    do, given = pickle.loads(job)
    numba.set_num_threads(1)
    try:
        return DONE, address, do(given)
    except (StatespikeError, OSError) as error:
        raise StatespikeError(f"worker {address}: {error}") from error


def folder() -> Path:
    """A folder of this worker, which Dask removes when the worker ends, or when the next one begins."""
    return Path(get_worker().local_directory)
