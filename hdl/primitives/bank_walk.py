"""Two banks of a memory: one is collected while the other one is walked, block by block."""

from amaranth.hdl import Module, Signal, Value


class BankWalk:
    """When a bank may be collected, and when the other one is walked.

    A walk begins when a bank is full, and ends with the last row of its last block. A cycle without a row
    follows every block. Not a component of its own: its registers stand in the module that reads them.

    Attributes
    ----------
    filled : Signal
        Banks that are full.
    walking : Signal
        A walk is under way.
    pausing : Signal
        The cycle after a block.
    bank : Signal
        The bank walked.
    """

    def __init__(self) -> None:
        self.filled = Signal(range(3))
        self.walking, self.pausing = Signal(), Signal()
        self.bank = Signal()

    def may_begin(self) -> Value:
        """A walk may begin: none is under way, and a bank is full."""
        return ~self.walking & ~self.pausing & (self.filled != 0)

    def fill(self, m: Module, collected: Value, walk_ends: Value) -> None:
        """Count the full banks: a step is collected, a walk ends."""
        m.d.sync += self.filled.eq(self.filled + collected - walk_ends)

    def pause(self, m: Module, block_ends: Value) -> None:
        """A block ends."""
        m.d.sync += self.pausing.eq(block_ends)

    def walk(self, m: Module, begins: Value, walk_ends: Value) -> None:
        """A walk begins, or ends; never both in one cycle."""
        m.d.sync += [
            self.walking.eq(begins | (self.walking & ~walk_ends)),
            self.bank.eq(self.bank ^ walk_ends),
        ]


def ages(m: Module, count: int, **flags: Value) -> list[list[Value]]:
    """Flags as they were 0..count cycles ago, in registers called after them."""
    found = [[flag] for flag in flags.values()]
    for age in range(1, count + 1):
        registers = [Signal(name=f"{name}_{age}") for name in flags]
        m.d.sync += [register.eq(flag[-1]) for register, flag in zip(registers, found, strict=True)]
        for register, flag in zip(registers, found, strict=True):
            flag.append(register)
    return found
