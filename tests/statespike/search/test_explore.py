"""The loop of a search: what it draws follows from its seed and the results, whatever happens to it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from benchmarks.synthetic import synthetic
from quantize.errors import StatespikeError
from statespike.search.explore import Search, best, explore, in_this_process
from statespike.search.objectives import dominates, values_of
from statespike.search.samplers import SAMPLERS
from statespike.search.space import Space
from statespike.search.store import Store
from statespike.search.trial import Outcome, Trial

SEARCH = Search("digits", ("error", "lut", "cycles"), budget=20, batch=4, seed=3)


def here(trials: Sequence[Trial]) -> Iterator[tuple[Trial, Outcome]]:
    return in_this_process(trials, synthetic)


def from_the_last_on(trials: Sequence[Trial]) -> Iterator[tuple[Trial, Outcome]]:
    return in_this_process(trials[::-1], synthetic)


@pytest.fixture
def run(tmp_path):
    """Run a search in a store of its own, or in a named one; returns what became of it."""

    def invoke(search: Search, how=here, place: str = "study.db"):
        with Store(str(tmp_path / place)) as store:
            return explore(search, store, how)

    return invoke


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_what_is_drawn_does_not_depend_on_the_order_in_which_trials_end(run, sampler):
    search = replace(SEARCH, sampler=sampler)
    forwards = run(search, here, "forwards.db")
    assert run(search, from_the_last_on, "backwards.db") == forwards
    assert len(forwards.candidates) == 20


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_search_that_was_cut_off_goes_on_as_if_it_never_had_been(run, sampler):
    search = replace(SEARCH, sampler=sampler)
    whole = run(search, here, "whole.db")
    ran = []

    def cut(trials):
        for trial, outcome in here(trials):
            yield trial, outcome
            ran.append(trial.key)
            if len(ran) % 3 == 0:
                raise KeyboardInterrupt

    for _ in range(20):
        try:
            resumed = run(search, cut)
            break
        except KeyboardInterrupt:
            pass
    assert resumed.candidates == whole.candidates
    assert len(ran) == len(set(ran)) == whole.distinct


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_greater_budget_adds_to_a_smaller_one(run, sampler):
    search = replace(SEARCH, sampler=sampler)
    few = run(replace(search, budget=10))
    more = run(search)
    assert more.candidates[:10] == few.candidates
    assert more.run == more.distinct - few.distinct


def test_a_candidate_that_is_drawn_again_is_run_once(run):
    only = {name: values[:1] for name, values in Space(model=("s4d",)).choices()}
    space = Space(**only | {"channels": (4, 6)})
    found = run(replace(SEARCH, space=space))
    assert (len(found.candidates), found.distinct, found.run) == (20, 2, 2)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_trainings_inherit_from_the_best_of_their_kinds(run, sampler):
    search = replace(SEARCH, sampler=sampler, budget=60, inherit=True)
    found = run(search)
    by_key = {one.trial.key: one for one in found.candidates}
    heirs = 0
    for index, one in enumerate(found.candidates):
        kinds = one.trial.specification.model, one.trial.specification.array
        batch = index // search.batch * search.batch
        errors = [
            other.result.error
            for other in found.candidates[:batch]
            if (other.trial.specification.model, other.trial.specification.array) == kinds
            and not other.result.failure
        ]
        parent = by_key.get(one.trial.start)
        assert (parent is None) == (not errors)
        if parent is not None:
            heirs += 1
            assert parent.result.error == min(errors)
            assert one.trial.weights == repr(parent.trial.specification).encode()
    assert heirs > 10
    assert run(replace(search, budget=20)).candidates == found.candidates[:20]


def test_a_clock_that_the_device_cannot_have_is_refused_before_anything_runs():
    with pytest.raises(StatespikeError, match="up5k cannot be clocked at 900 MHz"):
        replace(SEARCH, space=Space(clock_mhz=(0, 900)))


def test_evolution_finds_more_than_chance(run):
    search = replace(SEARCH, objectives=("error",), budget=120, batch=8)
    evolved, drawn = (
        min(values_of(one.result, ("error",)) for one in run(replace(search, sampler=name)).candidates
            if one.result.feasible)
        for name in ("nsga2", "random")
    )  # fmt: skip
    assert evolved < drawn


def test_the_front_holds_what_can_be_built_and_nothing_dominates(run):
    candidates = run(replace(SEARCH, budget=60)).candidates
    front = best(candidates, SEARCH.objectives)
    values = {one.identifier: values_of(one.result, SEARCH.objectives) for one in candidates}
    assert any(not one.result.feasible for one in candidates)
    assert any(one.result.failure for one in candidates)
    for one in front:
        assert one.result.feasible
    for one in candidates:
        if one.result.feasible:
            by = [other for other in front if dominates(values[other.identifier], values[one.identifier])]
            assert by or values[one.identifier] in [values[other.identifier] for other in front]
            assert not (by and one in front)


@pytest.mark.parametrize(("name", "value"), [("budget", 0), ("batch", 1)])
def test_sizes_that_cannot_be_are_refused(name, value):
    with pytest.raises(StatespikeError, match=f"the {name} is {value}; give at least"):
        replace(SEARCH, **{name: value})


def test_an_unknown_sampler_is_refused():
    with pytest.raises(StatespikeError, match="unknown sampler 'luck'; choose one of nsga2, tpe, random"):
        replace(SEARCH, sampler="luck")
