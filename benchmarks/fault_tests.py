"""Whether the tests that the record of seeded faults names fail with these faults.

    python -m benchmarks.fault_tests docs/faults.json

A row's fault is found again in today's circuit of its network. Its `test` then runs with this fault in what
it simulates, in one after the other of the places that read alike: the same change on the same line of the
source. It has to fail with one of them; others may be harmless, such as what only a larger component uses.
"""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any
from unittest.mock import patch

import pytest
import typer
from amaranth.hdl import Fragment
from amaranth.sim import Simulator

from benchmarks.command import command
from benchmarks.drawn import drawn
from benchmarks.faults import drawn_rows
from benchmarks.mutants import Fault, faults
from statespike.output import say

network_of = itemgetter("network")
MOST_PLACES = 6
AMARANTH = ("lib/data.py", "hdl/_dsl.py")
"""Amaranth's own lines, which places have that are not written out in a component: any of them is alike."""


def alike(row: dict[str, Any], fault: Fault) -> bool:
    """Whether a fault of some component reads as a row's does in its network."""
    source, seen = (place.rpartition(" ")[2] for place in (row["place"], fault.place))
    same_line = source == seen or source.startswith(AMARANTH)
    return same_line and (fault.kind, fault.change) == (row["kind"], row["change"])


@dataclass
class Seeding:
    """One fault in everything that is simulated.

    Parameters
    ----------
    row : dict
        Of the record.
    number : int
        Which of the places that read alike.
    seeded : list of str
        Where it was.
    """

    row: dict[str, Any]
    number: int
    seeded: list[str] = field(default_factory=list)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """While this lasts, every simulator's design has the fault, if it has such a place."""
        start = Simulator.__init__

        def start_with_fault(simulator: Simulator, design: Any, **options: Any) -> None:
            fragment = Fragment.get(design, None)
            places = [fault for fault in faults(fragment) if alike(self.row, fault)]
            if self.number < len(places):
                places[self.number].apply()
                self.seeded.append(places[self.number].place)
            start(simulator, fragment, **options)

        with patch.object(Simulator, "__init__", start_with_fault):
            yield


def outcomes(row: dict[str, Any]) -> list[bool]:
    """For each place in turn, whether the row's test fails."""
    found = []
    for number in range(MOST_PLACES):
        seeding = Seeding(row, number)
        said = io.StringIO()
        with seeding.in_place(), redirect_stdout(said), redirect_stderr(said):
            status = pytest.main(["-q", "-x", "-n0", "-p", "no:cacheprovider", row["test"]])
        if status is pytest.ExitCode.INTERRUPTED:
            raise KeyboardInterrupt
        if not seeding.seeded:
            break
        found.append(status is pytest.ExitCode.TESTS_FAILED)
    return found


def run(record: Annotated[Path, typer.Argument(metavar="FILE", help="of `benchmarks.faults`")]) -> None:
    """Run the tests that a record names with its faults, and tell which ones do not fail."""
    written = sorted(json.loads(record.read_text())["rows"], key=network_of)
    rows = []
    for network, known in groupby(written, network_of):
        possible = faults(Fragment.get(drawn(network, tiny=True).circuit(), None))
        rows += [row for row in drawn_rows(network, possible, list(known)) if row.get("test")]
    passed = 0
    for row in rows:
        found = outcomes(row)
        if not any(found):
            passed += 1
            say("network {network}, fault {fault}: {test} passes".format(**row))
    gone = sum("test" in row for row in written) - len(rows)
    say(f"{len(rows)} tests with a fault, {len(rows) - passed} fail")
    if gone:
        say(f"{gone} not run: today's circuit has no such place")
    if passed:
        raise typer.Exit(1)


if __name__ == "__main__":
    command(run)
