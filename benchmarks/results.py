"""Files of results that a benchmark goes on with where it stopped."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from quantize.reading import reading


def earlier_rows(path: Path | None) -> list[dict[str, Any]]:
    """Rows of an earlier run's file, if there is one."""
    if path is None or not path.exists():
        return []
    with reading(path, "no result of this benchmark", "name another file or remove it"):
        rows = json.loads(path.read_text())["rows"]
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise TypeError("the rows are no list of objects")
        return rows


def markdown_table(header: list[str], lines: Iterable[list[str]], names: int) -> str:
    """A table whose first `names` columns are text and whose others are numbers."""
    rule = ["---"] * names + ["---:"] * (len(header) - names)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [header, rule, *lines])
