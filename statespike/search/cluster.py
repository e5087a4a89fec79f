"""Where trials run: on workers of Dask distributed, see `statespike.cluster`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from quantize.jobs import ALONE
from quantize.jobs import Run as Workers
from statespike.cluster.jobs import Kind
from statespike.cluster.workers import PATIENCE, workers_at, workers_here
from statespike.search.evaluation import evaluate_trial
from statespike.search.explore import Evaluate, Run
from statespike.search.trial import SHOWN, Outcome, Trial

TRIALS = Kind(
    "trials",
    lambda trial: f"{trial.specification} (candidate {trial.key[:SHOWN]})",
    "leave networks of its size out of the search space",
    ": finished trials are kept",
)


def evaluate_alone(trial: Trial) -> Outcome:
    """Evaluate a trial while no other one runs in this process: they would draw from one generator."""
    with ALONE:
        return evaluate_trial(trial)


@contextmanager
def local_workers(count: int, evaluate: Evaluate = evaluate_alone) -> Iterator[Run]:
    """Processes on this machine, gone at the end; see `statespike.cluster.workers.workers_here`."""
    with workers_here(count, TRIALS) as workers:
        yield _trials(workers, evaluate)


@contextmanager
def scheduler_at(
    address: str,
    evaluate: Evaluate = evaluate_alone,
    tell: Callable[[str], None] = lambda text: None,
    patience: float = PATIENCE,
) -> Iterator[Run]:
    """The workers of a scheduler that somebody started; see `statespike.cluster.workers.workers_at`.

    `evaluate` must be importable at the workers.
    """
    with workers_at(address, TRIALS, tell, patience) as workers:
        yield _trials(workers, evaluate)


def _trials(workers: Workers, evaluate: Evaluate) -> Run:
    return lambda trials: workers(evaluate, trials, lambda trial: trial)
