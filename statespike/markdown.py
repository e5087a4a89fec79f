"""Tables of figures in pages that people write."""

from collections.abc import Sequence
from pathlib import Path

from quantize.errors import StatespikeError
from quantize.files import write_whole
from quantize.reading import reading, require_file


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown: all columns but the first are numbers, and stand at the right."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [header, rule, *rows])


def put_table(page: Path, name: str, table: str) -> None:
    """Write a table into a page, in the place of an earlier one of its name.

    Parameters
    ----------
    page : Path
        See `require_place`.
    name, table : str

    Raises
    ------
    StatespikeError
        If the page has no such lines.
    """
    before, after = require_place(page, name)
    write_whole(page, f"{before}\n{table}\n\n{after}".encode())


def require_place(page: Path, name: str) -> tuple[str, str]:
    """The text of a page before and after the place of a table.

    Parameters
    ----------
    page : Path
        With the lines `<!-- table NAME -->` and `<!-- end of table NAME -->`.
    name : str

    Raises
    ------
    StatespikeError
        If the page has no such lines.
    """
    begin, end = f"<!-- table {name} -->\n", f"<!-- end of table {name} -->"
    advice = f"add the lines {begin.strip()!r} and {end!r}"
    require_file(page, advice)
    with reading(page, "not a page of text", advice):
        text = page.read_text(encoding="utf-8")
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise StatespikeError(f"{page} has no place for the table {name}; {advice}")
    return f"{before}{begin}", f"{closed}{after}"
