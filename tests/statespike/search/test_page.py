"""The page of a search: well formed, with a point for each candidate and a command for each of the front."""

from dataclasses import replace
from xml.etree import ElementTree

from benchmarks.synthetic import synthetic
from statespike.search.explore import Search, best, explore, in_this_process
from statespike.search.page import page
from statespike.search.store import Store

SEARCH = Search("digits", ("error", "lut", "cycles"), budget=24, batch=8, seed=3)


def drawn(search: Search, folder):
    with Store(str(folder / "study.db")) as store:
        progress = explore(search, store, lambda trials: in_this_process(trials, synthetic))
    text = page(search, progress, "a&b.db")
    root = ElementTree.fromstring(text.replace("<!doctype html>", "").replace('<meta charset="utf-8">', ""))
    return progress, text, root


def test_every_candidate_is_a_point_and_the_front_has_commands(tmp_path):
    progress, text, root = drawn(SEARCH, tmp_path)
    front = best(progress.candidates, SEARCH.objectives)
    built = {one.trial.key for one in progress.candidates if one.result.feasible}
    drawings = root.findall(".//{http://www.w3.org/2000/svg}svg")
    assert len(drawings) == 3
    for drawing in drawings:
        circles = drawing.findall("{http://www.w3.org/2000/svg}circle")
        assert len(circles) == len(built)
        assert [one.get("class") for one in circles].count("front") == len(front)
    commands = [code.text for code in root.iter("code")]
    assert commands == [f"statespike explore digits --study a&b.db --apply {one.identifier}" for one in front]
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_without_anything_to_build_there_is_no_drawing(tmp_path):
    space = replace(SEARCH.space, model=("tanh",), array=("s4d_real",))
    _, _, root = drawn(replace(SEARCH, space=space), tmp_path)
    assert not root.findall(".//{http://www.w3.org/2000/svg}svg")
