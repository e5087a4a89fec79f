"""The network with tables that can be loaded again: other networks of its shape without another circuit."""

from collections.abc import Sequence

from amaranth.hdl import Fragment, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.network.counted import CountedNetwork
from hdl.network.folding import Folding
from hdl.network.top import Network
from hdl.primitives.reload import LoadedTable, collected_tables
from hdl.primitives.table_receiver import MOST_ROW_BYTES, MOST_ROWS, MOST_TABLES, TableReceiver
from quantize.errors import StatespikeError
from quantize.network import QuantizedNetwork

IDENTITY_BYTES = 4
"""Of what tells the network that is loaded."""
NO_NETWORK = 0
"""Identity of a circuit whose tables are of no network, or of none that is whole."""


class ReloadableNetwork(wiring.Component):
    """A network whose tables are written through a stream of bytes; they begin with its own contents.

    Tables in single-port memories begin with unknown ones: no network is loaded then.

    Behind all tables, in the order of their components, one of a single row has the identity of the network
    that is loaded, which a reset does not change. Nothing may be under way while tables are written, and
    a reset must follow: parts of the circuit hold what they read before.

    Parameters
    ----------
    network : Network or CountedNetwork
        Of a network that takes any contents (`QuantizedNetwork.for_any_contents`).
    identity : int
        What tells its own contents.
    single_port_bits : sequence of int
        See `hdl.network.folding.Folding`.

    Members
    -------
    i, o, and counters of clipped values : as of `network`
    tables : In(stream of 8)
        Records, see `hdl.primitives.table_receiver`.
    stored : Out(1)
        High for one cycle when a record has been written.
    identity : Out(32)
    """

    def __init__(
        self,
        network: Network | CountedNetwork,
        identity: int = NO_NETWORK,
        single_port_bits: Sequence[int] = (),
    ):
        self.network, self.single_port_bits = network, single_port_bits
        self.first_identity = NO_NETWORK if any(single_port_bits) else identity
        self.loaded: Sequence[LoadedTable] = ()
        super().__init__(
            {
                **network.signature.members,
                "tables": In(stream.Signature(8)),
                "stored": Out(1),
                "identity": Out(8 * IDENTITY_BYTES),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        with collected_tables(self.single_port_bits) as tables:
            m.submodules.network = Fragment.get(self.network, platform)
        known = LoadedTable("identity", [self.first_identity], 8 * IDENTITY_BYTES)
        self.loaded = [*tables, known]
        _require_room(self.loaded)
        m.submodules.receiver = receiver = TableReceiver(self.loaded)
        identity = Signal(known.width, init=self.first_identity, reset_less=True)
        with m.If(known.write):
            m.d.sync += identity.eq(known.data)
        m.d.comb += [self.identity.eq(identity), self.stored.eq(receiver.stored)]
        wiring.connect(m, wiring.flipped(self.tables), receiver.i)
        wiring.connect(m, wiring.flipped(self.i), self.network.i)
        wiring.connect(m, self.network.o, wiring.flipped(self.o))
        for name in self.network.signature.members:
            if name not in ("i", "o"):
                m.d.comb += getattr(self, name).eq(getattr(self.network, name))
        return m


def circuit_of(network: QuantizedNetwork, folding: Folding) -> Network | ReloadableNetwork:
    """A network's circuit: with tables that can be loaded if the network takes any contents."""
    plain = Network(network, folding)
    if not network.any_contents:
        return plain
    return ReloadableNetwork(plain, single_port_bits=folding.single_port_bits)


def tables_of(network: QuantizedNetwork, folding: Folding) -> Sequence[LoadedTable]:
    """The tables of a network's circuit that can be loaded, in their order.

    Parameters
    ----------
    network : QuantizedNetwork
        That takes any contents.
    folding : Folding
    """
    with collected_tables() as tables:
        Fragment.get(Network(network, folding), None)
    return tables


def _require_room(tables: Sequence[LoadedTable]) -> None:
    for what, found, most in (
        ("tables", len(tables), MOST_TABLES),
        ("rows in a table", max(table.depth for table in tables), MOST_ROWS),
        ("bytes in a row", max(table.row_bytes for table in tables), MOST_ROW_BYTES),
    ):
        if found > most:
            raise StatespikeError(
                f"this circuit has {found:,} {what}, and {most:,} at most can be loaded; build it without "
                "--reload, or for a smaller part or rate"
            )
