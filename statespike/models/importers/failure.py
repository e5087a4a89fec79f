"""What an importer says of a file that it cannot read."""

from collections.abc import Iterable

from quantize.errors import StatespikeError


class ImportFailure(StatespikeError):
    """A file that is not what it was said to be."""


def some(names: Iterable[str], most: int = 3) -> str:
    """A few names in words, however many and however long they are."""
    shown = sorted(name if len(name) <= 60 else f"{name[:57]}..." for name in names)
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more
