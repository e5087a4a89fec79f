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


class BlockDrain:
    """The sums of a block leave one by one while the next block is walked.

    Attributes
    ----------
    left : Signal
        Sums that have not left.
    holding : Signal
        There are some.
    marks : Signal
        Of their step.
    leaves : Signal
        One leaves. Set by its user.
    """

    def __init__(self, lanes: int):
        self.lanes = lanes
        self.leaves = Signal(name="leaves")
        self.left = Signal(range(lanes + 1))
        self.holding = Signal()
        self.marks = Signal(2, name="out_marks", reset_less=True)

    def count(
        self, m: Module, block_ends: Value, complete: Value, step_ends: Value, pending: Signal, marks: Value
    ) -> None:
        """Add what counts the sums that leave.

        Parameters
        ----------
        block_ends : Value
            A block's last row is issued.
        complete : Value
            Its sums are there, some cycles later.
        step_ends : Value
            The next sum that leaves is its step's last.
        pending : Signal
            Set here: from the issue of a block's last row until its last sum leaves.
        marks : Value
            Of the step walked.
        """
        last_leaves = self.leaves & ((self.left == 1) | step_ends)
        with m.If(block_ends):
            m.d.sync += self.marks.eq(marks)
        m.d.sync += [
            pending.eq(block_ends | (pending & ~last_leaves)),
            self.holding.eq(complete | (self.holding & ~last_leaves)),
        ]
        with m.If(complete):
            m.d.sync += self.left.eq(self.lanes)
        with m.Elif(self.leaves):
            m.d.sync += self.left.eq(self.left - 1)


def keep_sum(m: Module, total: Signal, added: Value, valid: Value, clear: Value) -> None:
    """Replace a sum, or clear it: never both, so without "else" it takes the flip-flops' own reset."""
    with m.If(valid):
        m.d.sync += total.eq(added)
    with m.If(clear):
        m.d.sync += total.eq(0)
