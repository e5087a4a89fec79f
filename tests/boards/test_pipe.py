"""A serial port carries bytes, and what becomes of it is told in a sentence."""

import os

import pytest

from boards.pipe import LinkError, SerialPort
from quantize.errors import StatespikeError

pty = pytest.importorskip("pty", reason="pseudo terminals are of POSIX")


def test_bytes_and_silence():
    port = SerialPort("loop://", 115_200, timeout=0.1)
    port.write(b"abc")
    assert port.read(3) == b"abc"
    with pytest.raises(LinkError, match=r"fell silent for 0\.1 s"):
        port.read(1)
    port.send_break()
    port.close()


def test_port_that_is_not_there_is_told():
    with pytest.raises(StatespikeError, match="cannot open the serial port /dev/nothing"):
        SerialPort("/dev/nothing", 115_200)


@pytest.fixture
def line():
    """A serial port on a pseudo terminal, and the other end of it."""
    other, ours = pty.openpty()
    port = SerialPort(os.ttyname(ours), 115_200, timeout=0.2)
    os.close(ours)
    yield port, other
    port.close()


def test_data_that_nobody_takes_is_told(line):
    port, other = line
    with pytest.raises(LinkError, match=r"took no data for 0\.2 s"):
        port.write(bytes(1 << 20))
    os.close(other)


@pytest.mark.parametrize("action", [lambda port: port.read(1), lambda port: port.write(b"a")])
def test_unplugging_is_told(line, action):
    port, other = line
    os.close(other)
    with pytest.raises(StatespikeError, match=r"failed \(.*\): is the board still plugged in\?") as told:
        action(port)
    assert not isinstance(told.value, LinkError), "a restart mends nothing"
