"""`statespike energy`, the log of a current, and the energies of `cost`."""

import json

import pytest

from quantize.errors import StatespikeError
from statespike.current_log import read_log

COST_KEYS = {
    "estimate", "cycles_per_step", "clock_mhz", "clock_from", "steps_per_second", "accuracy", "activity",
    "energy_uj", "accountings",
}  # fmt: skip


def log(tmp_path, text):
    path = tmp_path / "log.csv"
    path.write_text(text)
    return path


def test_the_mean_of_a_log_is_over_time(tmp_path):
    found = read_log(log(tmp_path, "time, current\n1.0,0.001\n2.0,0.003\n5.0,0.003\n"))
    assert (found.samples, found.seconds) == (3, 4.0)
    assert found.amperes == pytest.approx((0.002 + 3 * 0.003) / 4)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "line 1 is no header time,current"),
        ("0,1\n1,1\n", "line 1 is no header"),
        ("time,current\n0,1\n", "has 1 samples, two at least"),
        ("time,current\n0,1\n1,x\n", "line 3 is not two numbers"),
        ("time,current\n0,1\n1\n", "line 3 is not two numbers"),
        ("time,current\n0,1\n0,1\n", "line 3 is not later"),
        ("time,current\n0,nan\n1,1\n", "line 2 has a number that is not finite"),
    ],
)
def test_another_file_is_refused_with_its_line(tmp_path, text, wrong):
    with pytest.raises(StatespikeError, match=wrong):
        read_log(log(tmp_path, text))


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(b"time,current\n\xff\xfe")
    with pytest.raises(StatespikeError, match="no text file of numbers"):
        read_log(path)


def test_a_measured_current_stands_beside_the_model(run, small, tmp_path):
    measured = log(tmp_path, "time,current\n0,0.1\n1,0.1\n")
    figures = tmp_path / "out.json"
    result = run("energy", small, "--clock", 12, "--rate", 100, "--measured", measured, "--json", figures)
    assert result.exit_code == 0, result.output
    found = json.loads(figures.read_text())
    assert found["steps_per_second"] == pytest.approx(100)
    assert found["power_mw"]["low"] < found["power_mw"]["high"] < 10
    assert found["energy_uj"]["low"] == pytest.approx(found["power_mw"]["low"] * 10)
    assert sum(part["high"] for part in found["parts_uj"].values()) == pytest.approx(
        found["energy_uj"]["high"]
    )
    assert found["measured"]["measured_mw"] == pytest.approx(121.9)
    assert "above the model's range" in result.stdout
    assert "not measured" in result.stdout


def test_a_rate_takes_the_circuit_that_other_commands_take(run, small, tmp_path):
    priced, planned = tmp_path / "energy.json", tmp_path / "cost.json"
    assert run("energy", small, "--rate", 100, "--json", priced).exit_code == 0
    assert run("cost", small, "--rate", 100, "--json", planned).exit_code == 0
    (cost,) = json.loads(planned.read_text())["costs"]
    assert json.loads(priced.read_text())["cycles_per_step"] == cost["cycles_per_step"]


def test_a_device_without_measured_currents_is_not_modelled(refuse, small):
    sentence = refuse("energy", small, "--device", "ecp5-25k")
    assert "the energy of ecp5-25k is not modelled" in sentence


def test_costs_have_accuracy_activity_and_energy(run, tmp_path):
    figures = tmp_path / "out.json"
    result = run("cost", "digits-prf", "--device", "up5k", "--device", "ecp5-25k", "--json", figures)
    assert result.exit_code == 0, result.output
    ours, other = json.loads(figures.read_text())["costs"]
    assert set(ours) >= COST_KEYS
    assert ours["accuracy"] > 0.7
    assert all(0 < share < 0.5 for share in ours["activity"])
    assert 0 < ours["energy_uj"]["low"] < ours["energy_uj"]["high"]
    assert (ours["energy_uj"]["per"], ours["energy_from"]) == ("sequence", "model")
    assert 0 < ours["accountings"]["paper"] < ours["accountings"]["everything"]
    assert other["energy_uj"] == {"low": None, "high": None, "per": "sequence"}
    assert other["accountings"] == ours["accountings"]
    assert "not modelled for ecp5-25k" in result.stdout


def test_a_network_without_its_sequences_has_the_energy_of_a_step(run, small, tmp_path):
    figures = tmp_path / "out.json"
    result = run("cost", small, "--json", figures)
    assert result.exit_code == 0, result.output
    (found,) = json.loads(figures.read_text())["costs"]
    assert (found["accuracy"], found["activity"], found["energy_uj"]["per"]) == (None, None, "step")
    assert found["accountings"] == {"paper": None, "everything": None}
    assert "not at hand" in result.stderr
