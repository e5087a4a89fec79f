"""Where the tests of simulators keep what they compile."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def builds(tmp_path_factory) -> Path:
    """One build folder for all workers of a run: a design is compiled once."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "builds"
    folder.mkdir(exist_ok=True)
    return folder
