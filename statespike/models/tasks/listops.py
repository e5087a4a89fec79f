"""ListOps: nested operations on digits, written out as tokens; the answer is a digit.

`[MAX 4 [MIN 2 3 ] 1 ]` is 4. The rule is that of the Long Range Arena (Tay et al. 2021, after Nangia and
Bowman 2018): above the deepest level an argument is an operation with a probability of a quarter, of 2 to 10
arguments, and otherwise a digit. Expressions outside a range of lengths are drawn again; none comes twice.

A step is one token, one-hot, so the encoder's weights are an embedding; steps behind the end are zero.
"""

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from statespike.models.tasks.task import CALIBRATION_SEQUENCES, Sequences, Task, refuse_files
from statespike.models.tasks.tokens import one_hot

OPERATION_PROBABILITY = 0.25
FEWEST_ARGUMENTS, MOST_ARGUMENTS = 2, 10
DEEPEST = 10
"""Level, counted from 1, at which every argument is a digit."""
DIGITS = 10
SEED = 0


def _median(values: list[int]) -> int:
    middle = sorted(values)[(len(values) - 1) // 2 : len(values) // 2 + 1]
    return sum(middle) // len(middle)


OPERATIONS: dict[str, Callable[[list[int]], int]] = {
    "[MIN": min,
    "[MAX": max,
    "[MED": _median,
    "[SM": lambda values: sum(values) % DIGITS,
}
"""Token that opens an operation -> what it does with its arguments; the median is rounded down."""
TOKENS = (*(str(digit) for digit in range(DIGITS)), *OPERATIONS, "]")
"""Every token, in the order of the features."""
CLOSE = TOKENS.index("]")


@dataclass(frozen=True)
class ListOpsSize:
    """How long expressions are, in tokens, both ends included, and how many there are."""

    shortest: int
    longest: int
    train: int
    test: int


SIZES = {
    "listops": ListOpsSize(501, 1999, 96_000, 2_000),
    "listops-short": ListOpsSize(20, 100, 20_000, 2_000),
}
"""Name of a task -> its size. The first is the Long Range Arena's; it takes minutes to draw."""


def listops_task(name: str, data: Path | None) -> Task:
    """Drawn expressions: the same ones wherever and whenever they are drawn.

    Parameters
    ----------
    name : str
        One of `SIZES`.
    data : Path, optional
        Must not be given: there are no files.
    """
    refuse_files(name, data)
    size = SIZES[name]

    @cache
    def test() -> list[bytes]:
        return draw_expressions(size, size.test, "test")

    def train(count: int) -> Sequences:
        return to_sequences(draw_expressions(size, count, "train", without=test()), size.longest)

    return Task(
        name,
        features=len(TOKENS),
        classes=DIGITS,
        load_train=lambda: train(size.train),
        load_test=lambda: to_sequences(test(), size.longest),
        load_calibration=lambda: train(CALIBRATION_SEQUENCES),
    )


def draw_expressions(
    size: ListOpsSize, count: int, stream: str, without: Collection[bytes] = ()
) -> list[bytes]:
    """Draw different expressions, each a string of token indices; the first ones do not depend on `count`.

    Parameters
    ----------
    stream : str
        Names the sequence of random numbers.
    without : collection of bytes
        Expressions to leave out.
    """
    # Of this generator Python promises that the same seed always gives the same numbers.
    uniform = random.Random(f"listops {stream} {SEED}").random
    known = set(without)
    drawn: list[bytes] = []
    while len(drawn) < count:
        expression = _draw(size.longest, uniform)
        if len(expression) >= size.shortest and expression not in known:
            known.add(expression)
            drawn.append(expression)
    return drawn


def _draw(longest: int, uniform: Callable[[], float]) -> bytes:
    """Draw an expression; it is empty if it would have become longer than `longest`."""
    tokens = bytearray()
    to_come = [1]  # arguments of every open level
    least = 1  # tokens there will be, if no more operations come
    while True:
        if to_come[-1] == 0:
            to_come.pop()
            if not to_come:
                return bytes(tokens)
            tokens.append(CLOSE)
            continue
        to_come[-1] -= 1
        if len(to_come) == DEEPEST or uniform() > OPERATION_PROBABILITY:
            tokens.append(int(uniform() * DIGITS))
            continue
        tokens.append(DIGITS + int(uniform() * len(OPERATIONS)))
        arguments = FEWEST_ARGUMENTS + int(uniform() * (MOST_ARGUMENTS - FEWEST_ARGUMENTS + 1))
        least += arguments + 1
        if least > longest:
            return b""
        to_come.append(arguments)


def answer(expression: bytes) -> int:
    """Return what an expression amounts to."""
    levels: list[list[int]] = [[]]
    operations: list[str] = []
    for token in expression:
        if token < DIGITS:
            levels[-1].append(token)
        elif token == CLOSE:
            arguments = levels.pop()
            levels[-1].append(OPERATIONS[operations.pop()](arguments))
        else:
            operations.append(TOKENS[token])
            levels.append([])
    return levels[0][0]


def to_sequences(expressions: list[bytes], steps: int) -> Sequences:
    """Turn expressions into one-hot tokens of `steps` steps, with lengths and answers."""
    tokens = np.full((len(expressions), steps), len(TOKENS), np.uint8)
    for row, expression in zip(tokens, expressions, strict=True):
        row[: len(expression)] = np.frombuffer(expression, np.uint8)
    return Sequences(
        one_hot(tokens, len(TOKENS)),
        np.array([answer(expression) for expression in expressions]),
        np.array([len(expression) for expression in expressions]),
    )
