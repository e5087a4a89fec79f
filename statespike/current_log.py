"""A log of a measured current: text of two columns, time in seconds and current in amperes."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from quantize.errors import StatespikeError
from quantize.reading import require_file

HEADER = ["time", "current"]


@dataclass(frozen=True)
class CurrentLog:
    """What a log comes to.

    Parameters
    ----------
    seconds : float
        From the first sample to the last.
    samples : int
    amperes : float
        Mean over the time.
    """

    seconds: float
    samples: int
    amperes: float


def read_log(path: Path) -> CurrentLog:
    """Read a log: the line `time,current`, then at least two lines of numbers in the order of time.

    Raises
    ------
    StatespikeError
        If the file is missing or holds something else; it names the line.
    """
    advice = "a log has the header time,current and then seconds and amperes"
    require_file(path, advice)
    before: tuple[float, float] | None = None
    first = seconds = charge = 0.0
    samples = 0
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = csv.reader(file)
            header = [name.strip() for name in next(lines, [])]
            if header != HEADER:
                raise StatespikeError(f"{path}: line 1 is no header {','.join(HEADER)}; {advice}")
            for cells in lines:
                place = f"{path}: line {lines.line_num}"
                try:
                    time, current = (float(cell) for cell in cells)
                except ValueError:
                    raise StatespikeError(f"{place} is not two numbers; {advice}") from None
                if not (math.isfinite(time) and math.isfinite(current)):
                    raise StatespikeError(f"{place} has a number that is not finite; {advice}")
                if before is None:
                    first = time
                else:
                    if time <= before[0]:
                        raise StatespikeError(f"{place} is not later than the line before it; {advice}")
                    charge += (time - before[0]) * (current + before[1]) / 2
                before = time, current
                samples += 1
                seconds = time - first
    except (UnicodeDecodeError, csv.Error) as error:
        raise StatespikeError(f"{path} is no text file of numbers; {advice}") from error
    if samples < 2:
        raise StatespikeError(f"{path} has {samples} samples, two at least are needed; {advice}")
    return CurrentLog(seconds, samples, charge / seconds)
