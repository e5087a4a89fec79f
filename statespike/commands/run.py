"""`statespike run`: sequences through a network on a board."""

import statistics
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from boards.host import Answer
from quantize.clipping import input_clipping
from quantize.evaluate import Evaluation
from quantize.scores import Regression, real_outputs
from quantize.words import count
from statespike.commands.evaluate import score_of
from statespike.library.board import TIMEOUT, Board
from statespike.networks import sequences_of
from statespike.options import Data, Json, Limit, Logits, TaskName
from statespike.output import progress, say, warn, write_json, write_logits

MISMATCH = 1
"""Exit status when board and reference differ."""

BuildPath = Annotated[
    Path, typer.Argument(metavar="BUILD", help="folder that `statespike build` wrote", show_default=False)
]


def run(
    build: BuildPath,
    task: TaskName = None,
    data: Data = None,
    limit: Limit = None,
    port: Annotated[
        str | None,
        typer.Option(
            metavar="DEV", help="serial port of the board  [default: the only one]", show_default=False
        ),
    ] = None,
    virtual: Annotated[
        bool, typer.Option("--virtual", help="simulate the board, behind a pseudo-terminal")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="compare every logit with the integer reference")
    ] = False,
    timeout: Annotated[float, typer.Option(min=0.1, metavar="S", help="seconds to wait for bytes")] = TIMEOUT,
    keep: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="keep the compiled virtual board here for the next run", show_default=False
        ),
    ] = None,
    logits: Logits = None,
    json: Json = None,
) -> None:
    """Run sequences through a network on a board, or on a virtual one.

    The board must hold the folder's bitstream; another one is refused. With --check,
    exit status 1 when a logit differs from the integer reference.

    Example: statespike run build/icebreaker digits --limit 20 --virtual
    """
    sequences = sequences_of(task, data, limit)
    answers: list[Answer] = []
    with progress() as bars:
        bar = bars.add_task("compiling the virtual board" if virtual else "opening the port", total=None)
        with Board(build, port, virtual=virtual, timeout=timeout, keep=keep) as board:
            network = board.network
            bars.update(bar, description=f"running on {board.port}", total=len(sequences))

            def tell(answer: Answer) -> None:
                answers.append(answer)
                bars.advance(bar)

            start = time.monotonic()
            found = board.run(sequences.x, sequences.lengths, tell)
            seconds = time.monotonic() - start
    result = Evaluation(found, seconds, input_clipping(network, sequences.x, sequences.lengths))
    lengths = sequences.lengths
    steps = sequences.x.shape[0] * sequences.x.shape[1] if lengths is None else int(lengths.sum())
    latencies = sorted(answer.seconds for answer in answers)
    figures = {
        "build": str(build),
        "board": board.build.board.name,
        "port": board.port,
        "virtual": virtual,
        "sequences": len(sequences),
        "steps": steps,
        "seconds": seconds,
        "sequences_per_second": result.sequences_per_second,
        "steps_per_second": steps / max(seconds, 1e-9),
        "latency_seconds": {"median": statistics.median(latencies), "most": latencies[-1]},
        "restarts": board.restarts,
        "clipping": result.clipping.figures() if result.clipping else None,
        "accuracy": None,
        "bit_exact": None,
    }
    score = score_of(sequences, result, lambda: real_outputs(network, found))
    if isinstance(score, Regression):
        say(f"mean squared error {score.mean_squared:.6g}, mean absolute error {score.mean_absolute:.6g}")
    elif score is not None:
        say(f"accuracy {score.accuracy:.2%} on {count(len(sequences), 'sequence')}")
    figures |= {} if score is None else score.figures()
    whose = f"{board.build.board.name}, simulated" if virtual else board.build.board.name
    say(
        f"{count(len(sequences), 'sequence')} in {seconds:.2f} s on {board.port} ({whose}): "
        f"{figures['steps_per_second']:.0f} steps a second, an answer after "
        f"{1e3 * latencies[len(latencies) // 2]:.1f} ms (median; from the first byte sent)"
    )
    if board.restarts:
        warn(f"the line failed, and the board was restarted, {count(board.restarts, 'time')}")
    assert result.clipping is not None
    say(result.clipping.summary())
    if (warning := result.clipping.warning()) is not None:
        warn(warning.removeprefix("warning: "))
    differing = 0
    if check:
        u = network.inputs(sequences.x)
        differing = int(np.count_nonzero(network.compute(u, lengths, taps=False).logits != found))
        figures["bit_exact"] = differing == 0
    write_logits(logits, found)
    write_json(json, figures)
    if differing:
        say(f"not equal: {differing:,} of {count(found.size, 'logit')} differ from the integer reference")
        raise typer.Exit(MISMATCH)
    if check:
        say(f"all {found.size:,} logits equal the integer reference")
