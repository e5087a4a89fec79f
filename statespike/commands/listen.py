"""`statespike listen`: hits and false alarms of a network that listens to a stream of spoken digits."""

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from quantize.errors import StatespikeError
from quantize.evaluate import evaluate
from quantize.files import write_whole
from quantize.network import QuantizedNetwork
from quantize.scores import real_outputs
from quantize.words import count
from sim.pace import Pace
from statespike.commands.evaluate import stride_of
from statespike.library.simulation import simulate
from statespike.listening import Outcome, Rule, detect, judge
from statespike.models.tasks.mel import HOP, RATE, WINDOW, log_mel
from statespike.models.tasks.spoken_stream import LEVEL, Variation, stream_of
from statespike.networks import integers_of, network_for
from statespike.options import DeviceName, Json, Logits, NetworkPath
from statespike.output import progress, say, write_json, write_logits
from statespike.page.listening import stream_drawing

MISMATCH = 1
"""Exit status when circuit and reference differ."""


class Arithmetic(StrEnum):
    """What computes the network."""

    FLOAT = "float"
    REFERENCE = "reference"
    CXXRTL = "cxxrtl"


def listen(
    network: NetworkPath,
    data: Annotated[
        Path | None, typer.Option(metavar="PATH", help="where the recordings are", show_default=False)
    ] = None,
    backend: Annotated[
        Arithmetic,
        typer.Option(help="real numbers, the integer reference, or the circuit, compared with it"),
    ] = Arithmetic.REFERENCE,
    minutes: Annotated[float, typer.Option(min=0.05, max=240, help="length of the stream, up to 240")] = 10.0,
    snr: Annotated[float, typer.Option(help="decibels of a digit above the noise")] = 10.0,
    seed: Annotated[int, typer.Option(min=0, help="of the stream")] = 0,
    trained: Annotated[
        bool, typer.Option("--trained", help="speakers that trained, in other recordings: to choose a rule")
    ] = False,
    threshold: Annotated[float, typer.Option(help="logits that a digit must be above none")] = 2.0,
    agree: Annotated[int, typer.Option(min=1, help="answers in a row that must say the same")] = 4,
    refractory: Annotated[float, typer.Option(min=0, help="seconds between detections")] = 0.4,
    margin: Annotated[float, typer.Option(min=0, help="seconds behind a digit that still hit it")] = 0.5,
    device: DeviceName = "up5k",
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="draw the stream, .svg", show_default=False)
    ] = None,
    logits: Logits = None,
    json: Json = None,
) -> None:
    """Let a network listen to a stream of spoken digits, and count hits and false alarms.

    The stream has pauses, and noise that comes and goes. A digit is hit if the network
    says it between its start and a margin behind its end; all else it says is a false alarm.

    Example: statespike listen spoken-stream-gsu_lean --minutes 10 --snr 10
    """
    for option, value in (
        ("snr", snr),
        ("threshold", threshold),
        ("refractory", refractory),
        ("margin", margin),
    ):
        if not math.isfinite(value):
            raise StatespikeError(f"--{option} is {value:g}; give a finite number")
    read = network_for if backend is Arithmetic.FLOAT else integers_of
    found = read(network, "spoken-stream", data)
    stride = stride_of(found)
    if stride is None:
        raise StatespikeError(
            f"{network} answers once, at the end of a sequence; give one with the head running or every_step"
        )
    samples, spoken = stream_of(data, minutes, Variation((snr, snr)), seed, trained=trained)
    x = log_mel(samples)[None]
    exact: dict[str, Any] = {}
    with progress() as bars:
        bars.add_task(f"listening to {minutes:g} minutes", total=None)
        if backend is Arithmetic.CXXRTL:
            assert isinstance(found, QuantizedNetwork)
            check = simulate(found, x, device=device, pace=Pace(0.1, 0.1, seed))
            raw = check.logits[0]
            exact = {
                "bit_exact": check.bit_exact,
                "compared_values": check.compared_values,
                "cycles_per_step": check.cycles_per_step,
            }
        else:
            raw = evaluate(found, x).logits[0]
    rule = Rule(threshold, agree, refractory, margin)
    times = _times(len(raw), stride, x.shape[1])
    detections = detect(times, real_outputs(found, raw), rule)
    outcome = judge(spoken, detections, rule, RATE, len(samples) / RATE)
    _tell(outcome, snr)
    if picture is not None:
        write_whole(picture, stream_drawing(spoken, detections, outcome, RATE).encode())
        say(f"wrote {picture}")
    write_logits(logits, raw)
    write_json(
        json,
        {
            "network": str(network),
            "backend": backend.value,
            "snr_db": snr,
            "digit_level_dbfs": LEVEL,
            "seed": seed,
            "speakers": "trained" if trained else "held out",
            "rule": {
                "threshold": threshold, "agree": agree, "refractory_seconds": refractory,
                "margin_seconds": margin,
            },
            "stride": stride,
            "steps": x.shape[1],
            "answers": len(raw),
            **outcome.figures(),
            **exact,
        },
    )  # fmt: skip
    if exact:
        say(f"{count(exact['compared_values'], 'value')} of the circuit compared with the reference")
        if not exact["bit_exact"]:
            say(f"not equal; the first: {check.first_mismatch}")
            raise typer.Exit(MISMATCH)
        say("all are equal, to the last bit")


def _times(answers: int, stride: int, steps: int) -> NDArray[np.float64]:
    """Seconds at which answers are known: when the last frame of each has been heard."""
    last = np.minimum(stride * np.arange(1, answers + 1), steps) - 1
    return (HOP * last + WINDOW) / RATE


def _tell(outcome: Outcome, snr: float) -> None:
    figures = outcome.figures()
    say(
        f"{outcome.hits} of {count(figures['words'], 'digit')} hit ({figures['hit_rate']:.1%}) in "
        f"{outcome.seconds / 60:.1f} minutes, {snr:g} dB above the noise"
    )
    say(
        f"{count(figures['false_alarms'], 'false alarm')}, {figures['false_alarms_per_hour']:.0f} an hour: "
        f"{outcome.alone} in pauses ({figures['false_alarms_in_pauses_per_hour']:.0f} an hour), "
        f"{outcome.wrong} of another digit or again"
    )
