"""The rows of `statespike report`: what was measured of each network, on disk and as a table."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from quantize.configuration import NetworkConfig
from quantize.reading import reading
from quantize.survey import IntegerResult, Survey
from statespike.markdown import table
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
    """Rows of a JSON file, none if there is no such file, or a device.

    Raises
    ------
    StatespikeError
        If it holds something else.
    """
    if path is None or not path.is_file():
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
    """Tables of accuracy, of accuracy after fine-tuning, and of what the networks consist of.

    Each has a line for every network, in which what was fine-tuned from it stands too. Activity is that at
    the network's first width.
    """
    lines: dict[str, list[Row]] = {}
    for row in rows:
        lines.setdefault(row.request.start, []).append(row)
    networks = [_Line.of(start, members) for start, members in lines.items()]
    widths = sorted({bits for line in networks for bits in line.untouched}, reverse=True)
    tuned = sorted({bits for line in networks for bits in line.tuned}, reverse=True)
    all_widths = sorted({*widths, *tuned}, reverse=True)
    tables = [
        table(
            ["network", "float", *(f"{bits} bits" for bits in widths), "test sequences"],
            [
                [line.name, line.in_real, *_accuracies(line.untouched, widths), f"{line.sequences:,}"]
                for line in networks
            ],
        )
    ]
    if tuned:
        tables.append(
            table(
                ["fine-tuned from", *(f"{bits} bits" for bits in tuned)],
                [[line.name, *_accuracies(line.tuned, tuned)] for line in networks if line.tuned],
            )
        )
    memory = f"Kbit at {', '.join(map(str, all_widths))} bits"
    tables.append(
        table(
            ["network", "L x H x N", "parameters", "not zero", memory],
            [
                [line.name, line.shape, f"{line.parameters:,}", line.activity, line.memory(all_widths)]
                for line in networks
            ],
        )
    )
    return "\n\n".join(tables)


@dataclass(frozen=True)
class _Line:
    """A network, and what was fine-tuned from it.

    Attributes
    ----------
    in_real : str
        Accuracy in floating point; nothing of a network that is not measured without fine-tuning.
    untouched, tuned : dict of IntegerResult
        By their bits.
    """

    name: str
    shape: str
    parameters: int
    sequences: int
    activity: str
    in_real: str
    untouched: dict[int, IntegerResult]
    tuned: dict[int, IntegerResult]

    @classmethod
    def of(cls, start: str, members: list[Row]) -> "_Line":
        plain = next((row for row in members if not row.request.tuned), None)
        shown = plain or members[0]
        config, found = shown.config, shown.survey
        return cls(
            name=start,
            shape=f"{config.layers} x {config.channels} x {config.modes}",
            parameters=found.parameters,
            sequences=found.sequences,
            activity=", ".join(f"{share:.0%}" for share in found.integers[0].activity),
            in_real=f"{plain.survey.float_accuracy:.2%}" if plain else "",
            untouched={result.bits: result for result in plain.survey.integers} if plain else {},
            tuned={row.request.tuned: row.survey.integers[0] for row in members if row.request.tuned},
        )

    def memory(self, widths: list[int]) -> str:
        """Kbit at each width, a dash where it was not measured."""
        found = {**self.tuned, **self.untouched}
        return ", ".join(f"{found[bits].memory_bits / 1024:.0f}" if bits in found else "-" for bits in widths)


def _accuracies(found: dict[int, IntegerResult], widths: list[int]) -> list[str]:
    return [f"{found[bits].accuracy:.2%}" if bits in found else "" for bits in widths]
