"""The page's part about one network."""

from collections.abc import Iterator, Sequence

from quantize.words import count
from statespike.output import cycles_of
from statespike.page.charts import bars, histogram, ranges, raster, stacked
from statespike.page.document import Cell, figure, paragraph, section, table
from statespike.page.findings import SHOWN_STEPS, Findings
from statespike.report_rows import Row


def part_of(row: Row, found: Findings) -> str:
    """Everything about a network: what was measured, and what its integers and its circuit are like."""
    name = row.request.network
    sections = [
        ("accuracy", "Accuracy", _accuracy(row, found)),
        ("layers", "Formats and values", _layers(name, found)),
        ("noise", "Integers against real arithmetic", _noise(name, found)),
        ("activity", "Activity", _activity(name, found)),
        ("schedule", "Schedule", _schedule(name, found)),
        ("resources", "Resources", _resources(name, found)),
        ("energy", "Energy", _energy(name, found)),
        ("accountings", "Three accountings", _accountings(name, found)),
    ]
    body = [section(f"{name}-{identity}", title, parts) for identity, title, parts in sections]
    return section(name, name, body, level=2)


def _accuracy(row: Row, found: Findings) -> Iterator[str]:
    name, survey = row.request.network, row.survey
    config = row.config
    size = ", ".join(
        [count(config.layers, "layer"), count(config.channels, "channel"), count(config.modes, "mode")]
    )
    yield paragraph(
        f"{row.request.task}, {count(survey.sequences, 'test sequence')}; integers are quantised after "
        f"training unless the network was fine-tuned. {size}, {survey.parameters:,} parameters."
    )
    lines: list[list[Cell]] = [["float", survey.float_accuracy * 100, None]]
    lines += [[f"{one.bits} bits", one.accuracy * 100, one.memory_bits / 1024] for one in survey.integers]
    yield table(f"{name}-accuracy", ["arithmetic", "accuracy %", "memory Kbit"], lines)
    classes = range(len(found.confusion))
    confusion: list[list[Cell]] = [
        [f"class {label}", *(int(one) for one in found.confusion[label])] for label in classes
    ]
    yield paragraph("Confusion of the integers: rows are given classes, columns what they were taken for.")
    yield table(f"{name}-confusion", ["class", *map(str, classes)], confusion)


def _layers(name: str, found: Findings) -> Iterator[str]:
    yield paragraph(
        "How many bits the magnitudes of the values need, of those that each format has. A value in the last "
        "column uses the whole range."
    )
    for layer in found.layers:
        title = f"{layer.name}, {layer.format}, largest {layer.largest:.0%} of the range"
        columns = [str(bits) for bits in range(len(layer.magnitudes))]
        yield figure(f"{name}-{layer.name}", histogram(layer.magnitudes, columns, title), title)
    rows: list[Sequence[Cell]] = [
        [layer.name, str(layer.format), layer.format.width, layer.largest * 100, *map(int, layer.magnitudes)]
        for layer in found.layers
    ]
    widest = max(len(layer.magnitudes) for layer in found.layers)
    header = ["place", "format", "bits", "largest, % of range", *(f"{bits} bits" for bits in range(widest))]
    yield table(f"{name}-formats", header, rows)


def _noise(name: str, found: Findings) -> Iterator[str]:
    known = {layer.name: layer.snr_db for layer in found.layers if layer.snr_db is not None}
    yield figure(
        f"{name}-snr", bars(known, "signal to noise"),
        "Signal to noise in dB of the integers against real arithmetic, place by place, in data-flow order.",
    )  # fmt: skip
    rows: list[Sequence[Cell]] = [[layer.name, layer.snr_db] for layer in found.layers]
    yield table(f"{name}-snr", ["place", "dB"], rows)


def _activity(name: str, found: Findings) -> Iterator[str]:
    for index, (signs, share) in enumerate(zip(found.rasters, found.costs["activity"], strict=True)):
        caption = (
            f"Layer {index}: activations that enter the mixer and are not zero, over {len(signs)} steps (at "
            f"most {SHOWN_STEPS} are drawn) of a test sequence, a row a channel; negative ones in the second "
            f"colour. Over all test sequences {share:.1%} are not zero."
        )
        yield figure(f"{name}-activity-{index}", raster(signs, f"activity of layer {index}"), caption)
    rows: list[Sequence[Cell]] = [
        [str(layer), share * 100] for layer, share in enumerate(found.costs["activity"])
    ]
    yield table(f"{name}-activity", ["layer", "not zero, %"], rows)


def _place(layer: int | None, name: str) -> str:
    return name if layer is None else f"{layer}: {name}"


def _schedule(name: str, found: Findings) -> Iterator[str]:
    plan, network = found.plan, found.network
    roofline = network.multiplications_per_step / plan.multipliers
    promised = {"cycles_per_step": plan.cycles_per_step, "cycles_follow_data": plan.cycles_follow_data}
    yield paragraph(
        f"{plan.device.name}: {cycles_of(promised)} cycles a step at a planned {plan.clock_mhz:g} MHz. The "
        f"products of a step on {count(plan.multipliers, 'multiplier')} would take {roofline:.1f} cycles, "
        "the line in the figure. All components work at once, each on another step."
    )
    paces = {
        _place(one.layer, one.name): float(one.cycles_per_step)
        for one in found.components
        if one.cycles_per_step is not None
    }
    yield figure(
        f"{name}-schedule", bars(paces, "cycles a step", roofline),
        "Cycles that each component works for a step; the longest sets the pace.",
    )  # fmt: skip


def _resources(name: str, found: Findings) -> Iterator[str]:
    if found.plan.shortfall:
        yield paragraph(f"The circuit does not fit: it is short of {', '.join(found.plan.shortfall)}.")
    logic = {
        _place(one.layer, one.name): {
            "look-up tables": float(one.estimate.lut), "flip-flops": float(one.estimate.ff),
        }
        for one in found.components
    }  # fmt: skip
    yield figure(
        f"{name}-resources", stacked(logic, "logic"), "Estimated look-up tables and flip-flops of components."
    )
    header = ["component", "parallel", "cycles a step", "LUT", "FF", "block RAM", "SPRAM", "multipliers"]
    rows = [
        [
            _place(one.layer, one.name), one.parallel, one.cycles_per_step, one.estimate.lut, one.estimate.ff,
            one.estimate.bram, one.estimate.spram, one.multipliers,
        ]
        for one in found.components
    ]  # fmt: skip
    yield table(f"{name}-resources", header, rows)


def _energy(name: str, found: Findings) -> Iterator[str]:
    if found.energy is None:
        yield paragraph(
            f"The energy of {found.plan.device.name} is not modelled: no measured currents of such a part "
            "are known."
        )
        return
    total, power = found.energy.microjoules, found.energy.power_uw * 1e-3
    yield paragraph(
        f"A model's range, not measured: {total.low * 1e3:.3g} to {total.high * 1e3:.3g} nJ a step, "
        f"{power.low:.3g} to {power.high:.3g} mW at {found.plan.clock_mhz:g} MHz. The activity of the "
        "logic is assumed."
    )
    parts = {key: (part.low * 1e3, part.high * 1e3) for key, part in found.energy.parts.items()}
    yield figure(
        f"{name}-energy", ranges(parts, "energy"), "Nanojoules of a step, from the least to the most."
    )
    yield table(
        f"{name}-energy", ["part", "low nJ", "high nJ"], ([key, *bounds] for key, bounds in parts.items())
    )


def _accountings(name: str, found: Findings) -> Iterator[str]:
    energy, counted = found.costs["energy_uj"], found.costs["accountings"]
    rows: list[Sequence[Cell]] = [
        ["the paper's: mixers only, 45 nm floating point", counted["paper"], counted["paper"]],
        ["the same prices, everything counted", counted["everything"], counted["everything"]],
        [f"model of the {found.plan.device.name}", energy["low"], energy["high"]],
    ]
    yield paragraph(f"Microjoules of a {energy['per']}.")
    yield table(f"{name}-accountings", ["accounting", "low", "high"], rows)
