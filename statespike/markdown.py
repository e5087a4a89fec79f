"""Tables of figures in pages that people write."""

from collections.abc import Sequence
from pathlib import Path

from quantize.errors import StatespikeError
from quantize.files import write_whole


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown: all columns but the first are numbers, and stand at the right."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [header, rule, *rows])


def put_table(page: Path, name: str, table: str) -> None:
    """Write a table into a page, in the place of an earlier one of its name.

    Parameters
    ----------
    page : Path
        With the lines `<!-- table NAME -->` and `<!-- end of table NAME -->`.
    name, table : str

    Raises
    ------
    StatespikeError
        If the page has no such lines.
    """
    begin, end = f"<!-- table {name} -->\n", f"<!-- end of table {name} -->"
    text = page.read_text()
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise StatespikeError(
            f"{page} has no place for the table {name}; add the lines {begin.strip()!r} and {end!r}"
        )
    write_whole(page, f"{before}{begin}\n{table}\n\n{closed}{after}".encode())
