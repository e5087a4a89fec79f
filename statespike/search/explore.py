"""The loop: batches of candidates, each run where the executor says, until the budget is spent."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hdl.devices.devices import find_device
from quantize.errors import StatespikeError, look_up
from statespike.models.tasks.registry import own_path
from statespike.search.evaluation import digest_of, evaluate_trial
from statespike.search.objectives import front, values_of
from statespike.search.samplers import SAMPLERS, Sampler
from statespike.search.space import Space, Specification
from statespike.search.store import Store
from statespike.search.trial import Candidate, Effort, Outcome, Result, Trial

Evaluate = Callable[[Trial], Outcome]
Run = Callable[[Sequence[Trial]], Iterable[tuple[Trial, Outcome]]]
"""Runs trials, somewhere; yields each with its outcome when it is done, in any order."""


@dataclass(frozen=True)
class Search:
    """What is searched for, and how; with the store's contents it decides everything that happens.

    Parameters
    ----------
    task : str
    objectives : tuple of str
        Of `statespike.search.objectives.OBJECTIVES`.
    budget : int
        Candidates, those that are drawn again among them.
    device : str
    space : Space
    sampler : str
        One of `statespike.search.samplers.SAMPLERS`.
    seed : int
        Of the sampler and of every training.
    batch : int
        Candidates that are drawn at a time; the population of NSGA-II.
    effort : Effort
    rate : float or None
        Steps a second that a circuit must make.
    data : Path or None
        Where the task's files are, or data of one's own.
    inherit : bool
        Trainings begin with the weights of the best earlier candidate of the same kinds.

    Raises
    ------
    StatespikeError
        If budget or batch are too small, or the sampler is unknown.
    """

    task: str
    objectives: tuple[str, ...]
    budget: int
    device: str = "up5k"
    space: Space = field(default_factory=Space)
    sampler: str = "nsga2"
    seed: int = 0
    batch: int = 16
    effort: Effort = field(default_factory=Effort)
    rate: float | None = None
    data: Path | None = None
    inherit: bool = False

    def __post_init__(self) -> None:
        look_up(SAMPLERS, self.sampler, "sampler")
        for name, least in (("budget", 1), ("batch", 2)):
            if getattr(self, name) < least:
                raise StatespikeError(f"the {name} is {getattr(self, name)}; give at least {least}")
        for clock_mhz in self.space.clock_mhz:
            find_device(self.device).at(clock_mhz or None)

    def trials(self, specifications: Iterable[Specification], **changes: Any) -> list[Trial]:
        """The trials of specifications; `changes` are entries of a trial that are not the search's."""
        common: dict[str, Any] = {
            "seed": self.seed,
            # Workers may run in another folder.
            "task": str(Path(self.task).absolute()) if own_path(self.task, None) else self.task,
            "device": self.device,
            "effort": self.effort,
            "rate": self.rate,
            "data": "" if self.data is None else str(self.data.absolute()),
            "data_sha256": digest_of(self.task, self.data),
        }
        return [Trial(specification, **common | changes) for specification in specifications]


@dataclass(frozen=True)
class Progress:
    """How far a search is.

    Parameters
    ----------
    candidates : list of Candidate
        In the order in which they were drawn; one that was drawn again stands there again.
    run : int
        Trials that this search ran; the others were known.
    """

    candidates: list[Candidate]
    run: int

    @property
    def distinct(self) -> int:
        """Candidates without those that were drawn again."""
        return len({candidate.trial.key for candidate in self.candidates})


def explore(
    search: Search, store: Store, run: Run, on_batch: Callable[[Progress], None] = lambda progress: None
) -> Progress:
    """Search until the budget is spent.

    What the store knows is not run again. The search itself is drawn again from its seed, so a search that
    was cut off goes on as if it never had been, and a greater budget adds to a smaller one.

    Parameters
    ----------
    search : Search
    store : Store
    run : callable
        See `Run`.
    on_batch : callable, optional
        Called after every batch.
    """
    sampler = Sampler(search.sampler, search.space, search.objectives, search.seed, search.batch)
    candidates: list[Candidate] = []
    ran = 0
    while len(candidates) < search.budget:
        count = min(search.batch, search.budget - len(candidates))
        trials = search.trials(sampler.ask(count))
        if search.inherit:
            trials = [inheriting(trial, candidates, store) for trial in trials]
        results = known_or_run(trials, store, run)
        ran += results.ran
        drawn = [Candidate(trial, results.by_key[trial.key]) for trial in trials]
        sampler.tell([candidate.result for candidate in drawn])
        candidates += drawn
        on_batch(Progress(list(candidates), ran))
    return Progress(candidates, ran)


def inheriting(trial: Trial, earlier: Sequence[Candidate], store: Store) -> Trial:
    """The trial with the weights of the candidate of its kinds that made the fewest errors so far.

    Of those, the first. Without any it begins with random weights.
    """

    def kinds(one: Trial) -> tuple[str, str]:
        return one.specification.model, one.specification.array

    possible = [one for one in earlier if kinds(one.trial) == kinds(trial) and not one.result.failure]
    if not possible:
        return trial
    parent = min(possible, key=lambda one: one.result.error).trial
    return replace(trial, start=parent.key, weights=store.checkpoint(parent))


@dataclass(frozen=True)
class Results:
    """Results of trials by key, and how many of them had to be run."""

    by_key: dict[str, Result]
    ran: int


def known_or_run(trials: Sequence[Trial], store: Store, run: Run) -> Results:
    """The results of trials: the store's, or of a run, which the store then has."""
    found: dict[str, Result] = {}
    missing: dict[str, Trial] = {}
    for trial in trials:
        known = store.get(trial)
        if known is None:
            missing[trial.key] = trial
        else:
            found[trial.key] = known
    if missing:
        for trial, outcome in run(list(missing.values())):
            store.put(trial, outcome)
            found[trial.key] = outcome.result
    return Results(found, len(missing))


def in_this_process(
    trials: Sequence[Trial], evaluate: Evaluate = evaluate_trial
) -> Iterator[tuple[Trial, Outcome]]:
    """Run trials one after the other."""
    for trial in trials:
        yield trial, evaluate(trial)


def best(candidates: Sequence[Candidate], objectives: Sequence[str]) -> list[Candidate]:
    """The front: candidates that can be built and that no other dominates."""
    valued = []
    for candidate in candidates:
        values = values_of(candidate.result, objectives)
        if candidate.result.feasible and values is not None:
            valued.append((candidate, values))
    return front(valued)
