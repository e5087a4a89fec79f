"""Options without effect are told, and stand in --json."""

import json

import pytest
from typer.main import get_command

from statespike.application import COMMANDS, application
from statespike.unused_options import UNUSED, told


@pytest.mark.parametrize(
    ("command", "given", "parameters", "sentence"),
    [
        ("generate", "seeds", {"pnr": False}, "--seeds has no effect without --pnr"),
        ("build", "seeds", {"bitstream": False}, "--seeds has no effect with --no-bitstream"),
        ("run", "port", {"virtual": True}, "--port has no effect with --virtual"),
        ("load", "spi", {"virtual": True}, "--spi has no effect with --virtual"),
        ("run", "keep", {"virtual": False}, "--keep has no effect without --virtual"),
        ("report", "device", {"output": None}, "--device has no effect without -o"),
        ("simulate", "jobs", {"backend": "amaranth"}, "--jobs has no effect with --backend amaranth"),
        ("train", "surrogate", {"model": "tanh"}, "--surrogate has no effect on a model without spikes"),
        ("explore", "rate", {"finish": None, "apply": "abcd"}, "--rate has no effect with --apply"),
    ],
)
def test_what_has_no_effect_is_told(command, given, parameters, sentence):
    assert list(told(UNUSED[command], parameters, lambda name: name == given)) == [sentence]


def test_what_has_an_effect_is_not_told():
    assert not list(told(UNUSED["generate"], {"pnr": True}, lambda name: True))
    given = {"backend": "cxxrtl", "input_gaps": None, "output_stalls": None}
    assert not list(told(UNUSED["simulate"], given, bool))


@pytest.mark.parametrize("name", UNUSED)
def test_the_options_exist(name):
    command = get_command(application).get_command(None, name)
    assert name in COMMANDS
    parameters = {one.name for one in command.params}
    assert {option for rule in UNUSED[name] for option in rule.options} <= parameters


def test_a_command_tells_it(run, network, tmp_path):
    figures = tmp_path / "figures.json"
    result = run(
        "build", network, "-o", tmp_path / "build", "--no-bitstream", "--seeds", 3, "--json", figures
    )
    assert result.exit_code == 0, result.output
    assert "--seeds has no effect with --no-bitstream" in result.stderr
    assert "--seeds has no effect with --no-bitstream" in json.loads(figures.read_text())["notes"]
