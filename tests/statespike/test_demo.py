"""demo: the promised figures, from real handwriting."""

import json

import pytest

KEYS = {
    "task", "model", "device", "images", "steps", "compared_values", "mismatches", "bit_exact",
    "accuracy_float", "accuracy_integer", "cycles_per_step", "clock_mhz", "seconds_per_image", "resources",
    "files", "clipping",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.cosim
@pytest.mark.synth
def test_the_demo(run, tmp_path):
    figures = tmp_path / "out.json"
    result = run("demo", "--images", 3, "--folder", tmp_path / "demo", "--json", figures)
    assert result.exit_code == 0, result.output
    written = json.loads(figures.read_text())
    assert set(written) >= KEYS
    assert written["clipping"]["input"]["clipped"] == 0
    assert (written["images"], written["steps"], written["bit_exact"]) == (3, 784, True)
    # One of the images is played again, with pauses.
    assert written["compared_values"] == (3 + 1) * (784 * 5 * 32 + 10)
    assert abs(written["accuracy_float"] - written["accuracy_integer"]) <= 0.005
    assert written["seconds_per_image"] == pytest.approx(
        784 * written["cycles_per_step"] / written["clock_mhz"] / 1e6
    )
    for path in written["files"].values():
        assert (tmp_path / path).exists()
    assert "bit-exact" in result.stdout
