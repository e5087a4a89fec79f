# amaranth: UnusedElaboratable=no
"""Frames and messages: a known checksum, the same in gates, and no damage of a byte that goes unnoticed."""

import random

import pytest
from amaranth.sim import Simulator

from boards.crc import SerialChecksum
from boards.framing import Kind, checksum, decode_frame, decode_message, encode_frame, encode_message


def test_checksum_is_the_one_of_its_name():
    assert checksum(b"123456789") == 0x6F91  # check value of CRC-16/MCRF4XX
    assert checksum(b"") == 0xFFFF


@pytest.mark.parametrize("length", [1, 2, 255, 256, 257, 1000])
def test_frames_come_back(length):
    payload = random.Random(length).randbytes(length)
    assert decode_frame(encode_frame(300, payload)) == (300 % 256, payload)


@pytest.mark.parametrize("payload", [b"", bytes((1 << 16) + 1)])
def test_payloads_that_fit_no_frame_are_told(payload):
    with pytest.raises(ValueError, match="a frame holds 1 to 65536 bytes"):
        encode_frame(0, payload)


@pytest.mark.parametrize("kind", Kind)
def test_messages_come_back(kind):
    assert decode_message(encode_message(kind, 7, b"body")) == (kind, 7, b"body")


def test_unknown_kinds_and_short_messages_are_none():
    assert decode_message(encode_message(1, 7)) is None
    assert decode_message(b"") is None
    assert decode_frame(b"") is None


def test_no_damage_of_one_byte_goes_unnoticed():
    frame, message = encode_frame(3, b"\x00\xffsteps"), encode_message(Kind.ANSWER, 4, b"\x00\x00logits")
    for place in range(len(frame)):
        assert decode_frame(frame[:place] + frame[place + 1 :]) is None
        assert decode_frame(frame[:place] + frame[place : place + 1] + frame[place:]) is None
        for flip in range(1, 256):
            assert decode_frame(frame[:place] + bytes([frame[place] ^ flip]) + frame[place + 1 :]) is None
    for place in range(len(message)):
        for flip in range(1, 256):
            assert (
                decode_message(message[:place] + bytes([message[place] ^ flip]) + message[place + 1 :])
                is None
            )


def test_gates_compute_the_same_checksum():
    dut = SerialChecksum()
    data = random.Random(5).randbytes(20)

    async def bench(ctx):
        for _ in range(2):
            ctx.set(dut.shift, 1)
            for byte in data:
                for place in range(8):
                    ctx.set(dut.bit, byte >> place & 1)
                    await ctx.tick()
            assert ctx.get(dut.value) == checksum(data)
            sent = []
            for _ in range(2):
                sent.append(ctx.get(dut.value) & 0xFF)
                for place in range(8):
                    ctx.set(dut.bit, sent[-1] >> place & 1)
                    await ctx.tick()
            assert bytes(sent) == checksum(data).to_bytes(2, "little")
            assert ctx.get(dut.value) == 0
            ctx.set(dut.clear, 1)
            await ctx.tick()
            ctx.set(dut.clear, 0)
            assert ctx.get(dut.value) == checksum(b"")

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
