"""The rows of `statespike report`: what was measured of each network, on disk and as a table."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from quantize.configuration import NetworkConfig
from quantize.reading import reading
from quantize.survey import IntegerResult, Survey
from statespike.output import write_json


@dataclass(frozen=True)
class Request:
    """What is to be measured.

    Parameters
    ----------
    network : str
    checkpoint_sha256 : str
        Of the network's file.
    start : str
        Network that it was fine-tuned from; its own name if from none.
    tuned : int
        Bits that it was fine-tuned for, the only ones it is measured at; 0 for a network of real numbers.
    task : str
        Whose test set.
    limit : int or None
        Test sequences, the first ones; all if None.
    widths : tuple of int
        Bits of the integers.
    """

    network: str
    checkpoint_sha256: str
    start: str
    tuned: int
    task: str
    limit: int | None
    widths: tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """One network on the test set of the task that it was trained on."""

    request: Request
    config: NetworkConfig
    survey: Survey


def write_rows(path: Path | None, rows: list[Row]) -> None:
    """Write rows to a JSON file, if one was asked for."""
    write_json(path, {"rows": [asdict(row) for row in rows]})


def read_rows(path: Path | None) -> list[Row]:
    """Rows of a JSON file, none if it does not exist.

    Raises
    ------
    StatespikeError
        If it holds something else.
    """
    if path is None or not path.exists():
        return []
    with reading(path, "no result of `statespike report`", "name another file or remove it"):
        return [_row(**entry) for entry in json.loads(path.read_text())["rows"]]


def _row(request: dict[str, Any], config: dict[str, Any], survey: dict[str, Any]) -> Row:
    """A row of what JSON made of it: lists where there were tuples."""
    integers = tuple(
        IntegerResult(**result | {"activity": tuple(result["activity"])}) for result in survey["integers"]
    )
    return Row(
        Request(**request | {"widths": tuple(request["widths"])}),
        NetworkConfig(**config),
        Survey(**survey | {"integers": integers}),
    )


def as_markdown(rows: list[Row]) -> str:
    """The table: a line for each network with what was fine-tuned from it, activity at its first width."""
    lines: dict[str, list[Row]] = {}
    for row in rows:
        lines.setdefault(row.request.start, []).append(row)
    untuned = [row.request for row in rows if not row.request.tuned]
    widths = sorted({bits for request in untuned for bits in request.widths}, reverse=True)
    tuned_widths = sorted({row.request.tuned for row in rows} - {0}, reverse=True)
    all_widths = sorted({*widths, *tuned_widths}, reverse=True)
    header = [
        "network", "task", "layers x channels x modes", "parameters", "float",
        *(f"{bits} bits" for bits in widths), *(f"{bits} bits, fine-tuned" for bits in tuned_widths),
        "activations that are not zero", f"Kbit of memory at {', '.join(map(str, all_widths))} bits",
        "test sequences",
    ]  # fmt: skip
    table = [header, ["---"] * 3 + ["---:"] * (len(header) - 3)]
    for start, members in lines.items():
        plain = next((row for row in members if not row.request.tuned), None)
        shown = plain or members[0]
        config, first = shown.config, shown.survey.integers[0]
        untouched = {result.bits: result for result in plain.survey.integers} if plain else {}
        tuned = {row.request.tuned: row.survey.integers[0] for row in members if row.request.tuned}
        found = {**tuned, **untouched}
        memory = [f"{found[bits].memory_bits / 1024:.1f}" if bits in found else "-" for bits in all_widths]
        table.append([
            start, shown.request.task, f"{config.layers} x {config.channels} x {config.modes}",
            f"{shown.survey.parameters:,}", f"{plain.survey.float_accuracy:.2%}" if plain else "",
            *(_accuracy(untouched.get(bits)) for bits in widths),
            *(_accuracy(tuned.get(bits)) for bits in tuned_widths),
            ", ".join(f"{share:.0%}" for share in first.activity),
            ", ".join(memory), f"{shown.survey.sequences:,}",
        ])  # fmt: skip
    return "\n".join(f"| {' | '.join(cells)} |" for cells in table)


def _accuracy(result: IntegerResult | None) -> str:
    return "" if result is None else f"{result.accuracy:.2%}"
