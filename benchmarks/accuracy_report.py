"""What the points of `benchmarks.accuracy_curves` say, as tables and pictures.

    python -m benchmarks.accuracy_report docs/accuracy-curves.json --page docs/spikes-or-gates.md \\
        --svg docs/accuracy-curves.svg

Of a size the median over its seeds is told, with the lowest and the highest. The circuit is that of the first
seed. A kind reaches an accuracy with the smallest width whose median does.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.command import command
from benchmarks.results import earlier_rows
from benchmarks.study_groups import Group, event_cycles, groups_of
from quantize.errors import StatespikeError
from statespike.markdown import put_table, require_place, table
from statespike.output import say

LEVELS = {"digits": (0.92, 0.95), "spoken_digits": (0.98, 0.99)}
"""Accuracies of a task at which kinds are compared."""
BASELINE = "s4d"
"""The kind that others are compared with."""


def curves(groups: Sequence[Group], task: str, device: str) -> str:
    """Every kind at every width, and what it takes of a device."""
    own = plain(groups, task)
    return _circuits(own, device, [_line(group, device) for group in own])


def reached(groups: Sequence[Group], task: str, level: float, device: str) -> str:
    """The smallest width of each kind that reaches an accuracy, and what it takes of a device."""
    lines = []
    for found, best in enough(groups, task, level):
        if found is None:
            most = f"at most {100 * best.median:.1f}"
            lines.append([best.model, "-", str(best.seeds), most, *["-"] * 5])
        else:
            lines.append(_line(found, device))
    return _circuits(plain(groups, task), device, lines)


def smallest(groups: Sequence[Group], task: str, level: float, device: str) -> str:
    """The same networks in the smallest circuits of that build, which are the slowest."""
    header = ["units", "H", "LUT", "FF", "RAM", "mult.", "cycles", "sequences a second"]
    lines = []
    for found, _ in enough(groups, task, level):
        if found is not None:
            circuit = found.circuit(device)["smallest"]
            estimate = circuit["estimate"]
            lines.append([
                found.model, str(found.channels), _logic(circuit),
                *(f"{estimate[kind]:,}" for kind in ("ff", "bram", "dsp")),
                f"{circuit['cycles_per_step']:,}", f"{circuit['steps_per_second'] / found.steps:,.0f}",
            ])  # fmt: skip
    return table(header, lines)


def enough(groups: Sequence[Group], task: str, level: float) -> Iterator[tuple[Group | None, Group]]:
    """For each kind the smallest width whose median reaches an accuracy, if one does, and the best one."""
    own = plain(groups, task)
    for model in dict.fromkeys(group.model for group in own):
        widths = [group for group in own if group.model == model]
        reaching = [group for group in widths if group.median >= level]
        yield (
            min(reaching, key=lambda group: group.channels, default=None),
            max(widths, key=lambda group: group.median),
        )


def _logic(circuit: dict[str, Any]) -> str:
    """Look-up tables, marked where the circuit does not fit."""
    return f"{circuit['estimate']['lut']:,}{' *' if circuit['shortfall'] else ''}"


def _line(group: Group, device: str) -> list[str]:
    circuit = group.circuit(device)
    estimate, energy = circuit["estimate"], circuit["energy_uj"]
    return [
        group.model, str(group.channels), str(group.seeds), group.accuracy_text,
        _logic(circuit), f"{estimate['bram']:,}",
        f"{estimate['dsp']:,}", f"{circuit['cycles_per_step']:,}",
        "-" if energy["low"] is None else f"{energy['low']:.3g}..{energy['high']:.3g}",
    ]  # fmt: skip


def _circuits(groups: Sequence[Group], device: str, lines: Sequence[list[str]]) -> str:
    """A table with such lines; without energies where the device's are not modelled."""
    header = ["units", "H", "seeds", "accuracy %", "LUT", "RAM", "mult.", "cycles", "energy uJ"]
    if groups[0].circuit(device)["energy_uj"]["low"] is None:
        header, lines = header[:-1], [line[:-1] for line in lines]
    return table(header, lines)


def surrogates(groups: Sequence[Group]) -> str:
    """Kinds trained with several surrogate gradients."""
    header = ["units", "surrogate", "seeds", "accuracy %", "activity"]
    own = [group for group in groups if not group.penalty and group.surrogate]
    several = {
        (one.task, one.model, one.channels)
        for one in own
        for other in own
        if one.size == other.size and one.surrogate != other.surrogate
    }
    lines = [
        [group.model, group.surrogate, str(group.seeds), group.accuracy_text, group.activity_text]
        for group in sorted(own, key=lambda group: (group.order, group.surrogate))
        if group.size in several
    ]
    return table(header, lines)


def penalties(groups: Sequence[Group], device: str) -> str:
    """Kinds trained with several penalties of activity, and what event mixers take at each.

    Of the fastest circuit and of the smallest: the mixer's cycles, and those of a walk over its whole table.
    """
    header = ["units", "penalty", "seeds", "accuracy %", "activity", "fast", "of", "small", "of"]
    penalised = {group.size for group in groups if group.penalty}
    lines = []
    for group in sorted(groups, key=lambda group: (group.order, group.penalty)):
        if group.size in penalised and group.own_surrogate:
            fastest = group.circuit(device)
            lines.append([
                group.model, f"{group.penalty:g}", str(group.seeds), group.accuracy_text, group.activity_text,
                *event_cycles(group, fastest)[:2], *event_cycles(group, fastest["smallest"])[:2],
            ])  # fmt: skip
    return table(header, lines)


def events(groups: Sequence[Group], task: str, device: str, *, smallest_ones: bool) -> str:
    """Cycles of event mixers at the activity of trained networks, in the fastest or the smallest circuits."""
    header = ["units", "H", "activity", "lanes", "events", "table", "array", "step"]
    lines = []
    for group in plain(groups, task):
        circuit = group.circuit(device)
        circuit = circuit["smallest"] if smallest_ones else circuit
        if circuit["event_mixers"]:
            lanes = sorted({mixer["lanes"] for mixer in circuit["event_mixers"]})
            lines.append([
                group.model, str(group.channels), group.activity_text, ", ".join(map(str, lanes)),
                *event_cycles(group, circuit), f"{circuit['cycles_per_step']:,}",
            ])  # fmt: skip
    return table(header, lines)


def accountings(groups: Sequence[Group], task: str, channels: int, device: str) -> str:
    """Energies of a sequence at one width as shares of the baseline's, by each way to count."""
    own = [group for group in plain(groups, task) if group.channels == channels]
    base = next(group for group in own if group.model == BASELINE)

    def low(group: Group) -> float:
        return float(group.circuit(device)["energy_uj"]["low"])

    def high(group: Group) -> float:
        return float(group.circuit(device)["energy_uj"]["high"])

    ways: list[Callable[[Group], float]] = [
        lambda group: group.priced("paper"), lambda group: group.priced("everything"), low, high,
    ]  # fmt: skip
    header = ["units", "activity", "paper's count", "everything", "model, low", "model, high"]
    return table(
        header,
        [
            [group.model, group.activity_text, *(f"{way(group) / way(base):.0%}" for way in ways)]
            for group in own
        ],
    )


def plain(groups: Sequence[Group], task: str) -> list[Group]:
    """The groups of a task that were trained as their kinds are by default."""
    own = [group for group in groups if group.task == task and not group.penalty and group.own_surrogate]
    return sorted(own, key=lambda group: (group.order, group.channels))


def tables(groups: Sequence[Group]) -> Iterator[tuple[str, str]]:
    """Name of a place on the page, and what stands there."""
    devices = list(dict.fromkeys(device for group in groups for device in group.devices))
    tasks = [task for task in LEVELS if plain(groups, task)]
    for task in tasks:
        yield (
            f"curves {task}",
            "\n\n".join(f"On {device}:\n\n{curves(groups, task, device)}" for device in devices),
        )
        yield (
            f"reached {task}",
            "\n\n".join(
                f"At {level:.0%} on {device}:\n\n{reached(groups, task, level, device)}"
                for level in LEVELS[task]
                for device in devices
            ),
        )
        yield (
            f"smallest {task}",
            "\n\n".join(
                f"At {level:.0%} on {device}:\n\n{smallest(groups, task, level, device)}"
                for level in LEVELS[task]
                for device in devices
            ),
        )
        yield (
            f"events {task}",
            "\n\n".join(
                f"In the {'smallest' if small else 'fastest'} circuits:\n\n"
                f"{events(groups, task, devices[0], smallest_ones=small)}"
                for small in (False, True)
            ),
        )
        kinds = {group.model for group in plain(groups, task)}
        at = Counter(group.channels for group in plain(groups, task))
        widths = sorted(width for width, there in at.items() if there == len(kinds) and BASELINE in kinds)
        yield (
            f"accountings {task}",
            "\n\n".join(
                f"H = {width}:\n\n{accountings(groups, task, width, devices[0])}" for width in widths
            ),
        )
    yield "surrogates", surrogates(groups)
    yield "penalties", penalties(groups, devices[0])


def run(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="what benchmarks.accuracy_curves wrote")],
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help="write the tables into their places on a page")
    ] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="draw accuracies, .svg or .png")] = None,
) -> None:
    """Tell accuracy against circuits in tables and pictures."""
    groups = groups_of(earlier_rows(file))
    if not groups:
        raise StatespikeError(f"{file} has no rows; write it with python -m benchmarks.accuracy_curves")
    found = dict(tables(groups))
    if page is not None:
        for name in found:
            require_place(page, name)
        for name, text in found.items():
            put_table(page, name, text)
    for name, text in found.items():
        say(f"{name}\n\n{text}\n")
    if svg is not None:
        from benchmarks.accuracy_picture import draw  # matplotlib is asked for by none but this

        draw({task: plain(groups, task) for task in LEVELS if plain(groups, task)}, svg)


if __name__ == "__main__":
    command(run)
