"""The host's end of the link: the same driver for a real board and for a virtual one."""

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from boards.framing import Kind, decode_message, encode_frame
from boards.link import VERSION, Link
from boards.pipe import BytePipe, LinkError
from quantize.errors import StatespikeError
from quantize.formats import Integers

ATTEMPTS = 5
"""How often a sequence is sent before the line is given up."""
Done = TypeVar("Done")
MOST_NOISE = 64
"""Bytes after a restart that are skipped, beside an answer that was under way."""


class Answer(NamedTuple):
    """What a board made of a sequence.

    Parameters
    ----------
    logits : (classes,)
    seconds : float
        From the first byte that was sent, in the attempt that succeeded, to the last one that was received.
    """

    logits: Integers
    seconds: float


class Host:
    """Sends sequences to a network on a board, and receives their logits.

    A sequence during which anything goes wrong on the line is sent again, after a restart of the board.

    Parameters
    ----------
    pipe : BytePipe
    link : Link
        The board's; its manifest has it.
    attempts : int
        How often a sequence is sent before the line is given up.

    Attributes
    ----------
    restarts : int
        How often the board was restarted.

    Raises
    ------
    StatespikeError
        If the board does not answer, or holds another design than that of `link`.
    """

    def __init__(self, pipe: BytePipe, link: Link, attempts: int = ATTEMPTS):
        self.pipe, self.link, self.attempts = pipe, link, attempts
        self.restarts = 0
        self._number = 0
        self._in_step = False
        self._surely(lambda: None, "the board could not be started")

    def run(
        self, sequences: Iterable[ArrayLike], on_answer: Callable[[Answer], None] = lambda answer: None
    ) -> Integers:
        """Logits (sequences, classes) of `sequences`, each (steps, features) of integers in the input format.

        All sequences are checked before the first one is sent. `on_answer` is called as each answer comes.

        Raises
        ------
        StatespikeError
            If a sequence has another shape than the link, numbers that are no integers or do not fit the
            input's bits, or more steps than the network was built for; or if the line fails in every attempt.
        """
        checked = [self._checked(sequence, index) for index, sequence in enumerate(sequences)]
        answers = np.zeros((len(checked), self.link.classes), dtype=np.int64)
        for index, steps in enumerate(checked):
            answer = self._asked(steps, index)
            answers[index] = answer.logits
            on_answer(answer)
        return answers

    def ask(self, sequence: ArrayLike, index: int = 0) -> Answer:
        """The answer to one sequence; see `run`. Its index is for messages."""
        return self._asked(self._checked(sequence, index), index)

    def _asked(self, steps: Integers, index: int) -> Answer:
        return self._surely(lambda: self._answer(steps), f"sequence {index} got no answer")

    def _checked(self, sequence: ArrayLike, index: int) -> Integers:
        """A sequence that can be sent as it is."""
        link, steps = self.link, np.asarray(sequence)
        if steps.ndim != 2 or steps.shape[1] != link.features or not len(steps):
            raise StatespikeError(
                f"sequence {index} has shape {steps.shape}; expected (at least one step, {link.features})"
            )
        if not np.issubdtype(steps.dtype, np.integer):
            raise StatespikeError(
                f"sequence {index} holds numbers of type {steps.dtype}; the board takes integers: "
                "`QuantizedNetwork.inputs` makes them"
            )
        low, high = -(1 << (link.width - 1)), (1 << (link.width - 1)) - 1
        if steps.min() < low or steps.max() > high:
            raise StatespikeError(
                f"sequence {index} has values from {steps.min()} to {steps.max()}; "
                f"an input of {link.width} bits holds {low} to {high}"
            )
        if link.max_steps is not None and len(steps) > link.max_steps:
            raise StatespikeError(
                f"sequence {index} has {len(steps)} steps; the network was built for at most {link.max_steps}"
            )
        return steps.astype(np.int64)

    def _surely(self, action: Callable[[], Done], failure: str) -> Done:
        """Do something on a board that is in step with the host, again after a restart if the line fails."""
        for _ in range(self.attempts):
            try:
                if not self._in_step:
                    self._restart()
                self._in_step = False
                done = action()
                self._in_step = True
                return done
            except LinkError as error:
                last = error
        raise StatespikeError(f"{failure} in {self.attempts} attempts; in the last one {last}")

    def _restart(self) -> None:
        """Reset the board, and wait until it says what it is."""
        self.restarts += 1
        self.pipe.send_break()
        size = self.link.message_bytes(Kind.READY)
        heard = bytearray(self.pipe.read(size))
        skipped = 0
        while (message := decode_message(bytes(heard))) is None or message[0] is not Kind.READY:
            skipped += 1
            if skipped > self.link.message_bytes(Kind.ANSWER) + MOST_NOISE:
                raise LinkError("the board sent no word of being ready")
            heard = heard[1:] + self.pipe.read(1)
        _, self._number, body = message
        if body[0] != VERSION:
            raise StatespikeError(
                f"the board speaks version {body[0]} of the protocol, this host version {VERSION}: "
                "build and load the design again"
            )
        if body != self.link.ready_body:
            raise StatespikeError(
                f"the board holds another design ({body[1:].hex()}) than the one that was asked for "
                f"({self.link.identity.hex()}): load its bitstream"
            )

    def _answer(self, steps: Integers) -> Answer:
        """The answer to one sequence, of a board that is in step."""
        size = self.link.steps_per_frame
        began = time.monotonic()
        for start in range(0, len(steps), size):
            end = min(len(steps), start + size)
            payload = self.link.encode(steps[start:end], start == 0, end == len(steps))
            self.pipe.write(encode_frame(self._number, payload))
            self._number = (self._number + 1) % 256
            self._expect(Kind.ACCEPTED)
        logits = self.link.decode(self._expect(Kind.ANSWER))
        return Answer(logits, time.monotonic() - began)

    def _expect(self, wanted: Kind) -> bytes:
        """Body of the next message, which has to be of one kind."""
        message = decode_message(self.pipe.read(self.link.message_bytes(wanted)))
        if message is None:
            raise LinkError("a message of the board was damaged")
        kind, number, body = message
        if (wanted, kind, number) == (Kind.ANSWER, Kind.OVERRUN, self._number):
            raise StatespikeError(
                "the board says that the sequence was longer than its network was built for"
            )
        if kind is not wanted or number != self._number:
            raise LinkError(
                f"the board sent {kind.name} {number} where {wanted.name} {self._number} was expected"
            )
        return body
