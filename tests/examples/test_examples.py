"""Every command that an example's README shows runs as it is written."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(page.parent.name for page in (ROOT / "examples").glob("*/README.md"))
BLOCK = re.compile(r"^```console\n(.*?)^```", re.M | re.S)
GENERATE = re.compile(r"statespike (generate .*) -o (\S+)")


def commands_of(example: str) -> list[str]:
    """The lines behind a prompt in an example's README."""
    blocks = BLOCK.findall((ROOT / "examples" / example / "README.md").read_text())
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


def shell(command: str, folder: Path) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        shell=True,
        env=os.environ
        | {
            "PYTHONPATH": str(ROOT),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "XDG_CONFIG_HOME": str(folder),  # FuseSoC keeps its settings there
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@pytest.fixture(scope="session")
def generated(tmp_path_factory):
    """Gives the folder of a `statespike generate` command, which is run once."""
    folders: dict[str, Path] = {}

    def make(arguments: str) -> Path:
        if arguments not in folders:
            folder = tmp_path_factory.mktemp("generated")
            shell(f"{sys.executable} -m statespike {arguments} -o build", folder)
            folders[arguments] = folder / "build"
        return folders[arguments]

    return make


@pytest.mark.slow
@pytest.mark.cosim
@pytest.mark.parametrize("example", EXAMPLES)
def test_the_commands_of_an_example_run(example, generated, tmp_path):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    commands = commands_of(example)
    assert commands
    for command in commands:
        made = GENERATE.fullmatch(command)
        if made is None:
            shell(command, tmp_path)
        else:
            shutil.copytree(generated(made[1]), tmp_path / made[2])


def test_the_overview_names_every_example():
    links = re.findall(r"\((\w+)/README\.md\)", (ROOT / "examples" / "README.md").read_text())
    assert sorted(links) == EXAMPLES
