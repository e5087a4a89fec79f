"""What the bytes of an SPI line mean, in both directions: idle, restart, or a byte of a frame or message.

A transfer exchanges a byte for a byte, wanted or not, and ends anywhere. So a byte that has nothing to say is
`IDLE`; a byte of a frame or message that would look like one of the three special ones travels as `ESCAPE`
and itself with the bits of `TURNED` turned over. Any two of the three differ in four bits at least, so no
single wrong bit makes one of another. `RESTART`, from the host only, is what a break is on a serial line: it
is obeyed wherever it stands.
"""

from collections.abc import Iterable

IDLE, ESCAPE, RESTART = 0x5A, 0xA5, 0xC3
SPECIAL = (IDLE, ESCAPE, RESTART)
TURNED = 0x20


def escaped(data: Iterable[int]) -> bytes:
    """Bytes of frames as they travel."""
    return b"".join(bytes([ESCAPE, byte ^ TURNED]) if byte in SPECIAL else bytes([byte]) for byte in data)


class Unescaper:
    """Takes what travelled apart; it may come in pieces."""

    def __init__(self) -> None:
        self._turns = False

    def __call__(self, travelled: Iterable[int]) -> bytes:
        """The bytes of messages in it."""
        found = bytearray()
        for byte in travelled:
            if byte == ESCAPE:
                self._turns = True
            elif byte not in SPECIAL:
                found.append(byte ^ TURNED if self._turns else byte)
                self._turns = False
        return bytes(found)
