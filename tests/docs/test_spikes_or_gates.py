"""The page of the comparison: its tables are those of its file, its sentences have their figures."""

import re
from pathlib import Path

import pytest

from benchmarks.accuracy_report import tables
from benchmarks.results import earlier_rows
from benchmarks.study_groups import groups_of
from quantize.configuration import MODELS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "spikes-or-gates.md").read_text()
NUMBER = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?")
CAPTION = re.compile(r"^At (\d+)% on ", re.MULTILINE)


def findings() -> list[str]:
    """Points of the lists under the headings that draw conclusions, a line each."""
    sections = re.findall(
        r"^## (?:Answers|Claims of papers).*?$(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL
    )
    assert len(sections) == 2
    prose = "\n".join(
        re.sub(r"<!-- table .*?<!-- end of table [^>]*-->", "", part, flags=re.S) for part in sections
    )
    return [re.sub(r"\s+", " ", point) for point in re.findall(r"^- (.*?)(?=^- |^\S|\Z)", prose, re.M | re.S)]


def numbers(text: str) -> set[str]:
    return {number.replace(",", "") for number in NUMBER.findall(re.sub(r"`[^`]*`|\.\.", " ", text))}


def rows_of(kinds: set[str]) -> set[str]:
    """Numbers of all rows of these kinds of units, and of the accuracies at which they are compared."""
    found = set(CAPTION.findall(PAGE))
    for line in PAGE.splitlines():
        kind, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        if kind in kinds:
            found |= numbers(" ".join(cells))
    return found


@pytest.mark.parametrize("finding", findings(), ids=lambda text: text[:40])
def test_every_figure_of_a_finding_stands_in_a_row_that_it_names(finding):
    kinds = set(re.findall(r"`(\w+)`", finding)) & set(MODELS)
    assert kinds, "a finding names its rows"
    assert sorted(numbers(finding) - rows_of(kinds)) == []


def test_tables_are_those_of_the_points():
    for name, text in tables(groups_of(earlier_rows(DOCS / "accuracy-curves.json"))):
        assert f"<!-- table {name} -->\n\n{text}\n\n<!-- end of table {name} -->" in PAGE


def test_tables_fit_80_columns():
    assert not [line for line in PAGE.splitlines() if line.startswith("|") and len(line) > 80]
