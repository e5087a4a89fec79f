"""The page's residuals are what the model gives, and every published figure is told as it is."""

from pathlib import Path

import pytest

from benchmarks.energy import TABLE, as_markdown, rows
from hdl.devices.devices import find_device
from quantize.errors import StatespikeError
from statespike.markdown import put_table

PAGE = Path(__file__).parents[2] / "docs" / "energy.md"


def test_the_page_has_the_residuals_of_this_model(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text())
    put_table(page, TABLE, as_markdown(rows(find_device("up5k").power)))
    assert page.read_text() == PAGE.read_text()


def test_published_figures_that_the_model_was_not_fitted_on_are_in_its_range():
    free = [row for row in rows(find_device("up5k").power) if not row["fitted"]]
    assert len(free) >= 3
    assert all(row["low_mw"] <= row["published_mw"] <= row["high_mw"] for row in free)


def test_a_page_without_a_place_is_refused(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Nothing\n")
    with pytest.raises(StatespikeError, match="has no place for the table"):
        put_table(page, TABLE, "| a |")
