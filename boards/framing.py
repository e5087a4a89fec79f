"""What travels between host and board: frames with a checksum, in both directions.

Host to board, a frame: a sequence number (one byte, from 0 after each restart, modulo 256), the number of
payload bytes less one (two bytes), the payload, and a checksum (two bytes). Numbers are little-endian.

Board to host, a message: its kind (one byte), a sequence number (that of the next frame), a body whose length
follows from the kind, and a checksum.

The checksum of both is CRC-16 with polynomial x^16 + x^12 + x^5 + 1, bits taken least significant first,
all ones at the start (known as CRC-16/MCRF4XX). That of a whole frame, its own checksum included, is 0.
It finds any burst of up to 16 wrong bits, and misses one of 65,536 other faults.
"""

from collections.abc import Iterable
from enum import IntEnum

POLYNOMIAL = 0x8408
"""Of the checksum, its bits reversed; x^16 is left out."""
START = 0xFFFF
CHECKSUM_BYTES = 2
MOST_PAYLOAD = 1 << 16


class Kind(IntEnum):
    """Kinds of messages.

    READY
        After each restart, before anything else. The body is the version of the protocol and the identity of
        what was built (`Link.identity`).
    ACCEPTED
        The network has taken the frame before this sequence number. No body.
    REFUSED
        The frame was damaged, or not the one that is due. No body; nothing is taken until the next restart.
    ANSWER
        The logits of an answer.
    OVERRUN
        The same of a sequence that was longer than the network is made for.
    COUNTERS
        What the board has counted since the last restart; sent when it was asked for, see `boards.link`.
    """

    READY = 0x52
    ACCEPTED = 0x41
    REFUSED = 0x4E
    ANSWER = 0x4C
    OVERRUN = ANSWER | 1
    COUNTERS = 0x43


def _checksum_of_byte(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (POLYNOMIAL if value & 1 else 0)
    return value


_TABLE = [_checksum_of_byte(value) for value in range(256)]


def checksum(data: Iterable[int], start: int = START) -> int:
    """The CRC of some bytes."""
    for byte in data:
        start = start >> 8 ^ _TABLE[(start ^ byte) & 0xFF]
    return start


def _sealed(content: bytes) -> bytes:
    return content + checksum(content).to_bytes(CHECKSUM_BYTES, "little")


def encode_frame(number: int, payload: bytes) -> bytes:
    """A frame for the board.

    Parameters
    ----------
    number : int
        Its sequence number; only the low eight bits travel.
    payload : bytes
        At least one, at most 65,536.
    """
    if not 1 <= len(payload) <= MOST_PAYLOAD:
        raise ValueError(f"a frame holds 1 to {MOST_PAYLOAD} bytes, not {len(payload)}")
    return _sealed(bytes([number & 0xFF]) + (len(payload) - 1).to_bytes(2, "little") + payload)


def decode_frame(frame: bytes) -> tuple[int, bytes] | None:
    """Sequence number and payload of a frame; None if it is damaged."""
    length = int.from_bytes(frame[1:3], "little") + 1
    if len(frame) != 3 + length + CHECKSUM_BYTES or checksum(frame):
        return None
    return frame[0], frame[3 : 3 + length]


def encode_message(kind: Kind, number: int, body: bytes = b"") -> bytes:
    """A message for the host."""
    return _sealed(bytes([kind, number & 0xFF]) + body)


def decode_message(message: bytes) -> tuple[Kind, int, bytes] | None:
    """Kind, sequence number and body of a message; None if it is damaged."""
    if len(message) < 2 + CHECKSUM_BYTES or checksum(message) or message[0] not in set(Kind):
        return None
    return Kind(message[0]), message[1], message[2:-CHECKSUM_BYTES]
