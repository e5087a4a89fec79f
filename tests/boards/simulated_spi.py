"""A host at the SPI pins of a top in Amaranth's simulator, with edges at drawn times."""

from collections import deque
from random import Random

from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator, SimulatorContext

from boards.spi import LEAST_CYCLES
from boards.top import SpiTop

PERIOD = 1e-6
"""Of the clock."""


class SimulatedBus:
    """`SpiBus` into a simulated board.

    Parameters
    ----------
    top : SpiTop
    seed : int
        Of the times.
    longest : float
        Most clock cycles that SCK and chip select stay at a level; the least are those that a board bears.

    Attributes
    ----------
    now : float
        Simulated seconds.
    """

    name = "a simulated bus"

    def __init__(self, top: SpiTop, seed: int = 0, longest: float = 2 * LEAST_CYCLES):
        self._top, self._random, self._longest = top, Random(seed), longest
        self._bits: deque[list[int]] = deque()
        self._came: list[int] = []
        self._done = True
        self.now = 0.0
        board = Module()
        board.domains.sync = domain = ClockDomain()
        board.submodules.top = top
        board.d.comb += domain.rst.eq(top.restart)
        self._simulator = Simulator(board)
        self._simulator.add_clock(PERIOD)
        self._simulator.add_testbench(self._bench, background=True)

    async def _hold(self, ctx: SimulatorContext) -> None:
        await ctx.delay(PERIOD * self._random.uniform(LEAST_CYCLES, self._longest))

    async def _bench(self, ctx: SimulatorContext) -> None:
        top = self._top
        ctx.set(top.cs_n, 1)
        while True:
            await self._hold(ctx)
            if not self._bits:
                continue
            ctx.set(top.cs_n, 0)
            for bit in self._bits.popleft():
                ctx.set(top.mosi, bit)
                await self._hold(ctx)
                self._came.append(ctx.get(top.miso))
                ctx.set(top.sck, 1)
                await self._hold(ctx)
                ctx.set(top.sck, 0)
            await self._hold(ctx)
            ctx.set(top.cs_n, 1)
            await self._hold(ctx)
            self._done = True

    def exchange_bits(self, bits: list[int]) -> list[int]:
        """Exchange any number of bits while the board is selected."""
        self._came, self._done = [], False
        self._bits.append(bits)
        while not self._done:
            self.now += 100 * PERIOD
            self._simulator.run_until(self.now)
        return self._came

    def exchange(self, data: bytes) -> bytes:
        """See `SpiBus`."""
        came = self.exchange_bits([byte >> place & 1 for byte in data for place in reversed(range(8))])
        return bytes(
            sum(bit << place for bit, place in zip(came[start : start + 8], reversed(range(8)), strict=True))
            for start in range(0, len(came), 8)
        )

    def close(self) -> None:
        """See `SpiBus`."""
