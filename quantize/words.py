"""Words of the sentences that users read."""


def count(number: int, noun: str) -> str:
    """A number of things: "1 lane", "1,024 classes", "0 memories"."""
    if number != 1:
        if noun.endswith("y"):
            noun = f"{noun[:-1]}ie"
        elif noun.endswith("s"):
            noun = f"{noun}e"
        noun += "s"
    return f"{number:,} {noun}"
