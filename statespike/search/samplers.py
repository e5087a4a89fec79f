"""What is tried next: samplers of optuna behind an interface of whole batches.

A batch is drawn before any of its results is known, and the results are told in the order of the batch. What
is drawn then follows from seed, batch size and results alone, however many workers there are and whichever of
them is first.
"""

from collections.abc import Callable, Sequence
from typing import Any

import optuna
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.trial import TrialState

from statespike.search.objectives import values_of
from statespike.search.space import Choice, Space, Specification
from statespike.search.trial import Result

SAMPLERS: dict[str, Callable[[int, int], BaseSampler]] = {
    "nsga2": lambda seed, batch: NSGAIISampler(population_size=batch, seed=seed),
    "tpe": lambda seed, batch: TPESampler(n_startup_trials=batch, seed=seed),
    "random": lambda seed, batch: RandomSampler(seed=seed),
}
"""Name -> maker, called with the seed and the size of a batch."""


class Sampler:
    """Draws batches of specifications.

    Parameters
    ----------
    name : str
        One of `SAMPLERS`.
    space : Space
    objectives : tuple of str
    seed : int
    batch : int
        At least 2.
    """

    def __init__(self, name: str, space: Space, objectives: tuple[str, ...], seed: int, batch: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = SAMPLERS[name](seed, batch)
        self._space, self._objectives = space, objectives
        self._study = optuna.create_study(directions=["minimize"] * len(objectives), sampler=sampler)
        self._asked: list[optuna.Trial] = []

    def ask(self, count: int) -> list[Specification]:
        """Draw so many specifications."""
        self._asked = [self._study.ask() for _ in range(count)]
        return [self._specification(trial) for trial in self._asked]

    def tell(self, results: Sequence[Result]) -> None:
        """Take the results of the specifications that were asked for, in their order."""
        for trial, result in zip(self._asked, results, strict=True):
            values = values_of(result, self._objectives)
            if values is None:
                self._study.tell(trial, state=TrialState.FAIL)
                continue
            trial.set_constraint("excess", result.excess)
            self._study.tell(trial, values)
        self._asked = []

    def _specification(self, trial: optuna.Trial) -> Specification:
        chosen: dict[str, Any] = {name: _choose(trial, name, of) for name, of in self._space.choices()}
        return Specification(**chosen)


def _choose(trial: optuna.Trial, name: str, values: Sequence[Choice]) -> Choice:
    """One of the values: names without an order among them, numbers by their place in the list."""
    if isinstance(values[0], str):
        return str(trial.suggest_categorical(name, tuple(values)))
    return values[trial.suggest_int(name, 0, len(values) - 1)]
