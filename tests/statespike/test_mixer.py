"""`statespike mixer` writes a core with its test bench, and refuses in a sentence."""

import json

import numpy as np
import pytest


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "weights.npy"
    np.save(path, np.random.default_rng(0).integers(-1, 2, (6, 5)).astype(np.float32) * np.float32(0.05))
    return path


def test_core_is_written_with_manifest_and_test_bench(run, weights, tmp_path):
    folder, figures = tmp_path / "core", tmp_path / "core.json"
    result = run("mixer", weights, "-o", folder, "--cycles", 40, "--input-bits", 5, "--json", figures)
    assert result.exit_code == 0
    assert "cycles a product" in result.stdout
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest == json.loads(figures.read_text())
    assert manifest["cycles_per_product"] <= 40
    assert manifest["scale"] == pytest.approx(0.05)
    assert (manifest["inputs"], manifest["outputs"]) == (6, 5)
    assert manifest["formats"]["input"]["width"] == 5
    assert sorted(path.name for path in (folder / "tb").iterdir()) == [
        "expected.hex",
        "inputs.hex",
        "mixer_tb.v",
    ]
    assert "module top(" in (folder / "design.v").read_text()


def test_rows_may_be_outputs(run, weights, tmp_path):
    run("mixer", weights, "-o", tmp_path / "core", "--transpose", "--json", tmp_path / "core.json")
    manifest = json.loads((tmp_path / "core.json").read_text())
    assert (manifest["inputs"], manifest["outputs"]) == (5, 6)


def test_tensors_of_torch_and_a_scale_beside_them(run, refuse, tmp_path):
    torch = pytest.importorskip("torch")
    trits = np.random.default_rng(1).integers(-1, 2, (4, 6))
    bitnet, core = tmp_path / "bitnet.pt", tmp_path / "core"
    torch.save({"proj.weight": torch.tensor(trits, dtype=torch.int8), "proj.bias": torch.zeros(4)}, bitnet)
    options = ["--transpose", "--scale", 0.25, "--build", "table"]
    result = run("mixer", bitnet, "-o", core, *options)
    assert result.exit_code == 0, result.output
    manifest = json.loads((core / "manifest.json").read_text())
    assert (manifest["inputs"], manifest["outputs"], manifest["scale"]) == (6, 4, 0.25)
    assert manifest["zeros"] == (trits == 0).sum()

    several = tmp_path / "several.pt"
    torch.save({name: torch.tensor(trits * 0.5) for name in ("one", "two")}, several)
    assert "holds 2 matrices; choose one with --tensor: one, two" in refuse("mixer", several, "-o", core)
    assert "unknown matrix 'three'" in refuse("mixer", several, "-o", core, "--tensor", "three")
    result = run("mixer", several, "-o", core, *options, "--tensor", "two")
    assert result.exit_code == 0, result.output
    assert json.loads((core / "manifest.json").read_text())["scale"] == 0.125
    for wrong in (0, -1, "nan", "inf"):
        assert "a finite number above 0" in refuse(
            "mixer", several, "-o", core, "--tensor", "one", "--scale", wrong
        )


def test_refusals_are_sentences(refuse, weights, tmp_path):
    core = tmp_path / "core"
    assert "no mixer takes 1 cycles a product" in refuse(
        "mixer", weights, "-o", core, "--build", "event", "--cycles", 1
    )
    assert "unknown build 'wide'" in refuse("mixer", weights, "-o", core, "--build", "wide")
    assert "unknown device 'x'" in refuse("mixer", weights, "-o", core, "--device", "x")
    assert "no such file; write one with numpy.save" in refuse("mixer", tmp_path / "nowhere.npy", "-o", core)
    np.save(weights, np.linspace(-1, 1, 6).reshape(2, 3))
    assert "ternary weights are -s, 0 and s" in refuse("mixer", weights, "-o", core)
    assert not core.exists()
