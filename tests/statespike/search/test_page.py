"""The page of a search: a point for each candidate, and a command for each of the front."""

import re
from dataclasses import replace
from html import unescape

from benchmarks.synthetic import synthetic
from statespike.search.explore import Search, best, explore, in_this_process
from statespike.search.page import page
from statespike.search.store import Store

SEARCH = Search("digits", ("error", "lut", "cycles"), budget=24, batch=8, seed=3)


def drawn(search: Search, folder):
    with Store(str(folder / "study.db")) as store:
        progress = explore(search, store, lambda trials: in_this_process(trials, synthetic))
    return progress, page(search, progress, "a&b.db")


def test_every_candidate_is_a_point_and_the_front_has_commands(tmp_path):
    progress, text = drawn(SEARCH, tmp_path)
    front = best(progress.candidates, SEARCH.objectives)
    built = {one.trial.key for one in progress.candidates if one.result.feasible}
    drawings = re.findall("<svg.*?</svg>", text)
    assert len(drawings) == 3
    for drawing in drawings:
        assert drawing.count("<circle") == len(built)
        assert drawing.count('class="second"') == len(front)
        places = [float(place) for place in re.findall(r'c[xy]="([^"]*)"', drawing)]
        assert all(0 < place < 640 for place in places)
    commands = re.findall("<td>(statespike.*?)</td>", text)
    assert [unescape(command) for command in commands] == [
        f"statespike explore digits --study a&b.db --apply {one.identifier}" for one in front
    ]


def test_without_anything_to_build_there_is_no_drawing(tmp_path):
    space = replace(SEARCH.space, model=("tanh",), array=("s4d_real",))
    _, text = drawn(replace(SEARCH, space=space), tmp_path)
    assert "<svg" not in text and "0 can be built" in text
