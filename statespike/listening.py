"""What a network that listens to a stream detects, and how many of the spoken words that are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from statespike.models.tasks.spoken_stream import Spoken


@dataclass(frozen=True)
class Rule:
    """When an answer is a detection, and when a detection is a hit.

    Parameters
    ----------
    threshold : float
        Logits by which the best word must be above `none`.
    agree : int
        Answers in a row that must say the same word so clearly.
    refractory : float
        Seconds after a detection in which there is no other one.
    margin : float
        Seconds behind a word's end within which a detection still hits it.
    """

    threshold: float
    agree: int
    refractory: float
    margin: float


class Detection(NamedTuple):
    """When a network said a word, in seconds, and which."""

    time: float
    word: int


@dataclass(frozen=True)
class Outcome:
    """What became of the words of a stream.

    Parameters
    ----------
    seconds : float
        Length of the stream.
    hit : bool (words,)
        Each word's: whether the first detection of it lies between its start and a margin behind its end.
    wrong : int
        False alarms while a word was spoken, or within the margin behind it: of another word, or again.
    alone : int
        False alarms in pauses.
    """

    seconds: float
    hit: NDArray[np.bool_]
    wrong: int
    alone: int

    @property
    def hits(self) -> int:
        return int(self.hit.sum())

    def figures(self) -> dict[str, Any]:
        """All of it for a JSON file."""
        hours, words = self.seconds / 3600, len(self.hit)
        return {
            "seconds": self.seconds,
            "words": words,
            "hits": self.hits,
            "misses": words - self.hits,
            "hit_rate": self.hits / max(words, 1),
            "false_alarms": self.wrong + self.alone,
            "false_alarms_in_words": self.wrong,
            "false_alarms_in_pauses": self.alone,
            "false_alarms_per_hour": (self.wrong + self.alone) / hours,
            "false_alarms_in_pauses_per_hour": self.alone / hours,
        }


def leads(logits: NDArray[np.floating]) -> tuple[NDArray[np.intp], NDArray[np.floating]]:
    """Return the best word of each answer (answers, words + 1), and its lead over the last class, none."""
    words = logits[:, :-1]
    return words.argmax(1), words.max(1) - logits[:, -1]


def detect(times: NDArray[np.floating], logits: NDArray[np.floating], rule: Rule) -> list[Detection]:
    """Find the detections.

    Parameters
    ----------
    times : (answers,)
        Seconds at which they are known.
    logits : (answers, words + 1)
    rule : Rule
    """
    found: list[Detection] = []
    agreeing, before = 0, -1
    for time, word, lead in zip(times, *leads(logits), strict=True):
        agreeing = 0 if lead <= rule.threshold else agreeing + 1 if word == before else 1
        before = word
        if agreeing >= rule.agree and (not found or time >= found[-1].time + rule.refractory):
            found.append(Detection(float(time), int(word)))
    return found


def judge(
    spoken: Sequence[Spoken], detections: Sequence[Detection], rule: Rule, rate: int, seconds: float
) -> Outcome:
    """Tell hits from misses and false alarms; `rate` is that of the samples that words are placed by."""
    starts = np.array([word.start / rate for word in spoken])
    ends = np.array([word.end / rate + rule.margin for word in spoken])
    hit = np.zeros(len(spoken), bool)
    wrong = alone = 0
    for time, said in detections:
        near = [int(place) for place in np.flatnonzero((starts <= time) & (time <= ends))]
        right = [place for place in near if spoken[place].digit == said and not hit[place]]
        if right:
            hit[right[0]] = True
        elif near:
            wrong += 1
        else:
            alone += 1
    return Outcome(seconds, hit, wrong, alone)
