"""Files of results that a benchmark goes on with where it stopped."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from quantize.reading import reading


def earlier_rows(path: Path | None, seed: int | None = None) -> list[dict[str, Any]]:
    """Rows of an earlier run's file, if there is one.

    Parameters
    ----------
    path : Path or None
    seed : int, optional
        Of all rows of the file, which has it as "seed".

    Raises
    ------
    StatespikeError
        If the file is another one, or its rows are those of another seed.
    """
    if path is None or not path.exists():
        return []
    with reading(path, "no result of this benchmark", "name another file or remove it"):
        content = json.loads(path.read_text())
        rows = content["rows"]
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise TypeError("the rows are no list of objects")
        if seed is not None and content["seed"] != seed:
            raise ValueError(f"its rows are those of seed {content['seed']}")
        return rows


def markdown_table(header: list[str], lines: Iterable[list[str]], names: int) -> str:
    """A table whose first `names` columns are text and whose others are numbers."""
    rule = ["---"] * names + ["---:"] * (len(header) - names)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [header, rule, *lines])
