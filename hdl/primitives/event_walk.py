"""The list of a step's values that are not zero, and the walk over it, once for each block of outputs."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream

from hdl.primitives.bank_walk import BankWalk
from hdl.primitives.fixed import count_width
from hdl.primitives.memory import ram
from hdl.primitives.streams import Beat, marks_of


class EventWalk:
    """Collects events in one of two banks while the other one is walked.

    Not a component of its own: its registers stand in the module whose lanes add the rows. A mixer calls
    `take`, `list` and `walk`, in this order.

    Parameters
    ----------
    channels : int
        Values of a step.
    blocks : int
        Walks over each list.
    rows : int
        Rows of the weight memory that an event has, one after the other: 1 or 2.
    layers : int
        Step after step the blocks of another layer, whose rows follow in the same memory.

    Attributes
    ----------
    issue : Signal
        A row is issued.
    block_ends : Value
        The row is the last one of its block.
    empty : Signal
        The list has no event; a row without one is issued all the same.
    pending : Signal
        The sums of the block before have not left, so that the next one may not end. Set by the drain.
    marks : Signal
        Of the step walked.
    address : Value
        Of the weight row, a cycle after its issue, before the second row of an event is told apart.
    second : Signal
        The row is an event's second one; only where events have two.
    kept : Value
        What the event keeps of its value, a cycle after the row's issue.
    """

    def __init__(self, channels: int, blocks: int, rows: int = 1, layers: int = 1):
        self.channels, self.blocks, self.rows, self.layers = channels, blocks, rows, layers
        self.index_width = count_width(channels)
        self.banks = BankWalk()

    def take(self, m: Module, i: stream.Interface, width: int) -> Signal:
        """A beat of values of this width, registered first: long paths lie before it, and behind it."""
        arrived = Signal(Beat(width), reset_less=True)
        self._sequential, self._waits_next = Signal(), Signal()
        self._may_take = Signal(name="may_take", init=1)
        m.d.comb += [
            i.ready.eq(self._may_take),
            self._waits_next.eq(Mux(self._may_take, i.valid, self._sequential)),
        ]
        m.d.sync += self._sequential.eq(self._waits_next)
        with m.If(self._may_take):
            m.d.sync += arrived.eq(i.payload)
        self._arrived = arrived
        return arrived

    def list(self, m: Module, kept: Value) -> None:
        """What is not zero, into the bank that is not walked, with what is kept of it."""
        channels, arrived = self.channels, self._arrived
        write, self._read = ram(m, "events", 2 * channels, self.index_width + len(kept))
        given = Signal(self.index_width)
        listed = Signal(range(channels + 1))
        collecting_bank = Signal()
        self._events = events = Signal(range(channels + 1), name="events", reset_less=True)
        self._collected_marks = marks = Signal(2, name="marks", reset_less=True)
        take, collect_ends, walk_ends = Signal(), Signal(), Signal()
        self._taken, self._collect_ends, self._walk_ends = take, collect_ends, walk_ends
        nonzero = arrived.value != 0
        listed_next = Signal.like(listed)
        m.d.comb += [
            collect_ends.eq(take & (given == channels - 1)),
            listed_next.eq(listed + nonzero),
            write.en.eq(take & nonzero),
            write.addr.eq(listed + Mux(collecting_bank, channels, 0)),
            write.data.eq(Cat(given, kept)),
        ]
        self.banks.fill(m, collect_ends, walk_ends)
        with m.If(take):
            m.d.sync += [given.eq(given + 1), listed.eq(listed_next), marks.eq(marks_of(arrived))]
            with m.If(collect_ends):
                m.d.sync += [given.eq(0), listed.eq(0), events.eq(listed_next)]
                m.d.sync += collecting_bank.eq(~collecting_bank)

    def walk(self, m: Module) -> None:
        """`row` along the list, `block` within the step; a cycle without a row after every block."""
        channels, banks = self.channels, self.banks
        row = Signal(range(channels))
        block = Signal(range(self.blocks))
        self._base = base = Signal(range(self.layers * self.blocks * channels), name="base")
        self.empty = Signal(reset_less=True)
        self.marks = Signal(2, name="walk_marks", reset_less=True)
        self.pending, self.issue = Signal(), Signal(name="issue")
        # The last event is known a cycle ahead, because much logic depends on it.
        last_row, short = Signal(), Signal(reset_less=True)
        before_last = Signal(range(channels), reset_less=True)
        last_block = block == self.blocks - 1
        all_end = last_block
        if self.layers > 1:
            all_end = base == (self.layers * self.blocks - 1) * channels
        # Where events have two rows, the second one goes on to the next event.
        self.second, goes_on, self.block_ends = Signal(), self.issue, last_row
        if self.rows == 2:
            m.d.sync += self.second.eq(self.second ^ self.issue)
            goes_on, self.block_ends = self.issue & self.second, last_row & self.second
        m.d.comb += [
            self.issue.eq(banks.walking & ~banks.pausing & ~(self.block_ends & self.pending)),
            self._walk_ends.eq(self.issue & self.block_ends & last_block),
            self._read.addr.eq(row + Mux(banks.bank, channels, 0)),
        ]
        banks.pause(m, self.issue & self.block_ends)
        with m.If(goes_on):
            m.d.sync += [
                row.eq(Mux(last_row, 0, row + 1)),
                last_row.eq(short | (~last_row & (row == before_last))),
            ]
            with m.If(last_row):
                m.d.sync += block.eq(Mux(last_block, 0, block + 1))
                m.d.sync += base.eq(Mux(all_end, 0, base + channels))
        begins = self._begin(m)
        with m.If(begins):
            m.d.sync += [
                last_row.eq(self._events <= 1),
                short.eq(self._events <= 1),
                before_last.eq(self._events - 2),
                self.empty.eq(self._events == 0),
                self.marks.eq(self._collected_marks),
            ]

    def _begin(self, m: Module) -> Signal:
        """A walk begins where none is under way, so never as one ends."""
        banks = self.banks
        # What is known late decides by data, not by the flip-flops' enable, whose path is longer.
        begins = Signal()
        m.d.comb += begins.eq(banks.may_begin())
        banks.walk(m, begins, self._walk_ends)
        # A full list waits until its length has been taken over, as a walk begins: the next step would
        # replace it. What depends on that, here and in front, starts from a register.
        may_list = ~self._collect_ends & (
            (banks.filled == 0) | ((banks.filled == 1) & (banks.walking | ~banks.pausing))
        )
        m.d.sync += [
            self._taken.eq(self._waits_next & may_list),
            self._may_take.eq(~self._waits_next | may_list),
        ]
        return begins

    def event(self, m: Module) -> tuple[Value, Value]:
        """An event of the list, a cycle after its issue: its weight row's address, and what is kept of it."""
        base = Signal.like(self._base, name="base_1", reset_less=True)
        m.d.sync += base.eq(self._base)
        event = self._read.data
        return base + event.as_unsigned()[: self.index_width], event[self.index_width :]
