"""The host's end of the link: the same driver for a real board and for a virtual one."""

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from boards.framing import Kind, decode_message, encode_frame
from boards.link import CIRCUIT_BYTES, REPORT, VERSION, Link
from boards.pipe import BytePipe, LinkError
from quantize.answers import answers_within, stacked_answers
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
    logits : (classes,), or (answers, classes) of a network that answers again and again
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
    number : int, optional
        Of the frame that is due, on a board that an earlier host left within a sequence; it is not restarted.
    any_network : bool
        At first the board's circuit alone must be that of `link`, whatever network it is loaded with; see
        `holds` and `load`.

    Attributes
    ----------
    faults : int
        How often the board was restarted because something went wrong.
    restarts : int
        How often the board was restarted, the first time and after loading among them.
    number : int
        Of the frame that is due.
    holds : bytes
        The identity that the board told when it was restarted.

    Raises
    ------
    StatespikeError
        If the board does not answer, or holds another design than that of `link`.
    """

    def __init__(
        self,
        pipe: BytePipe,
        link: Link,
        attempts: int = ATTEMPTS,
        number: int | None = None,
        *,
        any_network: bool = False,
    ):
        self.pipe, self.link, self.attempts = pipe, link, attempts
        self.restarts = self.faults = 0
        self.holds = link.identity
        self.number = number or 0
        self._in_step = number is not None
        self._let_in_any = any_network
        self._surely(lambda: None, "the board could not be started")
        self._let_in_any = False

    def run(
        self, sequences: Iterable[ArrayLike], on_answer: Callable[[Answer], None] = lambda answer: None
    ) -> Integers:
        """Logits (sequences, classes) of `sequences`, each (steps, features) of integers in the input format.

        Or (sequences, answers, classes) of a network that answers again and again; where a sequence has fewer
        answers than another one, its last stands for the rest. All sequences are checked before the first one
        is sent. `on_answer` is called as the answers to each sequence have come.

        Raises
        ------
        StatespikeError
            If a sequence has another shape than the link, numbers that are no integers or do not fit the
            input's bits, or more steps than the network was built for; or if the line fails in every attempt.
        """
        checked = [self._checked(sequence, index) for index, sequence in enumerate(sequences)]
        answers: list[Integers] = []
        for index, steps in enumerate(checked):
            answer = self._asked(steps, index)
            answers.append(answer.logits.reshape(-1, self.link.classes))
            on_answer(answer)
        if not answers:
            return np.zeros((0, self.link.classes), dtype=np.int64)
        found = stacked_answers(answers)
        return found[:, 0] if self.link.answer_stride is None else found

    def ask(self, sequence: ArrayLike, index: int = 0) -> Answer:
        """The answer to one sequence; see `run`. Its index is for messages."""
        return self._asked(self._checked(sequence, index), index)

    def go_on(self, steps: ArrayLike, position: int, *, ended: bool) -> Answer:
        """The answers that the next steps of a sequence give, maybe none: logits (answers, classes).

        Parameters
        ----------
        steps : integers (steps, features)
        position : int
            Steps of the sequence that the board has had.
        ended : bool
            The sequence ends with them.

        Raises
        ------
        StatespikeError
            As of `run`; and at the first failure of the line within a sequence, for a board that is restarted
            has forgotten its states.
        """
        checked = self._checked(steps, 0)
        if position == 0:
            return self._surely(
                lambda: self._answer(checked, ended=ended), "the beginning of the sequence got no answer"
            )
        try:
            self._in_step = False
            answer = self._answer(checked, position, ended=ended)
        except LinkError as error:
            raise StatespikeError(
                f"the line failed behind step {position} of a sequence, whose states are lost ({error}); "
                "begin it anew"
            ) from error
        self._in_step = True
        return answer

    def load(self, link: Link, payloads: Iterable[bytes], on_frame: Callable[[int], None]) -> None:
        """Give the board the tables of another network of its shape.

        A frame during which anything goes wrong is sent again, after a restart.

        Parameters
        ----------
        link : Link
            Of the other network, which is the host's from now on.
        payloads : iterable of bytes
            See `boards.loading.payloads_of`.
        on_frame : callable
            Called with the bytes of each frame that was accepted.

        Raises
        ------
        StatespikeError
            If the line fails in every attempt; the board then holds no network.
        """
        self.link = link
        self._let_in_any = True
        try:
            for payload in payloads:
                self._surely(partial(self._store, payload), "the board's tables could not be loaded")
                on_frame(len(payload))
        finally:
            # Parts of the circuit hold what they read before; and the board tells what it is now.
            self._let_in_any, self._in_step = False, False
        self._surely(lambda: None, "the board could not be started")

    def _store(self, payload: bytes) -> None:
        self.pipe.write(encode_frame(self.number, payload))
        self.number = (self.number + 1) % 256
        self._collect([], 0)

    def counters(self) -> dict[str, int]:
        """What the board has counted since its last restart, by name; nothing if its design does not count.

        Raises
        ------
        StatespikeError
            At the first failure of the line, for a board that is restarted counts anew.
        """
        if not self.link.counters:
            return {}
        try:
            if not self._in_step:
                raise LinkError("the board has to be restarted")
            self._in_step = False
            self.pipe.write(encode_frame(self.number, bytes([REPORT])))
            self.number = (self.number + 1) % 256
            self._collect([], 0)
            kind, number, body = self._message()
            if (kind, number) != (Kind.COUNTERS, self.number):
                raise LinkError(
                    f"the board sent {kind.name} {number} where COUNTERS {self.number} was expected"
                )
        except LinkError as error:
            raise StatespikeError(f"the line failed, and the board's counters are lost ({error})") from error
        self._in_step = True
        return self.link.decode_counters(body)

    def _asked(self, steps: Integers, index: int) -> Answer:
        answer = self._surely(lambda: self._answer(steps), f"sequence {index} got no answer")
        return answer if self.link.answer_stride is not None else Answer(answer.logits[0], answer.seconds)

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
                self.faults += 1
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
        _, self.number, body = message
        if body[0] != VERSION:
            raise StatespikeError(
                f"the board speaks version {body[0]} of the protocol, this host version {VERSION}: "
                "build and load the design again"
            )
        self.holds = body[1:]
        own, circuit = self.link.identity, len(self.link.identity)
        if self.link.shape is not None:
            circuit = CIRCUIT_BYTES
            if self.holds[:circuit] == own[:circuit] and not self._let_in_any:
                self.require_own()
        if self.holds[:circuit] != own[:circuit]:
            raise StatespikeError(
                f"the board holds another design ({body[1:].hex()}) than the one that was asked for "
                f"({self.link.identity.hex()}): load its bitstream"
            )

    @property
    def holds_none(self) -> bool:
        """Whether the board told that it holds no whole network."""
        return self.link.shape is not None and not any(self.holds[CIRCUIT_BYTES:])

    def require_own(self) -> None:
        """Refuse a board that holds another network than that of the link.

        Raises
        ------
        StatespikeError
        """
        if self.holds != self.link.identity:
            raise StatespikeError(
                "the board is loaded with another network, or with half of one: load it with "
                "`statespike load`, or name the network with --network"
            )

    def _answer(self, steps: Integers, position: int = 0, *, ended: bool = True) -> Answer:
        """The answers (answers, classes) to a sequence, or to a piece of it, of a board that is in step."""
        size, stride = self.link.steps_per_frame, self.link.answer_stride
        found: list[Integers] = []
        began = time.monotonic()
        for start in range(0, len(steps), size):
            end = min(len(steps), start + size)
            ends = ended and end == len(steps)
            payload = self.link.encode(steps[start:end], position + start == 0, ends)
            self.pipe.write(encode_frame(self.number, payload))
            self.number = (self.number + 1) % 256
            # Host and board take turns, so all answers to a frame have come before the next one is sent.
            self._collect(found, len(answers_within(position, end, stride, ended=ends)))
        logits = np.array(found, dtype=np.int64).reshape(len(found), self.link.classes)
        return Answer(logits, time.monotonic() - began)

    def _collect(self, found: list[Integers], due: int) -> None:
        """Wait until a frame is accepted, and so many answers of the sequence have been found.

        A network that answers again and again may do so before the whole frame is accepted.
        """
        accepted = False
        while not accepted or len(found) < due:
            kind, number, body = self._message()
            if kind is Kind.ACCEPTED and number == self.number and not accepted:
                accepted = True
            elif kind is Kind.OVERRUN and number == self.number and accepted:
                raise StatespikeError(
                    "the board says that the sequence was longer than its network was built for"
                )
            elif kind is Kind.ANSWER and len(found) < due and self._is_due(number, accepted):
                found.append(self.link.decode(body))
            else:
                wanted = Kind.ANSWER if accepted else Kind.ACCEPTED
                raise LinkError(
                    f"the board sent {kind.name} {number} where {wanted.name} {self.number} was expected"
                )

    def _is_due(self, number: int, accepted: bool) -> bool:
        """Whether an answer may have a number: that of the frame it answers, or of the next one."""
        early = self.link.answer_stride is not None and not accepted
        return (accepted and number == self.number) or (
            early and number in (self.number, (self.number - 1) % 256)
        )

    def _message(self) -> tuple[Kind, int, bytes]:
        """The next message: its kind tells its length."""
        begin = self.pipe.read(self.link.message_bytes(Kind.ACCEPTED))
        size = self.link.message_bytes(Kind(begin[0])) if begin[0] in set(Kind) else len(begin)
        rest = self.pipe.read(size - len(begin)) if size > len(begin) else b""
        message = decode_message(begin + rest)
        if message is None:
            raise LinkError("a message of the board was damaged")
        return message
