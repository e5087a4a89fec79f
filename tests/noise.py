"""Faults on a serial line, for tests."""

import random

from boards.pipe import BytePipe


class NoisyLine:
    """A pipe that flips, drops, repeats and adds bytes on the way, and loses breaks.

    Parameters
    ----------
    pipe : BytePipe
    rate : float
        Faults a byte.
    seed : int
    """

    def __init__(self, pipe: BytePipe, rate: float, seed: int):
        self.pipe, self.rate, self.random = pipe, rate, random.Random(seed)
        self.faults = 0
        self.came = bytearray()

    def _through(self, data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            if self.random.random() >= self.rate:
                out.append(byte)
                continue
            self.faults += 1
            out += self.random.choice(
                [
                    bytes([byte ^ 1 << self.random.randrange(8)]),
                    bytes([byte ^ self.random.randrange(1, 256)]),
                    b"",
                    bytes([byte, byte]),
                    bytes([self.random.randrange(256), byte]),
                ]
            )
        return bytes(out)

    def write(self, data: bytes) -> None:
        self.pipe.write(self._through(data))

    def read(self, count: int) -> bytes:
        while len(self.came) < count:
            self.came += self._through(self.pipe.read(1))
        data = bytes(self.came[:count])
        del self.came[:count]
        return data

    def send_break(self) -> None:
        if self.random.random() < self.rate:
            self.faults += 1
        else:
            self.pipe.send_break()
