"""Words of the sentences that users read."""


def per_second(rate: float) -> str:
    """A speed in words of three digits or more: "62500", "0.488"."""
    return f"{rate:.0f}" if rate >= 100 else f"{rate:.3g}"


def count(number: int, noun: str) -> str:
    """A number of things: "1 lane", "1,024 classes", "0 memories"."""
    if number != 1:
        if noun.endswith("y"):
            noun = f"{noun[:-1]}ie"
        elif noun.endswith("s"):
            noun = f"{noun}e"
        noun += "s"
    return f"{number:,} {noun}"
