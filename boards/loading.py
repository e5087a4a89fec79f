"""The tables of a network as frames for a board that can be loaded with them."""

from collections.abc import Iterator, Sequence

from boards.link import LOAD, Link
from hdl.network.reloadable import NO_NETWORK
from hdl.primitives.reload import LoadedTable
from hdl.primitives.table_receiver import HEADER_BYTES, ROWS_AT_ONCE


def payloads_of(tables: Sequence[LoadedTable], link: Link) -> Iterator[bytes]:
    """Payloads of the frames that load a board with a network; each may be sent again, in this order.

    The first one takes the board's identity away, the last one gives it that of the network.

    Parameters
    ----------
    tables : sequence of LoadedTable
        Of the network; the last one has the identity.
    link : Link
        Of the network.
    """
    *contents, identity = range(len(tables))
    row_bytes = tables[identity].row_bytes
    yield _record(identity, 0, row_bytes, [NO_NETWORK])
    for number in contents:
        table = tables[number]
        # A step's header and a record's, then whole rows.
        rows = min(ROWS_AT_ONCE, max(1, (link.buffer_bytes - 1 - HEADER_BYTES) // table.row_bytes))
        for start in range(0, len(table.words), rows):
            yield _record(number, start, table.row_bytes, table.words[start : start + rows])
    yield _record(identity, 0, row_bytes, [link.loaded_identity])


def _record(table: int, address: int, row_bytes: int, rows: Sequence[int]) -> bytes:
    header = bytes([LOAD, table]) + address.to_bytes(2, "little") + bytes([len(rows) - 1, row_bytes - 1])
    return header + b"".join(row.to_bytes(row_bytes, "little") for row in rows)
