"""The control of a `StepNorm`: which walk over a step's channels is under way, and how far it has come."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from hdl.norm.rsqrt import ReciprocalSquareRoot
from hdl.primitives.counters import next_is_last
from hdl.primitives.deep_fifo import RegisterCreditFifo
from hdl.primitives.registers import delayed

# The four walks over a step's channels, in order.
SQUARE, SCALE, NORMALISE, GAIN = range(4)


class Walks:
    """The walks over a bank, one after the other; in the end its channels leave.

    Not a component of its own: its registers stand in the module whose datapath reads them. There is a
    register for each state.

    Parameters
    ----------
    channels : int
    settling : (int, int, int, int)
        Cycles from each walk's last issue until what follows begins.
    ages : int
        Cycles from a channel's issue to its write-back.
    averages : bool
        The mean takes a product, before the first walk.

    Attributes
    ----------
    kind : Signal
        The walk under way, or the last one.
    channel : Signal
        Its next channel.
    bank : Signal
        The bank worked on.
    full : Signal
        The other bank has a step that waits. Set by the collection.
    begins, issue, settled : Signal
        Work on a step begins; a channel is issued; the last one's result is there.
    issued : list of Signal
        `issue` as it was 0, 1, ... cycles ago.
    averaging, rooting : Signal
        The mean's product, or the root, is under way.
    leaves, step_leaves : Signal
        A channel leaves the bank, or its last one.
    """

    # Cycles for which a channel's address stands, and so its word, while GELU's table is read.
    CHANNEL_CYCLES = 2

    def __init__(self, channels: int, settling: tuple[int, int, int, int], ages: int, *, averages: bool):
        self.channels, self.settling_cycles, self.ages, self.averages = channels, settling, ages, averages
        self.kind = Signal(2, name="walk")
        self.working, self.walking, self.settling, self.rooting, self.leaving = (
            Signal(name=name) for name in ("working", "walking", "settling", "rooting", "leaving")
        )
        self.averaging, self.full = Signal(), Signal()
        self.bank = Signal()
        self.channel = Signal(range(channels))
        # Registers, because much logic depends on them.
        self.last_channel, self.settled = Signal(init=channels == 1), Signal()
        self.ripe = Signal()
        self.begins, self.issue, self.walk_ends = Signal(), Signal(), Signal()
        self.step_leaves = Signal()

    def control(
        self, m: Module, claimed: Value, root: ReciprocalSquareRoot, outlet: RegisterCreditFifo
    ) -> None:
        """Add the states and what decides them.

        Parameters
        ----------
        m : Module
        claimed : Value
            An arriving value takes this cycle, so nothing is issued.
        root : ReciprocalSquareRoot
            Started here, and told to divide.
        outlet : RegisterCreditFifo
            Where channels leave to.
        """
        self.leaves = outlet.enter
        left = delayed(m, self.leaves, self.CHANNEL_CYCLES - 1)
        found = Mux(self.kind == SCALE, root.scaled, root.done)  # what the walk to come has waited for
        m.d.comb += [
            self.begins.eq(self.full & (~self.working | self.step_leaves)),
            self.issue.eq(self.walking & ~claimed),
            self.walk_ends.eq(self.issue & (self.last_channel | self.averaging)),
            self.settled.eq(self.settling & self.ripe),
            self.leaves.eq(self.leaving & outlet.room & ~left),
            self.step_leaves.eq(left & self.last_channel),
        ]
        self._states(m, root, found)
        self._count(m, left)

    def _states(self, m: Module, root: ReciprocalSquareRoot, found: Value) -> None:
        """A walk, its settling, the wait for the root; after the last walk, the channels leave."""
        settled, kind, step_leaves = self.settled, self.kind, self.step_leaves
        m.d.sync += [
            self.working.eq(self.begins | (self.working & ~step_leaves)),
            self.walking.eq(
                self.begins
                | (self.walking & ~self.walk_ends)
                | (settled & (self.averaging | (kind == NORMALISE)))
                | (self.rooting & found)
            ),
            self.settling.eq(self.walk_ends | (self.settling & ~self.ripe)),
            root.start.eq(settled & ~self.averaging & (kind == SQUARE)),
            root.divide.eq(kind == NORMALISE),
            self.rooting.eq(
                (settled & ~self.averaging & ((kind == SQUARE) | (kind == SCALE))) | (self.rooting & ~found)
            ),
            self.leaving.eq((settled & (kind == GAIN)) | (self.leaving & ~step_leaves)),
            self.averaging.eq(self.begins | (self.averaging & ~settled) if self.averages else 0),
            self.bank.eq(self.bank ^ step_leaves),
        ]
        # The last walk is under way until its channels leave.
        with m.If(self.begins):
            m.d.sync += kind.eq(SQUARE)
        with m.Elif(settled & ~self.averaging & (kind != GAIN)):
            m.d.sync += kind.eq(kind + 1)

    def _count(self, m: Module, left: Value) -> None:
        """The channel; the ages of issues, and so when a walk has settled."""
        with m.If((self.issue & ~self.averaging) | left):
            m.d.sync += [
                self.channel.eq(Mux(self.last_channel, 0, self.channel + 1)),
                self.last_channel.eq(next_is_last(self.channel, self.channels)),
            ]
        # A walk has settled when its last issue is so many cycles old.
        self.issued = [self.issue, *(delayed(m, self.issue, age) for age in range(1, self.ages + 1))]
        recent = Cat(self.walking, *self.issued[1:])
        with m.Switch(self.kind):
            for walk, cycles in enumerate(self.settling_cycles):
                with m.Case(walk):
                    m.d.sync += self.ripe.eq(recent[: cycles - 1] == 0)
