"""The page is one file that needs no other, has every part of every network, and is well formed."""

from html.parser import HTMLParser

import numpy as np
import pytest

from statespike.page.charts import bars, histogram, ranges, raster, stacked
from statespike.page.document import document, figure, paragraph, section, table

PARTS = ("accuracy", "layers", "noise", "activity", "schedule", "resources", "energy", "accountings")
VOID = ("meta", "br", "link", "img", "input")


class Page(HTMLParser):
    """Collects what a page has, and refuses tags that do not close."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.identities: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append(tag)
        self.identities += [given["id"]] if "id" in given else []
        self.addresses += [given[key] for key in ("href", "src", "data", "action") if key in given]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_a_page_about_two_networks(run, tmp_path):
    path = tmp_path / "report.html"
    result = run("report", "digits-prf", "digits-prf-4bit", "--bits", 8, "--limit", 8, "-o", path)
    assert result.exit_code == 0, result.output
    text = path.read_text()
    page = Page(text)
    names = ("digits-prf", "digits-prf-4bit")
    assert page.identities == [one for name in names for one in (name, *(f"{name}-{part}" for part in PARTS))]
    assert page.addresses == []
    plain = text.replace("http://www.w3.org/2000/svg", "")  # a name of a language, which nobody fetches
    assert not any(word in plain for word in ("http://", "https://", "@import", "url("))
    assert page.tags.count("script") == page.tags.count("style") == 1
    assert "prefers-color-scheme: dark" in text and 'name="viewport"' in text
    assert page.tags.count("svg") >= 20 and page.tags.count("table") >= 14
    assert page.tags.count("button") > page.tags.count("th")


def test_an_unknown_device_is_refused_before_anything_is_measured(refuse, tmp_path):
    sentence = refuse("report", "digits-prf", "--device", "virtex", "-o", tmp_path / "report.html")
    assert "unknown device 'virtex'" in sentence
    assert list(tmp_path.iterdir()) == []


def test_words_from_elsewhere_are_no_markup():
    wild = '<b onclick="x">&'
    parts = [
        section(wild, wild, [paragraph(wild)]),
        table(wild, [wild], [[wild]]),
        figure(wild, bars({wild: 1.0}, wild), wild),
        figure(wild, stacked({wild: {wild: 1.0}}, wild), wild),
        figure(wild, ranges({wild: (1.0, 2.0)}, wild), wild),
    ]
    assert "b" not in Page(document(wild, parts)).tags


@pytest.mark.parametrize("low", [0.0, 1e-9, 2.0])
def test_a_range_that_begins_at_zero_is_drawn_inside(low):
    drawing = ranges({"some": (low, 2.0), "none": (0.0, 0.0)}, "x")
    assert "nan" not in drawing and "inf" not in drawing and 'x="-' not in drawing


def test_a_raster_has_a_mark_for_each_activation():
    signs = np.array([[1, 0, -1], [0, 0, -5]])
    first, second = raster(signs, "x").split('class="faint"')[1].split("<path")[1:]
    assert (first.count("M"), second.count("M")) == (1, 2)


def test_empty_counts_are_drawn():
    assert "nan" not in histogram(np.zeros(16, dtype=np.int64), [str(place) for place in range(16)], "none")


def test_numbers_are_sorted_and_saved_unrounded():
    text = table("name", ["a", "b"], [["x", 1 / 3], ["y", None], ["z", 7]])
    assert 'data-value="0.3333333333333333">0.3333<' in text
    assert "<td>-</td>" in text and "<td>7</td>" in text
