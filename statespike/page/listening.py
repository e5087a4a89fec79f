"""A stream of spoken words and what was detected in it, a row for every half minute."""

from collections.abc import Sequence

from statespike.listening import Detection, Outcome
from statespike.models.tasks.spoken_stream import Spoken
from statespike.page.charts import WIDTH, box, svg, text
from statespike.page.document import standalone

ROW_SECONDS = 30.0
LEFT, TALL = 44, 46
"""Place of the time at the left, and height of a row."""


def stream_drawing(
    spoken: Sequence[Spoken], detections: Sequence[Detection], outcome: Outcome, rate: int
) -> str:
    """Draw a stream as an SVG file: words as boxes, hit or missed, and detections as marks below them."""
    rows = max(1, int(-(-outcome.seconds // ROW_SECONDS)))
    scale = (WIDTH - LEFT) / ROW_SECONDS
    parts = [box(0, 2, 12, 12, "first"), text(16, 12, "hit"), box(50, 2, 12, 12, "second")]
    parts.append(text(66, 12, "missed; below the boxes, what was detected, and when"))
    parts += [text(0, 46 + TALL * row, f"{row * ROW_SECONDS:g} s") for row in range(rows)]
    for (digit, start, end), hit in zip(spoken, outcome.hit, strict=True):
        row, within = divmod(start / rate, ROW_SECONDS)
        x, y = LEFT + within * scale, 20 + TALL * row
        parts += [
            box(x, y + 12, (end - start) / rate * scale, 8, "first" if hit else "second"),
            text(x, y + 10, str(digit)),
        ]
    for time, word in detections:
        row, within = divmod(time, ROW_SECONDS)
        x, y = LEFT + within * scale, 20 + TALL * row
        parts += [box(x, y + 21, 1.5, 6, "third"), text(x, y + 38, str(word), "middle")]
    return standalone(svg(20 + TALL * rows, parts, "Spoken digits in a stream, and what was detected"))
