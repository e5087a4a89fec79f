"""Every command and every program that the README and the tutorials show runs as it is written."""

import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "docs" / "library.md",
    *sorted((ROOT / "docs" / "tutorials").glob("*.md")),
]
BLOCK = re.compile(
    r"^(?P<minutes><!-- minutes -->\n\n)?```(?P<language>console|python)\n(?P<text>.*?)^```", re.M | re.S
)
ELSEWHERE = (
    "make ",  # .ci/run calls them
    "pip install -e",  # the Makefile does it
    "git clone",
)
"""Commands that this test does not run, for continuous integration runs them itself."""


@dataclass
class Block:
    """A block of code on a page."""

    language: str
    text: str
    minutes: bool

    @property
    def commands(self) -> list[str]:
        """The lines behind a prompt, continued ones joined."""
        joined = self.text.replace("\\\n", " ")
        return [line.removeprefix("$ ") for line in joined.splitlines() if line.startswith("$ ")]


def blocks_of(page: Path) -> list[Block]:
    return [
        Block(match["language"], match["text"], match["minutes"] is not None)
        for match in BLOCK.finditer(page.read_text())
    ]


def run_page(page: Path, folder: Path, minutes: bool) -> int:
    """Run a page's quick blocks, and the long ones if asked for, in their order; how many were run."""
    ran = 0
    for block in blocks_of(page):
        if block.minutes and not minutes:
            continue
        if block.language == "python":
            assert_runs([sys.executable, "-c", block.text], folder)
            ran += 1
            continue
        for command in block.commands:
            if command.startswith(ELSEWHERE):
                continue
            program, *arguments = shlex.split(command)
            assert program == "statespike", f"{page.name} shows {command!r}, which nothing runs"
            assert_runs([sys.executable, "-m", "statespike", *arguments], folder)
            ran += 1
    return ran


def assert_runs(command: list[str], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, check=False, timeout=1800
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-1000:]}\n{done.stderr[-2000:]}"


def environment() -> dict[str, str]:
    import os

    return os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "80"}


LONG_PAGES = {"README", "board", "comparison", "library", "mixer", "model", "running", "trace"}
"""Those whose quick commands take ten seconds together, or more."""


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=pytest.mark.slow) if page.stem in LONG_PAGES else page for page in PAGES],
    ids=[page.stem for page in PAGES],
)
def test_every_quick_command_of_a_page_runs(page, tmp_path):
    assert run_page(page, tmp_path, minutes=False) > 0


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(block.minutes for block in blocks_of(page))], ids=lambda p: p.stem
)
def test_every_command_of_a_page_runs(page, tmp_path):
    assert run_page(page, tmp_path, minutes=True) > 0


LINK = re.compile(r"\]\((?!https?://)([^)#]+)(#[^)]*)?\)")


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=str)
def test_every_link_between_pages_leads_somewhere(page):
    for match in LINK.finditer(page.read_text()):
        assert (page.parent / match[1]).exists(), f"{page.name} links to {match[1]}"


NAMED_TEST = re.compile(r"`(test_\w+)`")


def test_every_test_that_a_page_names_exists():
    source = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    known = set(re.findall(r"^ *def (test_\w+)", source, re.MULTILINE))
    named = {name for page in (ROOT / "docs").rglob("*.md") for name in NAMED_TEST.findall(page.read_text())}
    assert named and not named - known
