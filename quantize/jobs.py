"""Jobs that do not depend on each other: done here one after the other, by threads, or elsewhere."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass
from threading import RLock
from typing import Any, Protocol, TypeVar

Job = TypeVar("Job")
Given = TypeVar("Given")
Result = TypeVar("Result")

ALONE = RLock()
"""Held by whoever runs the reference: it is parallel in itself, and must not run twice at a time in a
process, nor beside the elaboration of a circuit."""


class Run(Protocol):
    """Does jobs, somewhere.

    Members
    -------
    at_once : int
        How many of them at the same time; of workers that come and go, how many took part.
    """

    @property
    def at_once(self) -> int: ...

    def __call__(
        self, do: Callable[[Given], Result], jobs: Sequence[Job], given: Callable[[Job], Given]
    ) -> Generator[tuple[Job, Result], None, None]:
        """Do jobs; yields each with its result when it is done, in any order.

        Parameters
        ----------
        do : callable
            From what a job is given to its result, which depends on nothing else.
        jobs : sequence
        given : callable
            What a job is given. Called shortly before the job is done.
        """
        ...


@dataclass(frozen=True)
class _Here:
    """One after the other, in the thread that asks."""

    at_once: int = 1

    def __call__(
        self, do: Callable[[Given], Result], jobs: Sequence[Job], given: Callable[[Job], Given]
    ) -> Generator[tuple[Job, Result], None, None]:
        for job in jobs:
            yield job, do(given(job))


HERE = _Here()


@dataclass(frozen=True)
class InThreads:
    """By threads of this process; the first error ends all."""

    at_once: int

    def __call__(
        self, do: Callable[[Given], Result], jobs: Sequence[Job], given: Callable[[Job], Given]
    ) -> Generator[tuple[Job, Result], None, None]:
        with ThreadPoolExecutor(self.at_once) as pool:
            futures = {pool.submit(_given_and_done, do, job, given): job for job in jobs}
            try:
                for future in as_completed(futures):
                    yield futures[future], future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _given_and_done(do: Callable[[Given], Result], job: Job, given: Callable[[Job], Given]) -> Result:
    return do(given(job))


def in_order(
    run: Run,
    do: Callable[[Any], Result],
    parts: Sequence[slice],
    given: Callable[[slice], Any],
    on_progress: Callable[[int], None],
) -> Generator[Result, None, None]:
    """Results of parts of a set of sequences, in their order, each as soon as all before it are there.

    Parameters
    ----------
    run, do, given
        See `Run`.
    parts : sequence of slice
    on_progress : callable
        Called with the number of sequences done.
    """
    early: dict[int, Result] = {}
    done = 0
    expected = iter(parts)
    next_part = next(expected, None)
    with closing(run(do, parts, given)) as results:
        for part, result in results:
            early[part.start] = result
            done += part.stop - part.start
            on_progress(done)
            while next_part is not None and next_part.start in early:
                yield early.pop(next_part.start)
                next_part = next(expected, None)
