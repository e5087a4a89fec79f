"""The networks that ship: small files, each with the log of its training."""

import pytest

from quantize.checkpoint import read_checkpoint
from statespike.models import ZOO
from statespike.models.report import read_log
from statespike.models.tasks.registry import TASKS

NETWORKS = sorted(ZOO.glob("*.safetensors"))


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_a_shipped_network_is_small_and_its_log_says_what_it_reaches(path):
    assert path.stat().st_size < 500_000
    checkpoint = read_checkpoint(path)
    provenance = checkpoint.provenance
    assert path.stem.startswith(f"{provenance['task']}-{checkpoint.config.model}")
    assert provenance["task"] in TASKS
    log = path.with_suffix(".log")
    assert log.read_text().startswith(provenance["command"])
    curve = read_log(log)
    validated = provenance["recipe"].get("validation", 10) > 0
    assert len(curve.accuracies) == (provenance["epochs"] if validated else 0)
    assert curve.test_accuracy == pytest.approx(provenance["test_accuracy"]["accuracy"], abs=1e-4)
    if checkpoint.start:
        assert ZOO / checkpoint.start.rpartition("/")[2] in NETWORKS
