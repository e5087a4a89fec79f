"""From bytes to the rows of tables: the way on which a circuit is given other tables."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from hdl.primitives.component import Component
from hdl.primitives.reload import LoadedTable

MOST_TABLES = 1 << 8
MOST_ROWS = 1 << 16
MOST_ROW_BYTES = 1 << 8
ROWS_AT_ONCE = 1 << 8
"""Of a record."""


class RecordHeader(data.StructLayout):
    """What a record's first bytes tell, little-endian.

    Members
    -------
    table : 8
    address : 16
        Of the first row.
    others, last_byte : 8
        Rows behind the first one, and bytes of a row less one.
    """

    def __init__(self) -> None:
        super().__init__({"table": 8, "address": 16, "others": 8, "last_byte": 8})


HEADER_BYTES = RecordHeader().size // 8


class TableReceiver(Component):
    """Records into tables: a header (`RecordHeader`), then rows, each in whole bytes, little-endian.

    The bytes of a row move through one register, from which each table takes its rows. Who sends a record
    must know the tables: what it says of them is not checked.

    Parameters
    ----------
    tables : sequence of LoadedTable
        Numbered in this order. At most `MOST_TABLES`, of `MOST_ROWS` rows and `MOST_ROW_BYTES` bytes a row.

    Members
    -------
    i : In(stream of 8)
    stored : Out(1)
        High for one cycle as a record's last row is written.
    """

    def __init__(self, tables: Sequence[LoadedTable]):
        self.tables = tables
        super().__init__({"i": In(stream.Signature(8)), "stored": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        header = Signal(RecordHeader(), reset_less=True)
        row = Signal(8 * max(table.row_bytes for table in self.tables), reset_less=True)
        part = Signal(8)
        selects = Signal()
        for number, table in enumerate(self.tables):
            own = row[len(row) - 8 * table.row_bytes :]  # the last byte came in at the top
            # A register of its own for each table: nothing of the choice is in the cycle of the write.
            chosen = Signal(name=f"chosen_{number}")
            m.d.sync += chosen.eq(selects & (header.table == number))
            m.d.comb += [
                table.address.eq(header.address),
                table.data.eq(own),
                table.write.eq(chosen),
            ]
        with m.FSM():
            with m.State("HEADER"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    bits = header.as_value()
                    m.d.sync += [bits.eq(_moved(bits, self.i.payload)), part.eq(part + 1)]
                    with m.If(part == HEADER_BYTES - 1):
                        m.d.sync += part.eq(0)
                        m.next = "ROW"
            with m.State("ROW"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.d.sync += [row.eq(_moved(row, self.i.payload)), part.eq(part + 1)]
                    with m.If(part == header.last_byte):
                        m.d.sync += part.eq(0)
                        m.next = "SELECT"
            with m.State("SELECT"):
                m.d.comb += selects.eq(1)
                m.next = "WRITE"
            with m.State("WRITE"):
                m.d.sync += [header.address.eq(header.address + 1), header.others.eq(header.others - 1)]
                m.next = "ROW"
                with m.If(header.others == 0):
                    m.d.comb += self.stored.eq(1)
                    m.next = "HEADER"
        return m


def _moved(register: Signal, byte: Signal) -> Value:
    """The bits of a register a byte further down, and above them the next byte."""
    return Cat(register[8:], byte)
