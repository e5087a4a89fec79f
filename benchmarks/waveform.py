"""Draw a part of a trace as a viewer shows it: `python -m benchmarks.waveform run.vcd -o run.svg`."""

import argparse
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from vcd.reader import TokenKind, tokenize

from sim.waves import CYCLE_NS

Changes = list[tuple[int, str]]


def read_vcd(path: Path) -> dict[str, tuple[str, Changes]]:
    """Name of each signal -> its kind and its changes, (time, value)."""
    names: dict[str, str] = {}
    signals: dict[str, tuple[str, Changes]] = {}
    scope: list[str] = []
    time = 0
    with path.open("rb") as file:
        for token in tokenize(file):
            if token.kind is TokenKind.SCOPE:
                scope.append(token.scope.ident)
            elif token.kind is TokenKind.UPSCOPE:
                scope.pop()
            elif token.kind is TokenKind.VAR:
                name = ".".join([*scope, token.var.reference])
                names[token.var.id_code] = name
                signals[name] = (str(token.var.type_.value) if token.var.size > 1 else "bit", [])
            elif token.kind is TokenKind.CHANGE_TIME:
                time = token.time_change
            elif token.kind is TokenKind.CHANGE_SCALAR:
                signals[names[token.scalar_change.id_code]][1].append((time, token.scalar_change.value))
            elif token.kind is TokenKind.CHANGE_VECTOR:
                signals[names[token.vector_change.id_code]][1].append((time, str(token.vector_change.value)))
            elif token.kind is TokenKind.CHANGE_REAL:
                signals[names[token.real_change.id_code]][1].append((time, repr(token.real_change.value)))
    return signals


def within(changes: Changes, start: int, end: int) -> list[tuple[int, int, str]]:
    """(from, to, value) of each stretch between two times."""
    ends = [time for time, _ in changes[1:]] + [end]
    stretches = ((time, stop, value) for (time, value), stop in zip(changes, ends, strict=True))
    return [
        (max(time, start), min(stop, end), value)
        for time, stop, value in stretches
        if stop > start and time < end
    ]


def draw(
    signals: dict[str, tuple[str, Changes]], shown: list[str], start: int, end: int, output: Path
) -> None:
    """Lanes below each other, from the time `start` to `end`, in nanoseconds."""
    with rc_context(
        {"svg.hashsalt": "statespike", "svg.fonttype": "none", "font.family": "DejaVu Sans Mono"}
    ):
        figure = Figure(figsize=(13, 0.34 * len(shown) + 0.6), layout="tight")
        _lanes(figure.subplots(), signals, shown, start, end)
        figure.savefig(output, metadata={"Date": None} if output.suffix == ".svg" else None)


def _lanes(
    axes: Axes, signals: dict[str, tuple[str, Changes]], shown: list[str], start: int, end: int
) -> None:
    for lane, name in enumerate(shown):
        kind, changes = signals[name]
        base = -lane
        stretches = within(changes, start, end)
        if kind == "bit":
            times = [time for begin, stop, _ in stretches for time in (begin, stop)]
            levels = [base + 0.6 * (value == "1") for *_, value in stretches for _ in range(2)]
            axes.plot(times, levels, color="tab:green", linewidth=1)
            continue
        for begin, stop, value in stretches:
            text = f"{float(value):.2f}" if kind == "real" else value
            edge = min(1.5, (stop - begin) / 4)
            x = [begin, begin + edge, stop - edge, stop, stop - edge, begin + edge, begin]
            y = [base + 0.3, base + 0.6, base + 0.6, base + 0.3, base, base, base + 0.3]
            axes.plot(x, y, color="tab:blue", linewidth=0.8)
            if (stop - begin) / (end - start) * 165 > len(text) + 0.5:
                axes.text((begin + stop) / 2, base + 0.29, text, ha="center", va="center", fontsize=8)
    axes.set_yticks(
        [0.3 - lane for lane in range(len(shown))],
        [name.removeprefix("network.") for name in shown],
        fontsize=9,
    )
    cycles = range(start // CYCLE_NS, end // CYCLE_NS + 1)
    axes.set_xticks([cycle * CYCLE_NS for cycle in cycles][::4], [str(cycle) for cycle in cycles][::4])
    axes.set_xlabel("cycle")
    axes.grid(axis="x", linewidth=0.3)
    axes.set_xlim(start, end)
    axes.spines[["top", "right", "left"]].set_visible(False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trace", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--start", type=int, default=0, help="first cycle")
    parser.add_argument("--cycles", type=int, default=48)
    parser.add_argument("signals", nargs="*", help="names without `network.`; all by default")
    options = parser.parse_args()
    signals = read_vcd(options.trace)
    shown = [f"network.{name}" for name in options.signals] or list(signals)
    start = options.start * CYCLE_NS
    draw(signals, shown, start, start + options.cycles * CYCLE_NS, options.output)


if __name__ == "__main__":
    main()
