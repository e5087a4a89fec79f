"""Runs commands in this process; networks of the digits task, small enough for every test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from quantize.checkpoint import read_checkpoint
from quantize.convert import Precision, quantise
from quantize.file import save_network
from quantize.formats import Format
from statespike.application import application
from statespike.models import ZOO
from tests.networks import random_network, random_samples

STEPS = 16


@pytest.fixture
def run() -> Callable:
    """Run a command line and return its result: exit_code, stdout, stderr."""

    def invoke(*arguments: object):
        result = CliRunner().invoke(application, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


@pytest.fixture
def refuse(run) -> Callable:
    """Run a command line that must fail, and return the one sentence that it prints."""

    def invoke(*arguments: object) -> str:
        result = run(*arguments)
        assert result.exit_code == 2, result.output
        lines = result.stderr.strip().splitlines()
        assert lines[-1].startswith("error: ")
        assert "Traceback" not in result.output
        return lines[-1]

    return invoke


@pytest.fixture(scope="session")
def checkpoint() -> Path:
    """A trained checkpoint: 8 channels, 3 modes, 2 layers."""
    return ZOO / "digits-gsu.safetensors"


@pytest.fixture(scope="session")
def network(checkpoint, tmp_path_factory) -> Path:
    """The same, quantised."""
    path = tmp_path_factory.mktemp("networks") / "network.safetensors"
    samples = random_samples(8, STEPS, seed=1)
    save_network(quantise(read_checkpoint(checkpoint), samples, Format(9, 8), Precision()), path)
    return path


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """Labelled sequences of several lengths that suit both."""
    path = tmp_path_factory.mktemp("data") / "sequences.npz"
    x = random_samples(6, STEPS, seed=2)
    np.savez(path, x=x, y=np.arange(6), lengths=np.array([16, 1, 7, 16, 3, 16]))
    return path


@pytest.fixture(scope="session")
def scheduler() -> Iterator[str]:
    """Address of a Dask scheduler with two workers, all in this process."""
    import dask
    from distributed import LocalCluster

    # Where the machine is busy, even a connection to itself may take a while.
    patient = {"distributed.comm.timeouts.connect": "300s", "distributed.comm.timeouts.tcp": "300s"}
    with (
        dask.config.set(patient),
        LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0") as cluster,
    ):
        yield cluster.scheduler_address


@pytest.fixture
def small(tmp_path):
    """A network of one layer and no norm: quick to place and route."""
    path = tmp_path / "small.safetensors"
    save_network(random_network("binary_s4d", 3, 2, 1, seed=1), path)
    return path
