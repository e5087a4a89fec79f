"""A search on machines of their own: a process for each, in a network namespace."""

import json

import pytest

from benchmarks import namespaces
from quantize.errors import StatespikeError


def test_without_the_program_it_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with (
        pytest.raises(StatespikeError, match="there is no program `ip`; install iproute2"),
        namespaces.machines(),
    ):
        pass


@pytest.fixture
def possible():
    """Skips where no network namespaces can be made: without root, iproute2, or the right to."""
    try:
        with namespaces.machines():
            pass
    except StatespikeError as error:
        pytest.skip(str(error))


@pytest.mark.slow
def test_a_search_across_machines_survives_kills(tmp_path, possible):
    file = tmp_path / "namespaces.json"
    namespaces.run(kills=2, seed=3, budget=16, json=file)
    found = json.loads(file.read_text())
    assert found["searches"] == found["equal"] >= 1
    assert sum(count for what, count in found["happened"].items() if what.endswith("killed")) >= 2
