"""Shipped networks of one task side by side: what each kind of neuron reaches, and what it costs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hdl.devices.devices import Device
from hdl.planning.parts import parts_of
from hdl.planning.planner import plan_network
from quantize.checkpoint import Checkpoint, read_checkpoint
from quantize.configuration import MODELS
from quantize.convert import Precision, quantise
from quantize.errors import StatespikeError
from quantize.inputs import input_format
from quantize.survey import Samples, observe, survey
from quantize.words import count
from statespike.library.circuits import cost
from statespike.markdown import table
from statespike.models import ZOO
from statespike.models.tasks.task import Sequences, Task

WIDTHS = (8, 6, 4)
"""Bits of the integers; the circuit is that of the first."""
SHORT_PARTS = {
    "state update": "state",
    "rest of the arrays": "array",
    "activation": "activ.",
    "gate": "gate",
    "mixer": "mixer",
    "norm": "norm",
    "input and output": "ends",
    "path and control": "path",
}
"""Part of a circuit -> its title in a table of 80 columns."""


@dataclass(frozen=True)
class Compared:
    """A shipped network of a task: its kind of unit, and its checkpoint."""

    model: str
    checkpoint: Checkpoint


@dataclass(frozen=True)
class Shipped:
    """The networks of equal size that ship for a task, and the kinds of which there is none."""

    found: list[Compared]
    missing: list[str]


def shipped_kinds(task: str) -> Shipped:
    """What ships for a task, one network for each kind of unit that there is.

    Raises
    ------
    StatespikeError
        If there is none.
    """
    paths = {model: ZOO / f"{task}-{model}.safetensors" for model in MODELS}
    found = [Compared(model, read_checkpoint(path)) for model, path in paths.items() if path.exists()]
    if not found:
        raise StatespikeError(
            f"no networks ship for task {task!r}; `statespike cost` takes networks of your own side by side"
        )
    return Shipped(found, [model for model, path in paths.items() if not path.exists()])


def compare(
    one: Compared,
    task: Task,
    test: Sequences,
    devices: Sequence[Device],
    *,
    streamed: bool,
    on_progress: Callable[[str], None],
) -> list[dict[str, Any]]:
    """A row for each device: accuracy at every width, and the circuit of the first width.

    Parameters
    ----------
    one : Compared
    task : Task
        Its calibration samples choose the formats.
    test : Sequences
    devices : sequence of Device
    streamed : bool
        The build that takes a channel a cycle, otherwise the small one: the same for all that is compared.
    on_progress : callable
        Called with what is going on.
    """  # fmt: skip
    calibration, measured = _samples(task.calibration), _samples(test)
    on_progress(f"{one.model}: accuracy")
    found = survey(one.checkpoint, calibration, measured, WIDTHS)
    network = quantise(
        one.checkpoint, calibration.x, input_format(calibration.x), Precision(WIDTHS[0]), calibration.lengths
    )
    observed = observe(network, measured.x, measured.y, measured.lengths)
    config = one.checkpoint.config
    rows = []
    for device in devices:
        on_progress(f"{one.model}: {device.name}")
        plan = plan_network(network, device, oversize=True, streamed=streamed, folded=False)
        rows.append(
            {
                "model": one.model,
                "layers": config.layers,
                "channels": config.channels,
                "modes": config.modes,
                "build": "streamed" if streamed else "small",
                "sequences": found.sequences,
                "parameters": found.parameters,
                "accuracies": {
                    "float": found.float_accuracy,
                    **{f"{result.bits} bits": result.accuracy for result in found.integers},
                },
                "sequences_per_second": plan.steps_per_second / observed.steps,
                "parts": {part: needs.as_dict() for part, needs in parts_of(network, plan).items()},
            }
            | cost(network, plan=plan, observed=observed)
        )
    return rows


def _samples(sequences: Sequences) -> Samples:
    if sequences.y is None or sequences.y.ndim != 1:
        raise StatespikeError(
            "networks are compared by the accuracy of one answer a sequence; this task has none"
        )
    return Samples(sequences.x, sequences.y, sequences.lengths)


def caption(rows: Sequence[dict[str, Any]], of: int, missing: Sequence[str]) -> str:
    """How large the networks are, on how many of the test sequences they ran, and what is not there."""
    first = rows[0]
    layers, channels = count(first["layers"], "layer"), count(first["channels"], "channel")
    part = "all" if first["sequences"] == of else f"the first {first['sequences']:,} of"
    modes = sorted({row["modes"] for row in rows}, reverse=True)
    size = f"{layers} of {channels}, {' or '.join(map(str, modes))} modes a channel"
    lines = [f"{size}; {part} {of:,} test sequences."]
    if missing:
        lines.append(f"Not shipped for this task: {', '.join(missing)}.")
    return "\n\n".join(lines)


def as_markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Tables of 80 columns: of the kinds of units, and of their circuits on each device.

    Energies are those of a mean sequence.
    """
    kinds = list({row["model"]: row for row in rows}.values())
    parts = [
        table(
            ["units", "parameters", *rows[0]["accuracies"], "activity"],
            [
                [
                    row["model"],
                    f"{row['parameters']:,}",
                    *(f"{accuracy:.1%}" for accuracy in row["accuracies"].values()),
                    ", ".join(f"{share:.0%}" for share in row["activity"]),
                ]
                for row in kinds
            ],
        )
    ]
    for device in dict.fromkeys(row["device"] for row in rows):
        circuits = [row for row in rows if row["device"] == device]
        parts += [f"Circuits on {device}:", _resources(circuits), _speeds(circuits)]
        parts += [f"Look-up tables on {device} by what they do:", _parts(circuits)]
    accountings = ("paper", "everything")
    priced = [[row["model"], *(f"{row['accountings'][key]:.3g}" for key in accountings)] for row in kinds]
    parts += [
        "Operations priced as the papers do:",
        table(["units", "paper's count uJ", "everything's uJ"], priced),
    ]
    return "\n\n".join(parts)


def _resources(circuits: Sequence[dict[str, Any]]) -> str:
    kinds = {"lut": "LUT", "ff": "FF", "bram": "block RAM", "spram": "SPRAM", "dsp": "multipliers"}
    return table(
        ["units", *kinds.values()],
        [
            [
                row["model"] + (" (does not fit)" if row["shortfall"] else ""),
                *(f"{row['estimate'][kind]:,}" for kind in kinds),
            ]
            for row in circuits
        ],
    )


def _parts(circuits: Sequence[dict[str, Any]]) -> str:
    return table(
        ["units", *(SHORT_PARTS[part] for part in circuits[0]["parts"])],
        [[row["model"], *(f"{needs['lut']:,}" for needs in row["parts"].values())] for row in circuits],
    )


def _speeds(circuits: Sequence[dict[str, Any]]) -> str:
    """Cycles and speed, and the energy where the device's is modelled."""
    header = ["units", "cycles a step", "sequences a second"]
    cells = [[row["model"], cycles_of(row), f"{row['sequences_per_second']:,.0f}"] for row in circuits]
    energies = [row["energy_uj"] for row in circuits]
    if energies[0]["low"] is not None:
        header.append("energy uJ")
        for line, energy in zip(cells, energies, strict=True):
            line.append(f"{_three_digits(energy['low'])} to {_three_digits(energy['high'])}")
    return table(header, cells)


def _three_digits(number: float) -> str:
    return f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"


def cycles_of(row: dict[str, Any]) -> str:
    """Cycles a step; the least and the most where they follow the data."""
    least, most = row["least_cycles_per_step"], row["cycles_per_step"]
    return f"{least:,} to {most:,}" if row["cycles_follow_data"] else f"{most:,}"


def points(rows: Sequence[dict[str, Any]], device: str, width: str) -> dict[str, tuple[float, float]]:
    """Look-up tables and accuracy in per cent of each kind on a device."""
    return {
        row["model"]: (float(row["estimate"]["lut"]), 100 * row["accuracies"][width])
        for row in rows
        if row["device"] == device
    }


def logic_by_part(rows: Sequence[dict[str, Any]], device: str) -> dict[str, dict[str, float]]:
    """Kind -> part -> look-up tables on a device."""
    return {
        row["model"]: {part: float(needs["lut"]) for part, needs in row["parts"].items()}
        for row in rows
        if row["device"] == device
    }
