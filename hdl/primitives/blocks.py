"""How many outputs a mixer computes at a time."""


def block_sizes(outputs: int) -> list[int]:
    """Numbers worth choosing from, the smallest first: those that no smaller number equals in blocks."""
    return sorted({-(-outputs // blocks) for blocks in range(1, outputs + 1)})
