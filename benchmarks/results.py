"""Files of results that a benchmark goes on with where it stopped."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from quantize.errors import StatespikeError


def earlier_rows(path: Path | None) -> list[dict[str, Any]]:
    """Rows of an earlier run's file, if there is one."""
    if path is None or not path.exists():
        return []
    try:
        return json.loads(path.read_text())["rows"]
    except (ValueError, KeyError, TypeError):
        raise StatespikeError(
            f"{path} is no result of this benchmark; name another file or remove it"
        ) from None


def markdown_table(header: list[str], lines: Iterable[list[str]], names: int) -> str:
    """A table whose first `names` columns are text and whose others are numbers."""
    rule = ["---"] * names + ["---:"] * (len(header) - names)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [header, rule, *lines])
