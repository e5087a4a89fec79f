"""A board without a board: the top in Amaranth's simulator, at the other end of a byte pipe."""

from collections import deque

from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator, SimulatorContext

from boards.pipe import LinkError
from boards.top import BoardTop

_PERIOD = 1e-6
_CHUNK = 200
"""Cycles simulated at a time while the host waits for a byte."""


class _Talker:
    """The host's transmitter: what it says, as the level of the line in each cycle."""

    def __init__(self, divisor: int):
        self.divisor = divisor
        self.queue: deque[int | None] = deque()
        self.levels: deque[int] = deque()

    def level(self) -> int:
        """Level in the next cycle."""
        if not self.levels and self.queue:
            byte = self.queue.popleft()
            # A break is a start bit as long as two bytes.
            bits = [0] * 20 + [1] if byte is None else [0, *(byte >> k & 1 for k in range(8)), 1]
            self.levels.extend(bit for bit in bits for _ in range(self.divisor))
        return self.levels.popleft() if self.levels else 1

    @property
    def busy(self) -> bool:
        """Whether there is something left to say."""
        return bool(self.queue or self.levels)


class _Listener:
    """The host's receiver: a start bit's edge, then a sample in the middle of each bit."""

    def __init__(self, divisor: int):
        self.divisor = divisor
        self.bytes = bytearray()
        self.cycle = -1
        self.byte = 0

    def hear(self, level: int) -> None:
        """Level in this cycle."""
        if self.cycle < 0:
            if level:
                return
            self.byte = 0
        self.cycle += 1
        bit, phase = divmod(self.cycle, self.divisor)
        if phase == self.divisor // 2:
            if 1 <= bit <= 8:
                self.byte |= level << (bit - 1)
            elif bit == 9:
                self.bytes.append(self.byte)
                self.cycle = -1


class VirtualBoard:
    """`BytePipe` into a simulated board, bit by bit over its two lines.

    Parameters
    ----------
    top : BoardTop
        A small divisor keeps it fast.
    watchdog : int
        Cycles that a read waits for bytes when all has been sent.
    """

    def __init__(self, top: BoardTop, watchdog: int = 100_000):
        self._top = top
        self._watchdog = watchdog
        self._talker = _Talker(top.divisor)
        self._listener = _Listener(top.divisor)
        self._cycles = 0
        board = Module()
        board.domains.sync = domain = ClockDomain()
        board.submodules.top = top
        board.d.comb += domain.rst.eq(top.restart)
        self._simulator = Simulator(board)
        self._simulator.add_clock(_PERIOD)
        self._simulator.add_testbench(self._bench, background=True)

    async def _bench(self, ctx: SimulatorContext) -> None:
        before = None
        while True:
            level = self._talker.level()
            if level != before:
                ctx.set(self._top.rx, level)
                before = level
            *_, answer = await ctx.tick().sample(self._top.tx)
            self._listener.hear(int(answer))

    def _advance(self) -> None:
        self._cycles += _CHUNK
        self._simulator.run_until(self._cycles * _PERIOD)

    def write(self, data: bytes) -> None:
        """See `BytePipe`."""
        self._talker.queue.extend(data)

    def read(self, count: int) -> bytes:
        """See `BytePipe`."""
        received = self._listener.bytes
        deadline = self._cycles + self._watchdog
        while len(received) < count:
            if self._talker.busy:
                deadline = self._cycles + self._watchdog
            elif self._cycles >= deadline:
                raise LinkError(f"the virtual board fell silent for {self._watchdog} cycles")
            self._advance()
        data = bytes(received[:count])
        del received[:count]
        return data

    def send_break(self) -> None:
        """See `BytePipe`."""
        self._talker.queue.append(None)
        while self._talker.busy:
            self._advance()
