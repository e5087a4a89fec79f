"""Jobs: each is done once, wherever it is done, and results stand in the order of their sequences."""

import threading

import pytest

from quantize.jobs import HERE, InThreads, in_order

PARTS = [slice(0, 3), slice(3, 4), slice(4, 9)]


class LastFirst:
    """Does the last job first, as workers may."""

    at_once = 1

    def __call__(self, do, jobs, given):
        for job in reversed(jobs):
            yield job, do(given(job))


@pytest.mark.parametrize("run", [HERE, InThreads(2), LastFirst()])
def test_results_stand_in_the_order_of_their_sequences(run):
    done: list[int] = []
    given = list(range(10, 19))
    results = in_order(run, sum, PARTS, lambda part: given[part], done.append)
    assert list(results) == [33, 13, 80]
    assert done == sorted(done) and done[-1] == 9


def test_threads_are_as_many_as_asked_for():
    together = threading.Barrier(3, timeout=20)
    assert sorted(InThreads(3)(lambda _: together.wait(), range(3), lambda job: job))[0][0] == 0


def test_the_first_error_ends_all():
    begun = []

    def fail(job):
        begun.append(job)
        raise ValueError

    with pytest.raises(ValueError):
        list(InThreads(1)(fail, range(100), lambda job: job))
    assert len(begun) < 100
