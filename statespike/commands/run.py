"""`statespike run`: sequences through a network on a board."""

import statistics
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from boards.folder import open_build
from boards.host import Answer
from hdl.network.counted import MOST_COUNTED
from quantize.answers import answer_steps, stacked_answers
from quantize.clipping import Clipping, input_clipping
from quantize.errors import StatespikeError, naming
from quantize.evaluate import Evaluation
from quantize.formats import Integers
from quantize.identity import network_digest
from quantize.network import QuantizedNetwork
from quantize.scores import Regression
from quantize.states import read_states
from quantize.words import count, per_second
from statespike.board_line import BoardLine, BuildPath, Keep, Port, Spi, Timeout, Virtual
from statespike.commands.evaluate import score_of
from statespike.going_on import go_on
from statespike.library.board import TIMEOUT, Board
from statespike.live import clips_of_wav, rule_of, said_of, sequences_of_lines
from statespike.models import network_file
from statespike.networks import integers_of, labels_for, sequences_of
from statespike.options import Data, FromState, Json, Limit, Logits, TaskName
from statespike.output import note, progress, say, warn, write_json, write_logits

MISMATCH = 1
"""Exit status when board and reference differ."""


def run(
    build: BuildPath,
    task: TaskName = None,
    data: Data = None,
    limit: Limit = None,
    live: Annotated[
        bool,
        typer.Option(
            "--live", help="sequences from standard input: a line for each step, an empty line after each"
        ),
    ] = False,
    wav: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="clips of a recording, for networks of sound", show_default=False),
    ] = None,
    port: Port = None,
    virtual: Virtual = False,
    network: Annotated[
        Path | None,
        typer.Option(
            metavar="NETWORK",
            help="load this one first, into a board that was built with --reload",
            parser=network_file,
            show_default=False,
        ),
    ] = None,
    spi: Spi = None,
    check: Annotated[
        bool, typer.Option("--check", help="compare every logit with the integer reference")
    ] = False,
    timeout: Timeout = TIMEOUT,
    keep: Keep = None,
    from_state: FromState = None,
    save_state: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="with --live, leave the last sequence open, .npz", show_default=False
        ),
    ] = None,
    logits: Logits = None,
    json: Json = None,
) -> None:
    """Run sequences through a network on a board, or on a virtual one.

    The board must hold the folder's bitstream; another one is refused. With --network a
    board built with --reload is loaded with another network first. With --live or
    --wav, answers are printed as they come. With --check, exit status 1 when a logit
    differs from the integer reference. With --save-state the last sequence of --live has
    no end, and a later call goes on with it by --from-state.

    Example: statespike run build/icebreaker digits --limit 20 --virtual
    """
    at_once = live or wav is not None
    if live + (wav is not None) + (task is not None or data is not None) > 1:
        raise StatespikeError("give one source of sequences: a task or --data, --live, or --wav")
    pieces = from_state is not None or save_state is not None
    if pieces and not live:
        raise StatespikeError("--save-state and --from-state belong to --live")
    if pieces and limit is not None:
        raise StatespikeError(
            "--limit counts whole sequences; leave it out with --save-state and --from-state"
        )
    earlier = None if from_state is None else read_states(from_state)
    asked = None if at_once else sequences_of(task, data, limit)
    other = None if network is None else integers_of(network, formats_of=open_build(build).network)
    # What is wrong with a recording is said before a board is opened or compiled.
    clips = [] if wav is None else list(clips_of_wav(wav, other or open_build(build).network))
    line = BoardLine(build, port, spi, virtual, timeout, keep)
    with line.opened(other, earlier) as board:
        if board.loaded is not None:
            note(board.loaded.sentence())
        tally = Tally(board.network, check)
        if pieces:
            note(f"{board.build.board.title} on {board.port}: {rule_of(board.network)}")
            listened = go_on(board, sys.stdin, check=check, earlier=earlier, save_state=save_state)
            write_json(json, listened.figures() | {"build": str(build), "virtual": virtual})
            write_logits(logits, listened.logits)
            if listened.differing:
                raise typer.Exit(MISMATCH)
            return
        sequences = None if asked is None else labels_for(asked, board.network)
        if sequences is None:
            note(f"{board.build.board.title} on {board.port}: {rule_of(board.network)}")
            source = sequences_of_lines(sys.stdin, board.network) if wav is None else iter(clips)
            tally.play(board, islice(source, limit), lambda answer: say("\n".join(tally.sentences(answer))))
        else:
            lengths = sequences.lengths
            valid = np.full(len(sequences), sequences.x.shape[1]) if lengths is None else lengths
            with progress() as bars:
                bar = bars.add_task(f"running on {board.port}", total=len(sequences))
                source = (x[:length] for x, length in zip(sequences.x, valid, strict=True))
                tally.play(board, source, lambda answer: bars.advance(bar))
        try:
            counters = board.counters()
        except StatespikeError as error:  # the answers are there
            warn(str(error))
            counters = {}
    if not tally.answers:
        raise StatespikeError("there was no sequence: give steps, a line each")
    figures = tally.figures() | {
        "build": str(build),
        "board": board.build.board.name,
        "port": board.port,
        "virtual": virtual,
        "restarts": board.restarts,
        "network_sha256": network_digest(board.network),
        "loaded": board.loaded and asdict(board.loaded),
        "counters": counters or None,
        "accuracy": None,
    }
    if sequences is not None and asked is not None:
        with naming(asked.source):
            score = score_of(sequences, Evaluation(tally.logits, tally.seconds), board.network)
        if isinstance(score, Regression):
            say(
                f"mean squared error {score.mean_squared:.6g}, mean absolute error {score.mean_absolute:.6g} "
                "in the unit of y"
            )
        elif score is not None:
            say(f"accuracy {score.accuracy:.2%} on {count(len(sequences), 'sequence')}")
        figures |= {} if score is None else score.figures()
    say(
        f"{count(len(tally.answers), 'sequence')} in {tally.seconds:.2f} s on {board.port} "
        f"({board.build.board.title}{', simulated' if virtual else ''}): "
        f"{per_second(figures['steps_per_second'])} steps a second, an answer after "
        f"{1e3 * figures['latency_seconds']['median']:.1f} ms (median, from the first byte sent)"
    )
    if board.restarts:
        warn(f"the line failed, and the board was restarted {count(board.restarts, 'time')}")
    if counters:
        say(counted_on_board(counters))
    say(tally.clipping.summary())
    if (warning := tally.clipping.warning()) is not None:
        warn(warning.removeprefix("warning: "))
    if (vanishing := tally.clipping.vanishing()) is not None:
        warn(vanishing)
    write_logits(logits, tally.logits)
    write_json(json, figures)
    if tally.differing:
        say(
            f"not equal: {count(tally.differing, 'logit')} of {tally.logits.size:,} differ from the reference"
        )
        raise typer.Exit(MISMATCH)
    if check:
        say(f"all {tally.logits.size:,} logits equal the integer reference")


def counted_on_board(counters: dict[str, int]) -> str:
    """What a board counted since its last restart, in a sentence."""
    clips = [number for name, number in counters.items() if name.startswith("clipped_")]
    least = "at least " if MOST_COUNTED in clips else ""
    clipped = f"; {least}{count(sum(clips), 'value')} clipped" if clips else ""
    return (
        f"the board counted {count(counters['steps'], 'step')} since its last restart, busy for "
        f"{count(counters['busy_cycles'], 'cycle')}; in {counters['waiting_cycles']:,} cycles a value waited "
        f"for the network{clipped}"
    )


@dataclass
class Tally:
    """What came of the sequences so far.

    Parameters
    ----------
    network : QuantizedNetwork
    check : bool
        Compare with the network's reference.

    Attributes
    ----------
    answers : list of Answer
    steps, latest, differing : int
        Steps that were sent, in all and of the latest sequence, and logits that are not the reference's.
    clipping : Clipping
        Of the input.
    """

    network: QuantizedNetwork
    check: bool
    answers: list[Answer] = field(default_factory=list)
    steps: int = 0
    latest: int = 0
    differing: int = 0
    clipping: Clipping = field(default_factory=Clipping)

    def play(
        self, board: Board, source: Iterable[NDArray[np.floating]], on_answer: Callable[[Answer], None]
    ) -> None:
        """Ask the board for each sequence (steps, features)."""
        for x in source:
            answer = board.ask(x)
            self.answers.append(answer)
            self.latest = len(x)
            self.steps += self.latest
            self.clipping += input_clipping(self.network, x[None], None)
            if self.check:
                expected = self.network.compute(self.network.inputs(x[None]), taps=False).logits[0]
                self.differing += int(np.count_nonzero(expected != answer.logits))
            on_answer(answer)

    @property
    def logits(self) -> Integers:
        """(sequences, classes), or (sequences, answers, classes) of a network that answers repeatedly."""
        if self.network.answer_stride is None:
            return np.array([answer.logits for answer in self.answers])
        return stacked_answers([answer.logits for answer in self.answers])

    @property
    def seconds(self) -> float:
        """In which the board was asked; what the host did between sequences is left out."""
        return sum(answer.seconds for answer in self.answers)

    def sentences(self, answer: Answer) -> list[str]:
        """What is printed of the latest answer, or of each of the latest sequence's answers."""
        network, sequence = self.network, f"sequence {len(self.answers)}"
        if network.answer_stride is None:
            return [f"{sequence}: {said_of(network, answer.logits)}, after {1e3 * answer.seconds:.1f} ms"]
        steps = answer_steps(np.array([self.latest]), self.latest, network.answer_stride)[0] + 1
        return [
            f"{sequence}, step {step}: {said_of(network, logits)}"
            for step, logits in zip(steps, answer.logits, strict=True)
        ]

    def figures(self) -> dict[str, Any]:
        """For a JSON file."""
        latencies = [answer.seconds for answer in self.answers]
        return {
            "sequences": len(self.answers),
            "steps": self.steps,
            "seconds": self.seconds,
            "sequences_per_second": len(self.answers) / max(self.seconds, 1e-9),
            "steps_per_second": self.steps / max(self.seconds, 1e-9),
            "latency_seconds": {"median": statistics.median(latencies), "most": max(latencies)},
            "clipping": self.clipping.figures(),
            "logits": self.logits.tolist(),
            "bit_exact": self.differing == 0 if self.check else None,
        }
